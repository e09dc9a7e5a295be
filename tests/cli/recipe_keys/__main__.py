"""For every key of a recipe: the key changes what docs/RECIPE.md says that it changes, seen in the folder of a small run.

usage: recipe_keys PROGRAM RECIPE [KEY ..]     all keys that the program writes into recipe.yaml; one without a case fails
"""
import sys
from concurrent.futures import ThreadPoolExecutor

import problems   # noqa: F401
import stages     # noqa: F401
import training   # noqa: F401
from runner import cases, run


def outcome(function):
    try:
        function()
    except Exception as e:  # of whatever kind, it is this case's
        return f"{type(e).__name__}: {e}"
    return None


known = list(run().recipe)
keys = sys.argv[3:] or known
functions = list(dict.fromkeys(f for key in keys if key in known for f in cases.get(key, [])))
with ThreadPoolExecutor(2) as pool:
    outcomes = dict(zip(functions, pool.map(outcome, functions)))
failures = [f"{key}: there is no case of it in tests/cli/recipe_keys" for key in keys if key not in cases]
failures += [f"{', '.join(key for key in keys if f in cases.get(key, []))}: {why}" for f, why in outcomes.items() if why]
print(f"{len(keys)} keys, {len(functions)} cases, {len(failures)} failed")
print("\n".join(failures), file=sys.stderr)
sys.exit(bool(failures))
