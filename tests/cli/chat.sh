#!/bin/bash
# chat.sh - a run with a chat template: one whose words are the plain prompt makes the same models, to the byte.
. "$(dirname "$0")/lib.sh"
recipe=$here/../../recipes/tiny.yaml
cp -r "$here/../../assets/demo-base" base && chmod -R u+w base
plain="{% for m in messages %}{{ m.content }}{{ '<eos>' if m.role == 'assistant' }}{% endfor %}"
config() { printf '{"eos_token": "<eos>", "chat_template": "%s"}' "$1" >base/tokenizer_config.json; }
config "$plain"
vstar run "$recipe" --out plain --set base=base >/dev/null 2>plain.txt
vstar run "$recipe" --out chat --set base=base --set problems.chat=true >/dev/null 2>chat.txt
same "a chat run ends well" $? 0
for model in sft generator verifier; do
    check "$model is the same" cmp plain/models/$model/model.safetensors chat/models/$model/model.safetensors
done
config "#### ${plain}"
vstar run "$recipe" --out other --set base=base --set problems.chat=true >/dev/null 2>other.txt
same "a template with words of its own" $? 0
check "is in the prompts" grep -q '^#### ' <(sqlite3 other/run.db "SELECT prompt FROM problems WHERE id = 1")
check "makes another model" test "$(cmp -s plain/models/sft/model.safetensors other/models/sft/model.safetensors; echo $?)" = 1
vstar ask other "Leo buys some trays of 5 shells. Leo gives 4 away and now has 61. How many trays?" -n 2 >ask.txt 2>ask.err
same "ask renders too" $? 0
config "{% for m in messages %}{{ m.content }}{% endfor %}"
vstar run "$recipe" --out endless --set base=base --set problems.chat=true >/dev/null 2>endless.txt
same "a turn without an end is refused" "$? $(grep -c 'sampling would not stop' endless.txt)" "1 1"
config "{{ raise_exception('only tools') }}"
vstar run "$recipe" --out raises --set base=base --set problems.chat=true >/dev/null 2>raises.txt
same "what the template raises is said" "$? $(grep -c 'the template says: only tools' raises.txt)" "1 1"
rm base/tokenizer_config.json
vstar run "$recipe" --out none --set base=base --set problems.chat=true >/dev/null 2>none.txt
same "no template is an error that names the file" "$? $(grep -c 'tokenizer_config.json' none.txt)" "1 1"
vstar run "$recipe" --out system --set base=base --set problems.system=x >/dev/null 2>system.txt
same "a system text needs chat" "$? $(grep -c 'problems.system' system.txt)" "1 1"
finish
