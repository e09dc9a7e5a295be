#!/bin/bash
# import.sh - a GGUF file becomes a folder that the other verbs run; a file that is cut short becomes an error.
. "$(dirname "$0")/lib.sh"
golden=$here/../golden

check "a file is imported" vstar import "$golden/tiny.gguf" tiny
same "nothing else is left" "$(ls -d tiny*)" tiny
same "the folder's files" "$(ls tiny | tr '\n' ' ')" \
    'config.json generation_config.json model.safetensors tokenizer.json tokenizer_config.json '
same "its tokenizer runs" "$(echo '{"text":"1+1=2  3\t"}' | vstar tokenize --model tiny)" '{"ids":[1,262,260,275,265,279,266,12]}'
same "and back" "$(echo '{"ids":[1,262,260,275,265,279,266,12]}' | vstar tokenize --model tiny --decode --skip-special)" '{"text":"1+1=2  3\t"}'
check "its weights run" vstar logprobs --model tiny --data <(echo '{"prompt":"1+1","completion":"=2"}')
check "inspect explains it" vstar inspect tiny
check "it can be trained" vstar train sft --model tiny --data <(echo '{"prompt":"1+1","completion":"=2"}') --out sft --set steps=1

check "a slash at the end is nothing" vstar import "$golden/tiny.gguf" made/here/
same "and leaves nothing else either" "$(ls made)" here

check "weights are written as f32 when asked" vstar import "$golden/tiny.gguf" wide --dtype f32
check "f32 says so" grep -q '"torch_dtype": "float32"' wide/config.json
same "an existing folder is refused" "$(vstar import "$golden/tiny.gguf" tiny 2>&1 | grep -c 'tiny: exists already')" 1

# Cut short (Knuth's MMIX generator says where): exit 1, one line that names the file, no folder.
size=$(stat -c %s "$golden/tiny.gguf")
draw=1
for _ in $(seq 20); do
    draw=$((draw * 6364136223846793005 + 1442695040888963407))
    cut=$(((draw >> 33 & 0x3fffffff) % size))
    head -c $cut "$golden/tiny.gguf" >cut.gguf
    vstar import cut.gguf cut >cut.out 2>cut.err
    same "a file cut at byte $cut is refused" "$? $(grep -c '^vstar import: cut.gguf: ' cut.err) $(wc -l <cut.err) $(ls -d cut cut.vstar-partial 2>/dev/null)" "1 1 1 "
done
finish
