"""rundb.py - a run's folder read without vstar: recipe.yaml, manifests, weights, and run.db by docs/RUN_DB.md."""
import array
import hashlib
import json
import re
import sqlite3
import struct

WRONG, RIGHT, UNGRADABLE = 0, 1, 2
VERIFIER_ROW = {"dpo": "V-STaR", "orm": "G_T + ORM", "generative": "G_T + generative verifier"}


class Sample:
    """A stored solution. label: {profile: (verdict, normal form)}; score: {model's name: score}."""

    def __init__(self, row):
        self.id, self.problem, self.set, self.number, ids, tokens, self.logprob, self.text, self.finish, self.model = row
        self.ids = array.array("i", ids).tolist()
        self.token_logprobs = array.array("f", tokens).tolist() if tokens is not None else None
        self.label, self.score = {}, {}

    def is_cut(self):
        return self.finish == "length"

    def verdict(self, profile):
        return self.label.get(profile, (None, None))[0]


def recipe_of(path):
    """Dotted keys of a recipe as vstar writes it."""
    out, place = {}, []
    for line in open(path):
        depth = (len(line) - len(line.lstrip(" "))) // 2
        name, _, value = line.strip().partition(":")
        if not name or name.startswith("#"):
            continue
        place = place[:depth] + [name]
        value = value.strip()
        if value:
            try:
                out[".".join(place)] = json.loads(value)
            except ValueError:
                out[".".join(place)] = value
    return out


def weights_of(folder):
    """{tensor: floats} of a folder in f32."""
    with open(f"{folder}/model.safetensors", "rb") as f:
        n, = struct.unpack("<Q", f.read(8))
        header, data = json.loads(f.read(n)), f.read()
    header.pop("__metadata__", None)
    return {name: array.array("f", data[t["data_offsets"][0]:t["data_offsets"][1]]) for name, t in header.items()}


class Run:
    def __init__(self, folder):
        self.dir = folder
        self.recipe = recipe_of(f"{folder}/recipe.yaml")
        self.db = sqlite3.connect(f"file:{folder}/run.db?mode=ro", uri=True)
        self.facts = dict(self.rows("SELECT key, value FROM facts"))
        self.problems = {row[0]: row for row in self.rows("SELECT id, split, key, question, prompt, gold, reference FROM problems")}
        self.samples = [Sample(row) for row in self.rows(
            """SELECT x.id, problem_id, t.name, number, x.ids, token_logprobs, logprob, text, finish, model FROM samples x
               JOIN sets t ON t.id = set_id ORDER BY problem_id, set_id, number""")]
        by_id = {x.id: x for x in self.samples}
        for sample, profile, verdict, normal in self.rows("SELECT sample_id, profile, verdict, normal FROM labels"):
            by_id[sample].label[profile] = (verdict, normal)
        for sample, model, score in self.rows("SELECT sample_id, model, logprob FROM scores"):
            by_id[sample].score[model] = score

    def rows(self, query, *values):
        return self.db.execute(query, values).fetchall()

    def of_split(self, *splits):
        return [p for p in self.problems.values() if p[1] in splits]

    def of_set(self, name):
        return [x for x in self.samples if x.set == name]

    def by_problem(self, name):
        out = {}
        for x in self.of_set(name):
            out.setdefault(x.problem, []).append(x)
        return out

    def manifest(self, model):
        return json.load(open(f"{self.dir}/models/{model}/manifest.json"))

    @staticmethod
    def manifest_of(folder):
        """The hash of a model folder."""
        return json.load(open(f"{folder}/manifest.json"))["model"]

    def has_model(self, model):
        try:
            return bool(self.manifest(model))
        except FileNotFoundError:
            return False

    def weights(self, model):
        return weights_of(f"{self.dir}/base" if model == "base" else f"{self.dir}/models/{model}")

    def computed(self, model_hash):
        """What samples and scores of a model stand under."""
        if self.recipe["compute"] == "f32":
            return model_hash
        return hashlib.sha256(f"{model_hash} compute bf16".encode()).hexdigest()

    def score_name(self, model):
        """The name of a model's scores; of a verifier, by its kind."""
        name = self.computed(self.manifest(model)["model"])
        if not model.startswith("verifier") or self.recipe["verifier.kind"] == "dpo":
            return name
        if self.recipe["verifier.kind"] == "orm":
            return name + ":value"
        found = {m for x in self.samples for m in x.score if m.startswith(name + ":yes-")}
        return found.pop() if len(found) == 1 else name + ":yes-?"

    def curve(self, model):
        """Steps of a training, as dictionaries."""
        names = ["step", "loss", "grad_norm", "lr", "accuracy", "margin", "logp_right", "logp_wrong", "n_tokens"]
        return [dict(zip(names, row)) for row in self.rows(f"SELECT {', '.join(names)} FROM train_rows WHERE model = ? ORDER BY step", model)]


def round_of(name):
    """0 of the references, t of a round's samples; None: not trained on."""
    found = re.fullmatch(r"reference|(?:round|rationale)-([1-9][0-9]*)", name)
    return int(found[1] or 0) if found else None
