# lib.sh - what the command-line tests share. Arguments: PROGRAM FILL_RUN SCRATCH SHARED.
set -u
program=$1 fill_run=$2 scratch=$3 shared=$4
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
rm -rf "$scratch" && mkdir -p "$scratch" && cd "$scratch" || exit 1
n_checks=0 n_failed=0

vstar() { "$program" "$@"; }

fail() {
    n_failed=$((n_failed + 1))
    echo "FAILED: $*"
}

# check NAME COMMAND..: the command succeeds
check() {
    local name=$1
    shift
    n_checks=$((n_checks + 1))
    "$@" >/dev/null 2>check.err || fail "$name: $(head -c 300 check.err)"
}

# same NAME A B: two texts are equal
same() {
    n_checks=$((n_checks + 1))
    [ "$2" == "$3" ] || fail "$1: found '$2', expected '$3'"
}

finish() {
    echo "$n_checks checks, $n_failed failed"
    [ "$n_failed" == 0 ]
    exit
}

# sql RUN QUERY
sql() { sqlite3 "$1/run.db" "$2" 2>&1; }

# fact RUN MODEL [KEY]: what a model's manifest says, its hash unless another key is named
fact() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1/models/$2/manifest.json" "${3:-model}"; }

# A model folder of a few thousand parameters that needs nothing from outside: config, weights by `train --init-seed`, a
# byte-level tokenizer of digits and signs.
make_model() {
    mkdir -p shape
    cat >shape/config.json <<'J'
{"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_act":"silu","hidden_size":16,"intermediate_size":32,
"num_hidden_layers":2,"num_attention_heads":2,"num_key_value_heads":1,"max_position_embeddings":64,"vocab_size":20,
"rms_norm_eps":1e-5,"rope_theta":10000.0,"tie_word_embeddings":false,"torch_dtype":"float32","bos_token_id":null,"eos_token_id":19}
J
    cat >shape/tokenizer.json <<'J'
{"version":"1.0","truncation":null,"padding":null,"added_tokens":[{"id":19,"content":"<eos>","single_word":false,
"lstrip":false,"rstrip":false,"normalized":false,"special":true}],"normalizer":null,
"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},
"post_processor":null,"decoder":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true},
"model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,"end_of_word_suffix":null,
"fuse_unk":false,"byte_fallback":false,"ignore_merges":false,
"vocab":{"0":0,"1":1,"2":2,"3":3,"4":4,"5":5,"6":6,"7":7,"8":8,"9":9,"+":10,"-":11,"=":12,"*":13,"#":14,".":15,"?":16,"T":17,"Ġ":18},
"merges":[]}}
J
    echo '{"prompt":"1+1","completion":"=2"}' >one.jsonl
    vstar train sft --model shape --data one.jsonl --out model --init-seed 1 --set steps=1 --set lr=1e-9 2>/dev/null
}
