"""problems.py - cases of the keys of section problems, and of what a run is begun with."""
import json
import os
import subprocess
import threading

from runner import Run, as_text, case, equal, recipe, refused, run, start, true, vstar

lock = threading.Lock()
FILES = {"problems.source": "jsonl", "problems.train_file": "train.jsonl", "problems.test_file": "test.jsonl"}


def base_of_bytes():
    """A folder of a tiny model that can read any text, made once."""
    with lock:
        if not os.path.exists("bytes/config.json"):
            os.makedirs("shape")
            json.dump({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
                       "num_attention_heads": 1, "num_key_value_heads": 1, "max_position_embeddings": 512, "vocab_size": 257, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
                       "tie_word_embeddings": False, "torch_dtype": "float32", "bos_token_id": None, "eos_token_id": 256}, open("shape/config.json", "w"))
            plain = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174]
            rest = [b for b in range(256) if b not in plain]
            name = {**{b: chr(b) for b in plain}, **{b: chr(256 + i) for i, b in enumerate(rest)}}
            level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
            json.dump({"version": "1.0", "truncation": None, "padding": None, "normalizer": None, "pre_tokenizer": level, "post_processor": None, "decoder": level,
                       "added_tokens": [{"id": 256, "content": "<eos>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}],
                       "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False,
                                 "byte_fallback": False, "ignore_merges": False, "vocab": {name[b]: b for b in range(256)}, "merges": []}}, open("shape/tokenizer.json", "w"))
            with open("row.jsonl", "w") as f:
                print(json.dumps({"prompt": "1", "completion": "2"}), file=f)
            code, _, err = vstar("train", "sft", "--model", "shape", "--data", "row.jsonl", "--out", "bytes", "--init-seed", "1", "--set", "steps=1", "--set", "lr=1e-9",
                                 "--set", "warmup=0")
            true(code == 0, err)
    return "bytes"


def rows(name, items):
    with lock, open(name, "w") as f:
        f.writelines(json.dumps(item) + "\n" for item in items)
    return name


def plain_files():
    """The problems of the plain run as files: train.jsonl, whose first rows have references, and test.jsonl."""
    r = run()
    of = lambda *splits: [{"id": key, "question": question, "answer": gold, "reference": reference} if reference else {"id": key, "question": question, "answer": gold}
                          for _, _, key, question, _, gold, reference in r.of_split(*splits)]
    return rows("train.jsonl", of("sft", "train")), rows("test.jsonl", of("test"))


def loaded(settings):
    """Problems as a run stores them, which may then end for another reason: {split: [(question, gold, reference)]}"""
    import sqlite3
    slot = start({"base": base_of_bytes(), "sample.max_tokens": 2, "sample.k": 1, "sft.first_epochs": 1, "sft.epochs": 1, "verifier.kind": "none", "problems.n_sft": 0,
                  "problems.n_train": 0, "problems.n_test": 0, "eval.n": 1, "eval.baselines": False, **settings})
    out = {}
    try:
        for split, *row in sqlite3.connect(f"file:{slot['folder']}/run.db?mode=ro", uri=True).execute("SELECT split, question, gold, reference, prompt FROM problems ORDER BY id"):
            out.setdefault(split, []).append(tuple(row))
    except sqlite3.OperationalError:
        pass
    return out, slot["err"]


def task(number):
    return {"task_id": number, "text": f"Write program {number}.", "code": "def f():\n    return 1", "test_list": [f"assert f() == {number}"]}


@case("problems.source")
def source():
    gsm = rows("gsm.jsonl", [{"question": f"q{i}", "answer": f"so\n#### {i}"} for i in range(4)])
    test = rows("gsm-test.jsonl", [{"question": "t", "answer": "#### 5"}])
    files = {"problems.train_file": gsm, "problems.test_file": test}
    equal([row[1] for row in loaded({"problems.source": "gsm8k", **files})[0]["sft"]], ["0", "1", "2", "3"], "gsm8k: golds")
    plain = [{"question": "q", "answer": "#### 7", "reference": "x #### 7"}]
    equal(loaded({"problems.source": "jsonl", "problems.train_file": rows("plain.jsonl", plain), "problems.test_file": rows("plain-test.jsonl", [{"question": "t", "answer": "1"}])})[0]["sft"][0][1],
          "#### 7", "jsonl: golds")
    sizes = {"problems.n_sft": 2, "problems.n_train": 2, "problems.n_test": 2}
    true(all("of" in row[0] for row in loaded({"problems.source": "bags", **sizes})[0]["sft"]), "bags have questions of bags")
    true(all(row[0].startswith("Input:") for row in loaded({"problems.source": "addition", **sizes})[0]["sft"]), "addition has sums")
    true(loaded({"problems.source": "hard", **sizes})[0]["sft"] != loaded({"problems.source": "bags", **sizes})[0]["sft"], "hard has others than bags")


@case("problems.min_digits", "problems.max_digits")
def digits():
    found, err = loaded({"problems.source": "addition", "problems.min_digits": 2, "problems.max_digits": 3, "problems.n_sft": 20, "problems.n_train": 20, "problems.n_test": 20})
    import re
    lengths = {len(n.replace(" ", "")) for split in found.values() for row in split for n in re.findall(r"[0-9](?: ?[0-9])*", row[0])}
    equal(lengths, {2, 3}, f"digits ({err[-100:]}):")


@case("problems.train_file", "problems.test_file", "problems.n_sft", "problems.n_train", "problems.n_test")
def files():
    train, test = plain_files()
    r = run({**FILES, "problems.n_sft": 3, "problems.n_train": 2, "problems.n_test": 1}, reuse=False)
    lines = lambda name, begin, end: [json.loads(line)["question"] for line in open(name)][begin:end]
    for split, name, begin, end in (("sft", train, 0, 3), ("train", train, 3, 5), ("test", test, 0, 1)):
        equal([p[3] for p in r.of_split(split)], lines(name, begin, end), f"{split}:")


@case("problems.sft_file")
def sft_file():
    plain_files()
    solved = [{"question": "Tom buys some bags of 2 pens and now has 6. How many bags?", "answer": "3", "reference": "Try 3. 3*2=6. #### 3"}]
    r = run({**FILES, "problems.sft_file": rows("sft.jsonl", solved), "problems.n_sft": 0, "problems.n_train": 4, "problems.n_test": 1, "verifier.kind": "none"}, reuse=False)
    equal(([p[3] for p in r.of_split("sft")], len(r.of_split("train"))), ([solved[0]["question"]], 4), "D_SFT:")


@case("problems.test_source", "problems.test_split")
def test_source():
    gsm = rows("gsm3.jsonl", [{"question": f"q{i}", "answer": f"so\n#### {i}"} for i in range(3)])
    tasks = rows("mbpp.jsonl", [task(n) for n in (11, 12, 511, 601)])
    files = {"problems.source": "gsm8k", "problems.train_file": gsm, "problems.test_file": tasks, "problems.test_source": "mbpp"}
    for split, tests in (("test", ["11", "12"]), ("validation", ["511"])):
        found, err = loaded({**files, "problems.test_split": split, "eval.grader": "mbpp"})
        true("test" in found, f"test_split {split}: {err[-200:]}")
        equal([row[0].split()[2].strip(".") for row in found["test"]], tests, f"test_split {split}:")


@case("weak_sandbox")
def weak_sandbox():
    """Where namespaces do not work, programs are graded only when the key asks for it, and the run says how."""
    within = ["unshare", "-Ur", "sh", "-c", "cd /proc/sys/user && echo 0 >max_user_namespaces && echo 0 >max_mnt_namespaces && cd \"$0\" && exec \"$@\"", os.getcwd()]
    if subprocess.run([*within, "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
        within = []  # there are none to take away
    settings = {"base": base_of_bytes(), "problems.source": "mbpp", "problems.train_file": rows("weak.jsonl", [{**task(n), "code": f"def f():\n    return {n}"} for n in (601, 602, 11)]), "problems.test_file": "weak.jsonl",
                "grader": "mbpp", "problems.n_sft": 1, "problems.n_train": 1, "problems.n_test": 1, "rounds": 1, "sample.k": 1, "sample.max_tokens": 2, "sft.first_epochs": 1,
                "sft.epochs": 1, "verifier.kind": "none", "eval.n": 1, "eval.baselines": False}
    for flag, expected in (("false", 1), ("true", 0)):
        words = [word for key, value in {**settings, "weak_sandbox": flag}.items() for word in ("--set", f"{key}={as_text(value)}")]
        code, _, err = vstar("run", recipe, "--out", f"weak-{flag}", *words, within=within)
        equal(code, expected, f"weak_sandbox {flag}: {err[-300:]}")
        true(expected == 0 or "weak_sandbox: true" in err, f"the refusal names the key: {err[-300:]}")
    true("seccomp" in Run("weak-true").facts["sandbox"], "the facts name the isolation")


@case("problems.check_files")
def check_files():
    theirs = rows("theirs.jsonl", [{"question": run().of_split("sft")[0][3], "answer": "1"}])
    r = run({"problems.check_files": f"[jsonl:{theirs}]", "verifier.kind": "none"})
    equal(json.loads(r.facts[f"contamination:jsonl:{theirs}"])["exact"], 1, "training problems that are theirs:")


@case("problems.allow_test_set_training")
def test_set_training():
    tests = rows("human.jsonl", [{"task_id": f"HumanEval/{i}", "prompt": f"def f{i}():\n", "entry_point": f"f{i}", "canonical_solution": "    return 1\n",
                                  "test": f"def check(c):\n    assert c() == {i}\n"} for i in range(4)])
    files = {"problems.source": "humaneval", "problems.train_file": tests, "problems.test_file": rows("plain-test2.jsonl", [{"question": "t", "answer": "1"}]), "problems.test_source": "jsonl"}
    found, err = loaded(files)
    true(not found and "allow_test_set_training" in err, f"humaneval is no training set: {err[-200:]}")
    true(loaded({**files, "problems.allow_test_set_training": True})[0].get("sft"), "unless it is allowed")


@case("problems.prompt")
def prompt():
    r = run({"problems.prompt": "#### {question} "})
    true(all(p[4] == f"#### {p[3]} " for p in r.problems.values()), "the prompt is the template filled in")


@case("problems.seed", "seed")
def seeds():
    """Built-in problems by problems.seed, or the run's; draws, data order and all else by the run's."""
    questions = lambda r: [p[3] for p in r.problems.values()]
    plain, other, fixed, again = run(), run({"seed": 2}), run({"problems.seed": 7}), run({"problems.seed": 7, "seed": 2})
    true(questions(plain) != questions(other), "another seed, other problems")
    true(questions(fixed) != questions(plain), "another problems.seed, other problems")
    equal(questions(fixed), questions(again), "one problems.seed, the same problems:")
    true(fixed.manifest("sft")["rows"] == again.manifest("sft")["rows"] and fixed.manifest("sft")["model"] != again.manifest("sft")["model"], "the order of training is the seed's")
    still = [run({"problems.seed": 7, "seed": 1, "sft.lr": 0})]
    still += [run({"problems.seed": 7, "seed": 2, "sft.lr": 0}, others=[still[0].dir])]  # which has other draws
    equal(*(r.manifest("sft")["model"] for r in still), "nothing is learned:")
    for name in ("round-1", "test:sft", "test:generator"):
        true([x.ids for x in still[0].of_set(name)] != [x.ids for x in still[1].of_set(name)], f"draws of {name} are the seed's")
    greedy = [run({"problems.seed": 7, "seed": seed, "sft.lr": 0, "sample.temperature": 0, "dpo.batch": 2}) for seed in (1, 2)]
    equal(*(r.manifest("verifier")["rows"] for r in greedy), "the same pairs:")
    true(greedy[0].manifest("verifier")["model"] != greedy[1].manifest("verifier")["model"], "the order of the verifier's training is the seed's")


@case("problems.chat", "problems.system")
def chat():
    os.makedirs("chat", exist_ok=True)
    for name in os.listdir(f"{start({})['folder']}/base"):
        with open(f"{start({})['folder']}/base/{name}", "rb") as f, open(f"chat/{name}", "wb") as g:
            g.write(f.read())
    template = "{% for m in messages %}{{ '#### ' if m.role == 'user' }}{{ m.content }}{{ '<eos>' if m.role == 'assistant' }}{% endfor %}"
    json.dump({"eos_token": "<eos>", "chat_template": template}, open("chat/tokenizer_config.json", "w"))
    for settings, begin in (({}, ""), ({"problems.chat": True}, "#### "), ({"problems.chat": True, "problems.system": "Try 5. "}, "Try 5. #### ")):
        r = run({"base": "chat", "verifier.kind": "none", **settings}, reuse=False)
        true(all(p[4] == f"{begin}{p[3]} " for p in r.problems.values()), f"{settings}: prompts begin with '{begin}'")


@case("problems.skip_long")
def skip_long():
    train, test = plain_files()
    items = [json.loads(line) for line in open(train)]
    items[3]["question"] = " ".join(["Tom buys some bags of 7 pens."] * 60)
    files = {**FILES, "problems.train_file": rows("long.jsonl", items), "problems.n_sft": 3, "problems.n_train": 3}
    true("the model takes 256" in refused(files), "a problem that is too long is refused")
    equal(len(run({**files, "problems.skip_long": True}, reuse=False).of_split("train")), 2, "or left out: training problems")


@case("name")
def name():
    where = os.path.abspath(recipe)
    code, _, err = vstar("run", where, "--set", "name=other", "--set", "rounds=1", "--set", "problems.n_sft=2", "--set", "problems.n_train=2", "--set", "problems.n_test=1", "--set", "sample.k=1",
                         "--set", "eval.n=1", "--set", "verifier.kind=none")
    true(code == 0 and os.path.exists("runs/other/run.db"), f"the folder is runs/NAME: {err[-200:]}")


@case("base")
def base():
    r = run({"base": f"{start({})['folder']}/models/generator", "verifier.kind": "none"}, reuse=False)
    equal(r.manifest("sft")["from"], run().manifest("generator")["model"], "generators start from")
