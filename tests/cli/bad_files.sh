# bad_files.sh - the files that bad_input.txt names. Sourced in the scratch folder, beside model/ and run/.

# like NAME: a copy of the good model to be spoilt
like() { rm -rf "$1" && cp -r model "$1"; }
# edit FILE FROM TO
edit() { sed -i "s/$2/$3/" "$1"; }
# u64 N: eight bytes, little endian
u64() { printf "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)) 0 0 0 0)"; }
# tensors FILE HEADER [DATA]: a safetensors file
tensors() { { u64 ${#2}; printf '%s' "$2"; printf '%s' "${3:-}"; } >"$1"; }

mkdir -p empty
: >empty.jsonl
echo '{"prompt":"1"' >torn.jsonl
echo '[1,2]' >list.jsonl
printf '{"prompt":"1","completion":"2"}\n{"prompt":1,"completion":"2"}\n' >second_bad.jsonl
head -c 3000 /dev/zero | tr '\0' '[' >deep.jsonl
printf '{"prompt":"1","completion":"\xff\xfe"}\n' >not_utf8.jsonl

like no_config && rm no_config/config.json
like empty_config && : >empty_config/config.json
like torn_config && head -c 40 model/config.json >torn_config/config.json
like gpt_config && edit gpt_config/config.json '"model_type": *"llama"' '"model_type":"gpt2"'
like text_config && edit text_config/config.json '"hidden_size": *16' '"hidden_size":"16"'
like huge_config && edit huge_config/config.json '"vocab_size": *20' '"vocab_size":99999999999'
like odd_config && edit odd_config/config.json '"hidden_size": *16' '"hidden_size":24'
like zero_config && edit zero_config/config.json '"num_hidden_layers": *2' '"num_hidden_layers":0'

like no_tokenizer && rm no_tokenizer/tokenizer.json
like empty_tokenizer && : >empty_tokenizer/tokenizer.json
like torn_tokenizer && head -c 200 model/tokenizer.json >torn_tokenizer/tokenizer.json
like wordpiece && edit wordpiece/tokenizer.json '"type": *"BPE"' '"type":"WordPiece"'
like bad_vocab && edit bad_vocab/tokenizer.json '"0": *0' '"0":"zero"'
like bad_pre && edit bad_pre/tokenizer.json '"pre_tokenizer": *{"type": *"ByteLevel"' '"pre_tokenizer":{"type":"Sorcery"'

like no_weights && rm no_weights/model.safetensors
like empty_weights && : >empty_weights/model.safetensors
like torn_weights && head -c 2000 model/model.safetensors >torn_weights/model.safetensors
like long_header && { u64 4000000000; echo '{}'; } >long_header/model.safetensors
like text_header && tensors text_header/model.safetensors 'not json'
like hole && tensors hole/model.safetensors '{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}' 12345678
like overlap && tensors overlap/model.safetensors '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}' 12345678
like overflow && tensors overflow/model.safetensors '{"a":{"dtype":"F32","shape":[4294967296,4294967296,16],"data_offsets":[0,4]}}' 1234
like unknown_dtype && tensors unknown_dtype/model.safetensors '{"a":{"dtype":"X9","shape":[1],"data_offsets":[0,4]}}' 1234
like wrong_tensors && tensors wrong_tensors/model.safetensors '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}' 1234

echo '{"prompt":"1+1","right":["=2"],"wrong":["=3"]}' >pairs.jsonl
vstar train dpo --model model --data pairs.jsonl --out adapter --set lora.rank=2 --set steps=1 2>/dev/null
for name in no_lora torn_lora dora ia3 rank0 wrong_lora; do cp -r adapter $name; done
rm no_lora/adapter_model.safetensors
head -c 100 adapter/adapter_model.safetensors >torn_lora/adapter_model.safetensors
edit dora/adapter_config.json '"use_dora": *false' '"use_dora":true'
edit ia3/adapter_config.json '"peft_type": *"LORA"' '"peft_type":"IA3"'
edit rank0/adapter_config.json '"r": *2' '"r":0'
edit wrong_lora/adapter_config.json '"r": *2' '"r":3'

for name in no_db text_db other_db future_db torn_db no_recipe; do cp -r run $name; done
rm no_db/run.db no_recipe/recipe.yaml
echo 'hello' >text_db/run.db
for name in other_db future_db; do rm -f $name/run.db-wal $name/run.db-shm; done
# The header's application_id is at byte 68, user_version at 60, both big endian (sqlite.org/fileformat.html).
printf 'XXXX' | dd of=other_db/run.db bs=1 seek=68 conv=notrunc 2>/dev/null
printf '\0\0\0\143' | dd of=future_db/run.db bs=1 seek=60 conv=notrunc 2>/dev/null
head -c 5000 run/run.db >torn_db/run.db

good='problems: {source: bags, n_sft: 2, n_train: 2, n_test: 2}\nbase: model\n'
recipe() { printf "$2" >"$1.yaml"; }
: >empty.yaml
recipe unknown_key "${good}roundz: 3\n"
recipe bad_type "${good}rounds: many\n"
recipe bad_range "${good}sample: {temperature: -1}\n"
recipe not_yaml 'rounds: [1, 2\n'
recipe twice "${good}rounds: 1\nrounds: 2\n"
recipe bad_grader "${good}grader: oracle\n"
recipe no_command "${good}grader: external\n"
recipe stray_command "${good}grader_command: [true]\n"
recipe test_set 'problems: {source: humaneval, train_file: torn.jsonl, test_file: torn.jsonl}\nbase: model\ngrader: humaneval\n'
recipe check_files 'problems: {source: gsm8k, train_file: gsm.jsonl, test_file: gsm_test.jsonl, check_files: [torn.jsonl]}\nbase: model\nprompt: "{question}"\n'
echo '{"question":"1+1?","answer":"#### 2"}' >gsm.jsonl
echo '{"question":"1+2?","answer":"#### 3"}' >gsm_test.jsonl
recipe bad_suite 'name: a\nseeds: [1\nx'
recipe odd_suite 'name: a\nrecipe: r.yaml\nseeds: [1]\nsytems: []\n'
recipe plain "${good}"
recipe odd_set 'name: a\nrecipe: plain.yaml\nseeds: [1]\nsystems: [{name: x, set: [rounds=none]}]\n'
recipe odd_claim 'name: a\nrecipe: plain.yaml\nseeds: [1]\nsystems: [{name: x}]\nclaims: [{name: c, left: x, right: y, k: [1]}]\n'
recipe no_file 'problems: {source: jsonl, train_file: nowhere.jsonl, test_file: nowhere.jsonl}\nbase: model\ngrader: gsm8k\n'
recipe torn_problems 'problems: {source: jsonl, train_file: torn.jsonl, test_file: torn.jsonl, n_sft: 1}\nbase: model\ngrader: gsm8k\n'
recipe no_base 'problems: {source: bags, n_sft: 2, n_train: 2, n_test: 2}\nbase: nowhere\ngrader: arithmetic\n'
recipe alias 'a: &a [1]\nb: *a\n'
