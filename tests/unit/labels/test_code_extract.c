#include "flow/labels/code/code_extract.h"

#include "vs_test.h"

TEST(code_extract, takes_the_program_and_leaves_its_indentation)
{
    static const struct {
        const char *completion, *rule, *program;
    } rows[] = {
        {"```python\ndef f(x):\n    return x\n```\nThat is all.", "fence",
         "def f(x):\n    return x\n"},
        {"Use\n```\nimport os\n```\nor\n```py\ndef g(): pass\n```\n", "fence", "def g(): pass\n"},
        {"```\ndef g(): pass\n```\n```\ndef f(): pass\n```\n```\nf(1)\n```", "fence",
         "def f(): pass\n"},
        {"```\nimport os\n```\nthen\n```\ndef f(): pass\n```", "fences",
         "import os\n\ndef f(): pass\n\n"},
        {"```python\ndef f(x):\n    return x\n", "fence", "def f(x):\n    return x\n"},
        {"```python", "fence", ""},
        {"  ```\n  def f(): pass\n  ```\n", "fence", "  def f(): pass\n"},
        {"    return x + 1\n\ndef g(): pass\n", "body", "    return x + 1\n\ndef g(): pass\n"},
        {"\n\n\treturn 1", "body", "\n\n\treturn 1"},
        {"Here it is:\ndef f(x):\n  return x\n", "code", "def f(x):\n  return x\n"},
        {"R = 3\ndef f(): return R", "code", "R = 3\ndef f(): return R"},
        {"from math import *\nf = lambda x: x", "code", "from math import *\nf = lambda x: x"},
        {"@cache\ndef f(): pass", "code", "@cache\ndef f(): pass"},
        {"a == b, so no", "all", "a == b, so no"},
        {"print(1)", "all", "print(1)"},
        {"", "all", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        code_extract e;
        code_extract_from(&e, rows[i].completion, strlen(rows[i].completion), "f");
        if (strcmp(e.rule, rows[i].rule) != 0 || strcmp(e.text.data, rows[i].program) != 0)
            fail_msg("%s: %s '%s'", rows[i].completion, e.rule, e.text.data);
        CHECK(e.begin <= e.end && e.end <= strlen(rows[i].completion));
        vs_buf_free(&e.text);
    }
}

TEST(code_extract, knows_a_definition_from_a_longer_name)
{
    size_t at = 9;

    CHECK(code_defines(&at, "x\ndef  ff(): pass\nasync def f(x):", 34, "f") && at == 18);
    CHECK(!code_defines(&at, "def ff(): pass\n  def f(): pass", 31, "f"));
    CHECK(!code_defines(&at, "", 0, "f"));
    CHECK(code_defines(&at, "class f: pass", 13, "f") && at == 0);
}
