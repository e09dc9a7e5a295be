#!/usr/bin/env python3
"""Renderings of chat templates by jinja2 as transformers sets it up, for tests/unit/model/test_chat.c.

    pip install jinja2==3.1.6 transformers==5.24.0
    python3 tools/parity/jinja.py constructs > tests/golden/jinja.jsonl
    python3 tools/parity/jinja.py chats TEMPLATE.jinja .. > cases.jsonl
    VSTAR_JINJA_CASES=cases.jsonl build/tests/test_chat

constructs: the templates of jinja_constructs.py. chats: each template on 200 generated conversations; template texts belong to the
models' makers, so that none is kept here: give those of the models you use (chat_template.jinja of their folders).
Lines: {"vars": ..} and {"template": ..} hold until the next; {"text": ..} is the rendering, {"error": ..} what must be refused, with the
words of raise_exception. strftime_now is the day of "strftime_now", without which it is undefined. ./test.sh needs none of this.
"""
import datetime
import json
import pathlib
import random
import sys

import jinja2
from transformers.utils import chat_template_utils

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from jinja_constructs import BLOCKS, FAILS, LINES, VARS  # noqa: E402

DAY = "2025-07-31"


def write(**row):
    print(json.dumps(row, ensure_ascii=False, separators=(",", ":")))


def outcome(template, variables):
    """The row that a rendering gives: "text", or "error"."""
    variables = dict(variables)
    if "strftime_now" in variables:
        day = datetime.datetime.strptime(variables["strftime_now"], "%Y-%m-%d")
        variables["strftime_now"] = day.strftime
    try:
        compiled = chat_template_utils._compile_jinja_template(template)
        compiled.environment.globals.pop("strftime_now", None)
        compiled.globals.pop("strftime_now", None)
        return {"text": compiled.render(**variables)}
    except jinja2.exceptions.TemplateError as e:
        return {"error": str(e) if type(e) is jinja2.exceptions.TemplateError else ""}
    except Exception as e:
        return {"error": "", "why": type(e).__name__}


def constructs():
    write(note="Made by tools/parity/jinja.py from templates written for this project.", vars=VARS)
    for key, templates in ("text", LINES.strip("\n").split("\n") + BLOCKS), ("error", FAILS.strip("\n").split("\n")):
        for template in templates:
            row = outcome(template, VARS)
            if key in row:
                write(template=template, **{key: row[key]})
            else:
                print(f"{template}: expected {key}, found {row}", file=sys.stderr)


TEXTS = ["What is 2+2?", "", " ", "\n\n", "  leading and trailing  ", "Ünïcode “q” <b> & 'x' \"y\"", "你好，世界 😀", "tab\tand\r\nCRLF",
         "{{ not a template }} {% if %}", "<think>\nI think\n</think>\n\nAnswer", "<think></think>x", "a</think>b</think>c", "no end <think>",
         "<tool_response>\nx\n</tool_response>", "line\nline\n\nline\n", "\u00a0nbsp\u3000", "x" * 300, "\\n literal \\", "/no_think please",
         "/think hard", "/system_override", "[INST] x [/INST]", "<|im_end|>", "\"quoted\""]
TOOLS = [{"type": "function", "function": {"name": "add", "description": "Adds \"two\" numbers.", "parameters": {
    "type": "object", "properties": {"a": {"type": "integer", "description": "ä"}, "b": {"type": "number", "enum": [1, 2.5]},
                                     "items": {"type": "array", "items": {"type": "string"}}}, "required": ["a", "b"]}}},
    {"type": "function", "function": {"name": "now", "description": "", "parameters": {"type": "object", "properties": {}}}}]


def message(rng, role):
    m = {"role": role, "content": rng.choice(TEXTS)}
    if rng.random() < 0.06:
        m["content"] = [{"type": "text", "text": rng.choice(TEXTS)}, {"type": "text", "text": rng.choice(TEXTS)}]
    if role == "assistant":
        if rng.random() < 0.2:
            m[rng.choice(["reasoning_content", "thinking", "reasoning"])] = rng.choice(TEXTS)
        if rng.random() < 0.12:
            m["tool_calls"] = [{"type": "function", "id": "call12345", "function": {
                "name": "add", "arguments": {"a": 1, "b": 2.5, "s": rng.choice(TEXTS)}}}
                for _ in range(rng.choice([1, 1, 2]))]
            if rng.random() < 0.5:
                m["content"] = rng.choice(["", None])
    if role == "tool":
        m.update(name="add", tool_call_id="call12345")
    return m


def conversation(rng):
    """Mostly what people write: a system turn or none, then user and assistant in turn; sometimes tools, sometimes any order."""
    kind = rng.random()
    roles = ["system"] if rng.random() < 0.5 else []
    roles += ["user", "assistant"] * rng.randrange(4) + (["user"] if rng.random() < 0.75 else [])
    if kind < 0.15:
        roles = [rng.choice(["system", "user", "assistant", "tool", "developer", "other"]) for _ in range(rng.randrange(6))]
    messages = [message(rng, role) for role in roles]
    if 0.15 <= kind < 0.3:
        call = message(rng, "assistant")
        call["tool_calls"] = [{"type": "function", "id": "call12345", "function": {"name": "add", "arguments": {"a": 1}}}]
        messages += [message(rng, "user"), call] + [message(rng, "tool") for _ in range(rng.choice([1, 2]))]
    variables = {"messages": messages, "add_generation_prompt": rng.random() < 0.6, "tools": None, "documents": None,
                 "bos_token": "<s>", "eos_token": "</s>", "strftime_now": DAY}
    if rng.random() < 0.2:
        variables["tools"] = TOOLS[:rng.choice([1, 2])]
    if rng.random() < 0.3:
        variables["enable_thinking"] = rng.random() < 0.5
    if rng.random() < 0.3:
        del variables["strftime_now"]
    if rng.random() < 0.1:
        del variables["tools"], variables["documents"]
    return variables


def chats(paths):
    for path in paths:
        rng = random.Random(pathlib.Path(path).name)
        template = pathlib.Path(path).read_text()
        counts = {"text": 0, "error": 0}
        write(template=template, name=pathlib.Path(path).name)
        for _ in range(200):
            variables = conversation(rng)
            row = outcome(template, variables)
            counts["error" if "error" in row else "text"] += 1
            write(vars=variables, **row)
        print(path, counts, file=sys.stderr)


if __name__ == "__main__":
    if sys.argv[1:2] == ["constructs"]:
        constructs()
    elif sys.argv[1:2] == ["chats"] and len(sys.argv) > 2:
        chats(sys.argv[2:])
    else:
        sys.exit(__doc__)
