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
        {"  ```\n  def f(): pass\n  ```\n", "dedented", "def f(): pass\n"},
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

/* Rows: completion, rule, program. */
static void check_programs(const char *const rows[][3], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        code_extract e;
        code_extract_from(&e, rows[i][0], strlen(rows[i][0]), "f");
        if (strcmp(e.rule, rows[i][1]) != 0 || strcmp(e.text.data, rows[i][2]) != 0)
            fail_msg("%s: %s '%s', expected %s '%s'", rows[i][0], e.rule, e.text.data, rows[i][1],
                     rows[i][2]);
        CHECK(e.begin <= e.end && e.end <= strlen(rows[i][0]));
        vs_buf_free(&e.text);
    }
}
#define CHECK_PROGRAMS(rows) check_programs(rows, sizeof(rows) / sizeof *(rows))
#define F                    "def f(x):\n    return x\n"

TEST(code_extract, ends_a_program_where_its_text_ends)
{
    static const char *const rows[][3] = {
        {F "<|endoftext|>", "code", F},
        {F "<|im_end|>\nmore", "code", F},
        {"    return x<|endoftext|>", "body", "    return x"},
        {"    return x\n</s>", "body", "    return x\n"},
        {F "[DONE]\nYou are an expert", "code", F},
        {"def f(x):\n    return [DONE]\n", "code", "def f(x):\n    return [DONE]\n"},
        {"def f(x):\n    return x == \"<|endoftext|>\"\n", "code",
         "def f(x):\n    return x == \"<|endoftext|>\"\n"},
        {"\xef\xbb\xbf" F, "code", F},
        {"def f(x):\r\n    return x\r\n", "code", "def f(x):\r\n    return x\r\n"},
        {F "```\nIt is the same.", "code", F},
        {"    return x\n```\n", "body", "    return x\n"},
        {F "~~~\n", "code", F},
        {F "\nThis function returns it.", "code", F "\n"},
        {F "\nHope this helps!", "code", F "\n"},
        {F "\nI'm done", "code", F "\n"},
        {F "\nOutput:\n4", "code", F "\n"},
        {F "\n1. First, it returns", "code", F "\n"},
        {F "\n- it returns x", "code", F "\n"},
        {F "\n**Notes**", "code", F "\n"},
        {F "\n>>> f(2)\n2", "code", F "\n"},
        {F "[/PYTHON]", "code", F},
        {"    return x\n\nThis returns it.", "body", "    return x\n\n"},
        {F "y = 1 if f(2) else 2\nprint(y)\nfor i in y: pass\ny: int = 3\n", "code",
         F "y = 1 if f(2) else 2\nprint(y)\nfor i in y: pass\ny: int = 3\n"},
        {"def f(x):\n    \"\"\"\nThis is text.\n    \"\"\"\n    return x\n", "code",
         "def f(x):\n    \"\"\"\nThis is text.\n    \"\"\"\n    return x\n"},
        {"x = [\nnot None,\n1]\n" F, "code", "x = [\nnot None,\n1]\n" F},
    };
    CHECK_PROGRAMS(rows);
}

TEST(code_extract, drops_a_last_statement_that_was_cut_off)
{
    static const char *const rows[][3] = {
        {F "\ndef g(x):\n    \"\"\" cut off her", "code", F "\n"},
        {F "\ndef g(x):", "code", F "\n"},
        {F "\ndef g(x):\n    return x +", "code", F "\n"},
        {F "\n@cache\ndef g(x):\n    return (x", "code", F "\n"},
        {F "\ndef g(x):\n    if x", "code", F "\n"},
        {F "\ndef g(x):\n    return x and", "code", F "\n"},
        {F "\nclass G", "code", F "\n"},
        {F "\nprint(f(", "code", F "\n"},
        {F "\nprint('", "code", F "\n"},
        {"    return x\n\ndef g(x):\n    \"\"\"", "body", "    return x\n\n"},
        /* what is needed, or whole, stays, and what harms nothing: nobody calls g */
        {F "\ndef g(x): return x", "code", F "\ndef g(x): return x"},
        {F "\ndef g(x):\n    if x: return 1", "code", F "\ndef g(x):\n    if x: return 1"},
        {F "\ndef g(x):\n    retu", "code", F "\ndef g(x):\n    retu"},
        {"def f(x):\n    return g(x)\n\ndef g(x):\n    return x", "code",
         "def f(x):\n    return g(x)\n\ndef g(x):\n    return x"},
        {F "\ndef g(x) return x\n", "code", F "\ndef g(x) return x\n"},
        {"def g(x):\n    return x\n\ndef f(x):\n    return (x", "code",
         "def g(x):\n    return x\n\ndef f(x):\n    return (x"},
    };
    CHECK_PROGRAMS(rows);
}

TEST(code_extract, knows_fences_of_all_forms)
{
    static const char *const rows[][3] = {
        {"~~~python\n" F "~~~", "fence", F},
        {"```python def f(x):\n    return x\n```", "fence", F},
        {"```def f(x): return x```", "fence", "def f(x): return x"},
        {"``` python3\n" F "```", "fence", F},
        {"```python\ndef f(x):\n    return x```\nDone", "fence", "def f(x):\n    return x"},
        {"````python\n" F "```\n````", "fence", F "```\n"},
        {"1. So:\n   ```python\n   def f(x):\n       return x\n   ```\n", "dedented", F},
        {"    def f(x):\n        return x\n", "dedented", F},
        {"```bash\npip install numpy\n```\n```python\n" F "```", "fence", F},
        {"```python\nimport os\n```\n```text\nabc\n```\n```python\n" F "```", "fences",
         "import os\n\n" F "\n"},
        {"```\ndef g(x): pass\n```\n```\ndef f(x): return g(x)\n```", "fences",
         "def g(x): pass\n\ndef f(x): return g(x)\n\n"},
        {"```\ndef f(x): return g(x)\n```\n```\ndef g(x): pass\n```", "fences",
         "def f(x): return g(x)\n\ndef g(x): pass\n\n"},
        {"```python\ndef f(x):\n    \"\"\"\n    ```\n    f(1)\n    ```\n    \"\"\"\n    return "
         "x\n```\n",
         "fence", "def f(x):\n    \"\"\"\n    ```\n    f(1)\n    ```\n    \"\"\"\n    return x\n"},
        {"```python\ndef f(x):\n    \"\"\" cut\n```\n", "fence", "def f(x):\n    \"\"\" cut\n"},
        {"def f is simple:\n```python\n" F "```", "fence", F},
    };
    CHECK_PROGRAMS(rows);
}

TEST(code_extract, takes_no_program_out_of_a_thought)
{
    static const char *const rows[][3] = {
        {"<think>\n```python\ndef f(x): return 0\n```\n</think>\n```python\n" F "```", "fence", F},
        {"maybe\n```python\ndef f(x): return 0\n```\n</think>\n" F, "code", F},
        {"<think>\n```python\n" F "```\nso", "all", ""},
        {F "\n<think>was it", "code", F "\n"},
    };
    CHECK_PROGRAMS(rows);
}

TEST(code_extract, knows_a_definition_from_a_longer_name)
{
    size_t at = 9;

    CHECK(code_defines(&at, "x\ndef  ff(): pass\nasync def f(x):", 34, "f") && at == 18);
    CHECK(!code_defines(&at, "def ff(): pass\n  def f(): pass", 31, "f"));
    CHECK(!code_defines(&at, "", 0, "f"));
    CHECK(code_defines(&at, "class f: pass", 13, "f") && at == 0);
}
