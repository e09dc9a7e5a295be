#!/bin/bash
# reward.sh - problems without an answer are learned from by a reward model's word, and what it is worth is said.
. "$(dirname "$0")/lib.sh"
tiny=$here/../../recipes/tiny.yaml
vstar run "$tiny" --out judge --set verifier.kind=orm --set rounds=1 >judge.txt 2>judge.log || fail "judge: $(tail -1 judge.log)"

# The same problems as files; of those known by their answer alone, half are known by their question alone.
python3 - <<'P'
import json, sqlite3
db = sqlite3.connect("judge/run.db")
files = {s: open(s + ".jsonl", "w") for s in ("sft", "train", "test")}
for n, (split, question, gold, reference) in enumerate(db.execute("SELECT split, question, gold, reference FROM problems ORDER BY id")):
    row = {"id": f"p{n}", "question": question, "answer": gold}
    if split == "sft": row["reference"] = reference
    if split == "train" and n % 2: del row["answer"]
    print(json.dumps(row), file=files[split])
P
settings=()
for s in problems.source=jsonl problems.sft_file=sft.jsonl problems.train_file=train.jsonl problems.test_file=test.jsonl \
    verifier.kind=none gen_data.cap=0 reward.score=value reward.model=judge/models/verifier; do settings+=(--set "$s"); done
vstar run "$tiny" --out run "${settings[@]}" >run.txt 2>run.log || fail "run: $(tail -1 run.log)"

labels=$(sql run "SELECT value FROM facts WHERE key = 'reward'")
mixed=$(sql run "SELECT value FROM facts WHERE key = 'labels'")
same "what is trained on is named by both" "$mixed" "answers+$labels"
same "where there is an answer it labels, elsewhere the reward model" "$(sql run "SELECT count(*) FROM labels m JOIN samples s ON s.id = m.sample_id JOIN problems p ON p.id = s.problem_id
    JOIN labels g ON g.sample_id = s.id AND g.profile = iif(p.gold IS NULL, '$labels', 'arithmetic/2') WHERE m.profile = '$mixed' AND m.verdict <> g.verdict")" 0
check "the labels carry the rule and the model" grep -q '^reward/1:value:1:0:[0-9a-f]\{12\}$' <<<"$labels"
same "every sample of the rounds has one" "$(sql run "SELECT count(*) FROM labels WHERE profile = '$labels'")" $((24 * 4 * 2))
same "a problem without an answer is not gradable" "$(sql run "SELECT group_concat(DISTINCT l.verdict) FROM labels l JOIN samples s ON s.id = l.sample_id JOIN problems p ON p.id = s.problem_id WHERE p.gold IS NULL AND l.profile = 'arithmetic/2'")" 2
same "one text a problem and round is right" "$(sql run "SELECT max(n) FROM (SELECT count(DISTINCT text) n FROM labels l JOIN samples s ON s.id = l.sample_id WHERE profile = '$labels' AND verdict = 1 GROUP BY problem_id, set_id)")" 1
same "none that is not has a higher score" "$(sql run "SELECT count(*) FROM labels l JOIN samples s ON s.id = l.sample_id JOIN scores c ON c.sample_id = s.id AND c.model LIKE '${labels##*:}%'
    JOIN (SELECT problem_id, set_id, min(scores.logprob) best FROM labels JOIN samples ON samples.id = sample_id JOIN scores USING (sample_id) WHERE profile = '$labels' AND verdict = 1 AND scores.model LIKE '${labels##*:}%' GROUP BY 1, 2) b
    ON b.problem_id = s.problem_id AND b.set_id = s.set_id WHERE l.profile = '$labels' AND l.verdict = 0 AND c.logprob > best")" 0
