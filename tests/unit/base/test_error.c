#include "base/error.h"
#include "vs_test.h"

TEST(error, keeps_code_and_text_and_returns_the_code)
{
    vs_error err = {0};

    CHECK(VS_FAIL(&err, VS_E_LIMIT, "%s: found %d", "a.txt", 7) == VS_E_LIMIT);
    CHECK(err.code == VS_E_LIMIT);
    CHECK_STR(err.text, "a.txt: found 7");
}

TEST(error, allows_a_null_record)
{
    CHECK(VS_FAIL(NULL, VS_E_IO, "nobody reads this") == VS_E_IO);
}

TEST(error, may_wrap_its_own_text)
{
    vs_error err = {0};

    (void)VS_FAIL(&err, VS_E_IO, "cause");
    (void)VS_FAIL(&err, VS_E_FORMAT, "outer: %s", err.text);
    CHECK_STR(err.text, "outer: cause");
}

TEST(error, cuts_a_text_that_is_too_long)
{
    vs_error err = {0};
    char many[4096];

    memset(many, 'x', sizeof many);
    many[sizeof many - 1] = '\0';
    (void)VS_FAIL(&err, VS_E_IO, "%s", many);
    CHECK(strlen(err.text) == sizeof err.text - 1);
}
