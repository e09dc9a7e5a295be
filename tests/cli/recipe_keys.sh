#!/bin/bash
# recipe_keys.sh - every key of a recipe changes what it says, and every key has a case (recipe_keys/).
. "$(dirname "$0")/lib.sh"
export PYTHONDONTWRITEBYTECODE=1
n_checks=1
python3 "$here/recipe_keys" "$program" "$here/../../recipes/tiny.yaml" >keys.txt 2>keys.err || fail "$(cat keys.txt) $(head -c 3000 keys.err)"
cat keys.txt
finish