vstar export run gen-set >gen.jsonl
same "the generator learns problems without an answer too" "$(python3 -c '
import json
unknown = {json.loads(l)["id"] for l in open("train.jsonl") if "answer" not in l}
print(len({json.loads(l)["id"] for l in open("gen.jsonl")} & unknown) > 0)')" True
known=$(sql run "SELECT count(*), sum(g.verdict = 1) FROM labels r JOIN labels g USING (sample_id) JOIN samples s ON s.id = sample_id JOIN sets ON sets.id = set_id
    WHERE sets.name = 'round-1' AND r.profile = '$labels' AND r.verdict = 1 AND g.profile = 'arithmetic/2' AND g.verdict < 2")
same "what it is worth is said" "$(sed -n 's/^round-1: .* of \([0-9]*\) whose answer is known \([0-9.]*\) %.*/\1 \2/p' run.log)" \
    "$(python3 -c 'n, r = map(int, "'"$known"'".split("|")); print(n, "%.1f" % (100 * r / n))')"
check "and stands in the report" grep -q 'whose answer is known' run/report.html
check "and is a column of the audit" bash -c "'$program' audit run | grep -q reward/1"
vstar run run/recipe.yaml --out run >again.txt 2>again.log
same "nothing is left to do" "$? $(grep -c 'nothing to do' again.log)" "0 1"

# What another run has is taken over only where this one would come to the same.
vstar run "$tiny" --out alone "${settings[@]}" --set reward.where=all --set reward.score=sum >alone.txt 2>&1
vstar run "$tiny" --out beside --reuse run "${settings[@]}" --set reward.where=all --set reward.score=sum >beside.txt 2>beside.log
counted() { sql "$1" "SELECT count(*), sum(verdict = 1) FROM labels WHERE profile LIKE 'reward/1:sum%'"; }
check "samples are taken over" grep -q 'round-1: .* of another run' beside.log
same "scores of another kind are not" "$(counted beside)" "$(counted alone)"
same "where: all labels them all" "$(sql alone "SELECT group_concat(DISTINCT key) FROM facts WHERE value LIKE 'reward/1:sum:%'")" "labels,reward"
same "nor what was learned from them" "$(sha256sum <beside/models/generator/model.safetensors)" "$(sha256sum <alone/models/generator/model.safetensors)"
python3 -c '
import json
for l in open("train.jsonl"):
    r = json.loads(l); r.setdefault("answer", "1"); print(json.dumps(r))' >all.jsonl
vstar run "$tiny" --out golds --reuse run "${settings[@]}" --set reward.model=null --set problems.train_file=all.jsonl >golds.txt 2>golds.log
same "labels by other golds are not" "$? $(sql golds "SELECT count(*) FROM labels WHERE rule = 'no gold'")" "0 0"

# What cannot be.
vstar run "$tiny" --out none "${settings[@]}" --set reward.model=null >none.txt 2>none.log
same "without a reward model an answer is wanted" "$? $(grep -c 'train.jsonl:2: missing key "answer".*reward.model' none.log)" "1 1"
vstar run "$tiny" --out bad "${settings[@]}" --set reward.score=sum --set reward.threshold=0.5 >bad.txt 2>bad.log
same "a threshold of a log-prob is refused" "$? $(grep -c 'reward.threshold' bad.log)" "1 1"
vstar run "$tiny" --out head "${settings[@]}" --set reward.model=judge/models/sft >head.txt 2>head.log
same "a model without a value head is refused" "$? $(grep -c 'no value head' head.log)" "1 1"
cp -r judge/models/verifier other && sed 's/Tom/Tim/' other/tokenizer.json >t && mv t other/tokenizer.json
vstar run "$tiny" --out words "${settings[@]}" --set reward.model=other >words.txt 2>words.log
same "another tokenizer is refused" "$? $(grep -c 'other/tokenizer.json differs' words.log)" "1 1"
rm -r judge/models/verifier && vstar run "$tiny" --out judge2 --set verifier.kind=orm --set rounds=1 --set seed=2 >judge2.txt 2>&1
mv judge2/models/verifier judge/models/verifier
vstar run run/recipe.yaml --out run >changed.txt 2>changed.log
same "a reward model in another's place is refused" "$? $(grep -c 'were graded by reward/1' changed.log)" "1 1"
finish
