"""runner.py - cases of recipe keys, and the small runs that they look at. A run is made once, on one thread; others take over
from it what they would make the same."""
import os
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "recompute"))
from rundb import Run  # noqa: E402

SMALL = {"rounds": 1, "problems.n_sft": 8, "problems.n_train": 4, "problems.n_test": 3, "sample.k": 4, "sample.max_tokens": 48, "gen_data.cap": 0, "eval.n": 2}
program, recipe = sys.argv[1], sys.argv[2]
cases = {}  # {key: functions that fail when the key does not do what it says}
lock, made = threading.Lock(), {}


def case(*keys):
    def add(function):
        for key in keys:
            cases.setdefault(key, []).append(function)
        return function
    return add


def vstar(*words, text=None, within=()):
    """(exit code, standard output, standard error) of the program, started by the command within."""
    done = subprocess.run([*within, program, *words], input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "VSTAR_THREADS": "1"})
    return done.returncode, done.stdout, done.stderr


def as_text(value):
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else "null" if value is None else str(value)


def start(settings, reuse=(), folder=None):
    """Runs the recipe with SMALL and the settings over it, once for equal settings: {"folder", "code", "out", "err"}."""
    words = [f"{key}={as_text(value)}" for key, value in sorted({**SMALL, **settings}.items())]
    with lock:
        fresh = tuple(words) not in made
        slot = made.setdefault(tuple(words), {"done": threading.Event(), "folder": folder or f"run-{len(made)}", "code": -1, "out": "", "err": "it did not start"})
    if fresh:
        others = [word for other in reuse for word in ("--reuse", other)]
        try:
            slot["code"], slot["out"], slot["err"] = vstar("run", recipe, "--out", slot["folder"], *others, *(w for word in words for w in ("--set", word)))
        finally:
            slot["done"].set()
    slot["done"].wait()
    return slot


def run(settings=None, reuse=True, others=()):
    """The run with these settings, all of it. It may take over from the plain run, and from others."""
    settings = dict(settings or {})
    others = [*others, start({})["folder"]] if reuse and settings else []
    slot = start(settings, others)
    if slot["code"] != 0:
        raise AssertionError(f"{settings}: {slot['err'][-300:]}")
    return Run(slot["folder"])


def refused(settings):
    """What a run that cannot be says."""
    slot = start(settings)
    if slot["code"] == 0:
        raise AssertionError(f"{settings}: it ran")
    return slot["err"]


def equal(found, expected, what=""):
    if found != expected:
        raise AssertionError(f"{what} found {str(found)[:300]}, expected {str(expected)[:300]}")


def near(found, expected, tolerance, what=""):
    if not abs(found - expected) <= tolerance:
        raise AssertionError(f"{what} found {found}, expected {expected} within {tolerance}")


def true(condition, what):
    if not condition:
        raise AssertionError(what)
