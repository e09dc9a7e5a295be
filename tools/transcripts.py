#!/usr/bin/env python3
"""Runs the commands that README.md and the help pages show, and compares or rewrites what they show.

    tools/transcripts.py             README.md with the outputs of this build (build/vstar, or --program)
    tools/transcripts.py --check     changes nothing; fails where README.md or a help page shows anything else
    tools/transcripts.py --examples  the help pages' examples alone, without the demo's run
    tools/transcripts.py DOCUMENT    that document instead, without the help pages

A transcript is a code block's line "$ COMMAND" with the lines up to the next one; commands run in order in one scratch
folder, prepared as README.md says. A line ".." stands for any number of lines: each run of lines between two of them
is found again, from the top, as the first lines that differ from it in numbers and verdicts alone. Inside a line of a help
page ".." stands for any text. Times and rates ("in 1.2 s (27/s)", all that bench prints) are not compared, and stay.
A command that names a file of NEEDS is left out where that is missing. Help pages are compared, not rewritten.
"""
import argparse, os, re, shutil, subprocess, sys, tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("VSTAR_SHARED", ROOT / "../shared/data")).resolve()
NEEDS = ("gemma-3-270m", "gemma-3-270m-q4_k_m.gguf", "stories260K", "runs/demo", "runs/gsm8k", "runs/mine")
SLOW = re.compile(r"vstar (demo|run)\b")  # left out by --examples
NUMBER = re.compile(r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?")
VERDICT = re.compile(r"not held|held|undecided|not settled")
TIMES = re.compile(r"in [\d.]+ s \([^)]*/s\)")
# A number of a sentence, and the transcript's line that says it.
FACTS = ((r"by a model of ([\d,]+) parameters", r"demo-base: a model of (\d+) parameters"),)
ROW = '{"prompt":"Once upon a","completion":" time.","gold":"time"}\n'
FILES = {
    "rows.jsonl": 4 * ROW,
    "pairs.jsonl": '{"prompt":"Once upon a","right":[" time."],"wrong":[" tree."," the."]}\n',
    "row.jsonl": '{"task_id":"HumanEval/0","prompt":"def twice(x):\\n","entry_point":"twice","canonical_solution":'
                 '"    return 2 * x\\n","test":"def check(f):\\n    assert f(2) == 4\\n","completion":"    return x + x\\n"}\n',
    "check.py": 'import json, sys\nfor line in sys.stdin:\n    row = json.loads(line)\n'
                '    verdict = "right" if row["gold"] in row["completion"] else "wrong"\n'
                '    print(json.dumps({"verdict": verdict, "rule": "ok"}), flush=True)\n',
}


def prepare(scratch, program):
    for name, text in FILES.items():
        (scratch / name).write_text(text)
    (scratch / "recipes").symlink_to(ROOT / "recipes")
    (scratch / "demo-base").symlink_to(ROOT / "assets/demo-base")
    (scratch / "bin").mkdir()
    (scratch / "bin/vstar").symlink_to(Path(program).resolve())
    for name in ("stories260K", "gemma-3-270m-q4_k_m.gguf"):
        if (SHARED / "models" / name).exists():
            (scratch / name).symlink_to(SHARED / "models" / name)


def run(command, scratch):
    """The lines that a terminal would show, and the exit code."""
    env = dict(os.environ, PATH=f"{scratch}/bin:{os.environ['PATH']}")
    done = subprocess.run(["bash", "-c", command], cwd=scratch, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace")
    return done.stdout.rstrip("\n").split("\n"), done.returncode


def missing(command, scratch):
    """The first of NEEDS that the command reads and that is not there."""
    words = command.split()[:-1] if " import " in command else command.split()  # import makes its last word
    return next((n for n in NEEDS for w in words if (w == n or w.startswith(n + "/")) and not (scratch / n).exists()), None)


def shape(line):
    return " ".join(VERDICT.sub("", NUMBER.sub("#", line)).split())


def pieces(lines):
    """The runs of lines between lines "..", and these as they are indented."""
    out = []
    for line in lines:
        if line.strip() == "..":
            out.append(line)
        elif out and isinstance(out[-1], list):
            out[-1].append(line)
        else:
            out.append([line])
    return out


def align(shown, found):
    """shown with its lines replaced by those found; None where they do not fit."""
    parts, at, out = pieces(shown), 0, []
    if all(isinstance(part, list) for part in parts):
        return found
    for i, part in enumerate(parts):
        if isinstance(part, str):
            out.append(part)
            continue
        last = len(found) - len(part)
        first = at if i == 0 else last if i == len(parts) - 1 else None  # no ".." before or behind
        places = range(at, last + 1) if first is None else [first]
        want = [shape(line) for line in part]
        place = next((p for p in places if at <= p <= last and [shape(x) for x in found[p:p + len(part)]] == want), None)
        if place is None:
            return None
        out += found[place:place + len(part)]
        at = place + len(part)
    return out


def comparable(command, line):
    return re.sub(r":[^,}]*", "", line) if "vstar bench" in command else TIMES.sub("", line)


def settle(command, shown, found):
    """What is to be shown: old lines where they differ in times alone. None: found does not fit."""
    new = align(shown, found)
    if new is None or len(new) != len(shown):
        return new
    return [a if comparable(command, a) == comparable(command, b) else b for a, b in zip(shown, new)]


def transcripts(lines, indent):
    """(command, index of the first line of output, index behind the last)"""
    out, i = [], 0
    while i < len(lines):
        if not lines[i].startswith(indent + "$ "):
            i += 1
            continue
        command = lines[i][len(indent) + 2:]
        i += 1
        while command.endswith("|"):
            command += lines[i]
            i += 1
        begin = i
        while i < len(lines) and not lines[i].startswith(indent + "$ ") and (not lines[i].strip() or lines[i].startswith(indent)):
            i += 1
        end = i
        while end > begin and not lines[end - 1].strip():
            end -= 1
        out.append((command, begin, end))
    return out


def document(path, scratch, check):
    """The document's faults; without check it is written again."""
    lines, faults, indent = path.read_text().split("\n"), [], "    "
    shift = 0
    for command, begin, end in transcripts(lines, indent):
        begin, end = begin + shift, end + shift
        lacking = missing(command, scratch)
        if lacking:
            print(f"left out, since {lacking} is missing: {command}")
            continue
        found, code = run(command, scratch)
        shown = [line[len(indent):] for line in lines[begin:end]]
        new = settle(command, shown, found)
        if code != 0 or new is None:
            faults.append(f"{path.name}: $ {command}\n  " + (f"exit code {code}" if code else "its lines do not fit those shown")
                          + "\n    " + "\n    ".join(found[-30:]))
        elif new != shown:
            if check:
                faults.append(f"{path.name}: $ {command}\n  shows other lines:\n    " + "\n    ".join(x for x in new if x not in shown))
            lines[begin:end] = [indent + line if line else "" for line in new]
            shift += len(new) - (end - begin)
    text = "\n".join(lines)
    for sentence, line in FACTS:
        said, shown = re.search(sentence, text), re.search(line, text)
        number = f"{int(shown[1]):,}" if shown else None
        if said and number and said[1] != number:
            faults += [f"{path.name}: says '{said[0]}', expected {number}"] if check else []
            text = text[:said.start(1)] + number + text[said.end(1):]
    if not check:
        path.write_text(text)
    return faults


def fits(shown, found):
    """Help pages: ".." is any text, also inside of a line."""
    pattern = "\n".join(shown)
    pattern = re.sub(r"(?m)^\s*\.\.$", "..", TIMES.sub("TIMES", pattern))
    pattern = ".*".join(re.escape(part) for part in pattern.split(".."))
    return re.fullmatch(pattern, TIMES.sub("TIMES", "\n".join(found)), re.S) is not None


def examples(scratch, quick):
    faults = []
    verbs = re.findall(r"(?m)^  ([a-z]+) ", "\n".join(run("vstar --help", scratch)[0]))
    for verb in verbs:
        page = run(f"vstar {verb} --help", scratch)[0]
        found_any = False
        for command, begin, end in transcripts(page, "  "):
            found_any = True
            if quick and SLOW.search(command):
                continue
            found, code = run(command, scratch)
            shown = [line[2:] for line in page[begin:end]]
            if missing(command, scratch):  # only that it is understood
                faults += [f"vstar {verb} --help: $ {command}\n  {found}"] if code == 2 else []
            elif code or (shown and "vstar bench" not in command and not fits(shown, found)):
                faults.append(f"vstar {verb} --help: $ {command}\n  exit code {code}, found\n    " + "\n    ".join(found))
        if not found_any:
            faults.append(f"vstar {verb} --help shows no command")
    return faults


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--check", action="store_true")
    options.add_argument("--examples", action="store_true")
    options.add_argument("--program", default=ROOT / "build/vstar")
    options.add_argument("document", nargs="?", type=Path)
    o = options.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="transcripts-"))
    try:
        prepare(scratch, o.program)
        faults = [] if o.examples else document(o.document or ROOT / "README.md", scratch, o.check)
        for name in ("tuned", "verifier", "my-generator"):  # help pages make folders of the same names
            shutil.rmtree(scratch / name, ignore_errors=True)
        if not o.document:
            faults += examples(scratch, o.examples)
    finally:
        shutil.rmtree(scratch)
    print("\n".join(faults) or "every transcript is as shown")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
