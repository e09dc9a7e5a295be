#include "flow/labels/math/math_lex.h"

#include <string.h>

#include "flow/labels/find.h"
#include "flow/labels/math/math_tree.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool starts(const lexer *x, size_t at, const char *text)
{
    const size_t n = strlen(text);

    return x->len - at >= n && memcmp(x->s + at, text, n) == 0;
}

/* What is written, and the token that it is. */
typedef struct spelling {
    const char *text;
    lex_kind kind;
    char sign;
    const char *meaning; /* NULL: the text itself */
} spelling;

/* -- commands -- */

/* What is only layout. */
static const char *const layout[] = {
    "left",        "right",  "big",        "Big",    "bigg",           "Bigg",         "bigl",
    "bigr",        "Bigl",   "Bigr",       "biggl",  "biggr",          "displaystyle", "textstyle",
    "scriptstyle", "limits", "nolimits",   "quad",   "qquad",          "mathrm",       "mathbf",
    "mathit",      "mathsf", "mathcal",    "mathbb", "operatorname",   "rm",           "bf",
    "it",          "bold",   "boldsymbol", "vec",    "overrightarrow", "hat",          "thinspace",
    "space",       "boxed",  "fbox",
};
static const char *const texts[] = {"text",   "mbox",       "textbf", "textit",
                                    "textrm", "textnormal", "textsf", "texttt"};
static const char *const dropped[] = {"phantom", "hspace", "vspace",
                                      "hphantom"}; /* with argument */

static const spelling commands[] = {
    {"cdot", LEX_SIGN, '*', NULL},
    {"times", LEX_SIGN, '*', NULL},
    {"ast", LEX_SIGN, '*', NULL},
    {"div", LEX_SIGN, '/', NULL},
    {"le", LEX_SIGN, SIGN_LE, NULL},
    {"leq", LEX_SIGN, SIGN_LE, NULL},
    {"leqslant", LEX_SIGN, SIGN_LE, NULL},
    {"ge", LEX_SIGN, SIGN_GE, NULL},
    {"geq", LEX_SIGN, SIGN_GE, NULL},
    {"geqslant", LEX_SIGN, SIGN_GE, NULL},
    {"ne", LEX_SIGN, SIGN_NE, NULL},
    {"neq", LEX_SIGN, SIGN_NE, NULL},
    {"lt", LEX_SIGN, '<', NULL},
    {"gt", LEX_SIGN, '>', NULL},
    {"in", LEX_SIGN, SIGN_IN, NULL},
    {"pm", LEX_SIGN, SIGN_PM, NULL},
    {"mp", LEX_SIGN, SIGN_MP, NULL},
    {"cup", LEX_SIGN, SIGN_UNION, NULL},
    {"circ", LEX_SIGN, SIGN_DEGREE, NULL},
    {"degree", LEX_SIGN, SIGN_DEGREE, NULL},
    {"degrees", LEX_SIGN, SIGN_DEGREE, NULL},
    {"approx", LEX_SIGN, SIGN_APPROX, NULL},
    {"colon", LEX_SIGN, ':', NULL},
    {"langle", LEX_SIGN, '(', NULL},
    {"rangle", LEX_SIGN, ')', NULL},
    {"lvert", LEX_SIGN, '|', NULL},
    {"rvert", LEX_SIGN, '|', NULL},
    {"vert", LEX_SIGN, '|', NULL},
    {"lbrace", LEX_SIGN, SIGN_SET_OPEN, NULL},
    {"rbrace", LEX_SIGN, SIGN_SET_CLOSE, NULL},
    {"dfrac", LEX_COMMAND, 0, "frac"},
    {"tfrac", LEX_COMMAND, 0, "frac"},
    {"cfrac", LEX_COMMAND, 0, "frac"},
    {"dbinom", LEX_COMMAND, 0, "binom"},
    {"tbinom", LEX_COMMAND, 0, "binom"},
    {"varnothing", LEX_COMMAND, 0, "emptyset"},
    {"euro", LEX_SIGN, SIGN_EURO, NULL},
    {"varepsilon", LEX_LETTER, 0, "epsilon"},
    {"varphi", LEX_LETTER, 0, "phi"},
    {"vartheta", LEX_LETTER, 0, "theta"},
};
static const char *const greek[] = {
    "alpha", "beta",    "gamma",  "delta", "epsilon", "zeta",  "eta", "theta",
    "iota",  "kappa",   "lambda", "mu",    "nu",      "xi",    "rho", "sigma",
    "tau",   "upsilon", "phi",    "chi",   "psi",     "omega", "ell", "Gamma",
    "Delta", "Theta",   "Lambda", "Xi",    "Sigma",   "Phi",   "Psi", "Omega",
};

static bool is_one_of(const char *const *list, size_t n, const char *text, size_t len)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(list[i]) == len && memcmp(list[i], text, len) == 0) return true;
    return false;
}
#define IS_ONE_OF(list, text, len) is_one_of(list, sizeof(list) / sizeof *(list), text, len)

/* The brace that closes the one before x->s[at], or the end. */
static size_t close_of(const lexer *x, size_t at)
{
    for (size_t depth = 1; at < x->len; at++) {
        if (x->s[at] == '\\') {
            at++;
            continue;
        }
        if (x->s[at] == '{') depth++;
        if (x->s[at] == '}' && --depth == 0) return at;
    }
    return x->len;
}

/* A name after a backslash. false: it was layout, and nothing is left of it. */
static bool lex_name(lexer *x)
{
    lex_token *t = &x->token;
    const char *name = x->s + x->at;
    size_t n = 0;

    while (x->at + n < x->len && is_letter(name[n])) n++;
    x->at += n;
    if (IS_ONE_OF(layout, name, n)) {
        const bool is_side = (n == 4 && memcmp(name, "left", n) == 0) || (n == 5 && name[0] == 'r');
        if (is_side && x->at < x->len && x->s[x->at] == '.') x->at++;
        return false;
    }
    if (IS_ONE_OF(texts, name, n) || IS_ONE_OF(dropped, name, n)) {
        const size_t open = find_past_blanks(x->s, x->at, x->len);
        if (open == x->len || x->s[open] != '{') return false;
        const size_t end = close_of(x, open + 1);
        if (IS_ONE_OF(dropped, name, n))
            x->at = end + (end < x->len);
        else if (x->text_end)
            x->at = open; /* text in text: its braces are signs */
        else
            x->at = open + 1, x->text_end = end;
        return false;
    }
    t->kind = IS_ONE_OF(greek, name, n) ? LEX_LETTER : LEX_COMMAND;
    t->text = name;
    t->len = n;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        const spelling *c = &commands[i];
        if (strlen(c->text) != n || memcmp(c->text, name, n) != 0) continue;
        t->kind = c->kind;
        t->sign = c->sign;
        t->text = c->meaning ? c->meaning : c->text;
        t->len = strlen(t->text);
    }
    return true;
}

/* After a backslash. false: it was a space or layout. */
static bool lex_escape(lexer *x)
{
    static const char signs[] = "{}%$|_&#",
                      meanings[] = {
                          SIGN_SET_OPEN, SIGN_SET_CLOSE, '%', SIGN_DOLLAR, '|', '_', '&', '#'};
    const char c = x->at < x->len ? x->s[x->at] : '\0';
    const char *at = c ? strchr(signs, c) : NULL;

    if (is_letter(c)) return lex_name(x);
    x->at += x->at < x->len;
    if (c == '\\') {
        if (x->n_matrices == 0) { /* a backslash too many, or the end of a line */
            if (x->at < x->len && is_letter(x->s[x->at])) return lex_name(x);
            x->token.has_space = true;
            return false;
        }
        x->token.kind = LEX_ROW;
        return true;
    }
    if (at) {
        x->token.kind = LEX_SIGN;
        x->token.sign = meanings[at - signs];
        return true;
    }
    if (c != '!') x->token.has_space = true;
    if (strchr("!,;:> \n()[]", c)) return false; /* the terminating NUL is a space too */
    x->token.kind = LEX_BAD;
    return true;
}

/* -- numbers -- */

/* How many bytes of a mark between thousands stand at x->s[at], with exactly three digits behind
 * them; 0: none. */
static size_t thousands_mark(const lexer *x, size_t at)
{
    static const char *const marks[] = {"{,}", "{, }", ",\\! ", ",\\!", "\\,", ",", " "};
    size_t n = 0, after;

    for (size_t i = 0; i < sizeof marks / sizeof *marks && !n; i++)
        if (starts(x, at, marks[i]) && (strcmp(marks[i], ",") != 0 || x->depth == 0))
            n = strlen(marks[i]);
    if (!n) return 0;
    for (after = at + n; after < x->len && is_digit(x->s[after]);) after++;
    if (after != at + n + 3) return 0;
    if (x->s[at] == ' ' && after < x->len && (x->s[after] == '/' || x->s[after] == ' ')) return 0;
    return n;
}

static void take_digits(lexer *x)
{
    while (x->at < x->len && is_digit(x->s[x->at])) x->digits[x->n_digits++] = x->s[x->at++];
}

/* "\overline{3}" and its kin after a decimal dot: digits that repeat. */
static void take_repeat(lexer *x)
{
    static const char *const marks[] = {"\\overline{", "\\bar{", "\\dot{"};

    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t begin = x->at + strlen(marks[i]), end = begin;
        if (!starts(x, x->at, marks[i])) continue;
        while (end < x->len && is_digit(x->s[end])) end++;
        if (end == begin || end == x->len || x->s[end] != '}') return;
        x->token.repeat = end - begin;
        x->at = begin;
        take_digits(x);
        x->at = end + 1;
        return;
    }
}

/* The whole answer is digits, a comma and digits that are no group of thousands: 1,5 or 0,111. */
static bool is_decimal_comma(const lexer *x, size_t first)
{
    const size_t n_decimals = x->len - x->at - 1;

    if (!(x->readings & MATH_DECIMAL_COMMA) || x->at >= x->len || x->s[x->at] != ',' ||
        n_decimals == 0)
        return false;
    if (first > 1 || (first == 1 && x->s[0] != '-') || (n_decimals == 3 && x->s[first] != '0'))
        return false;
    for (size_t i = x->at + 1; i < x->len; i++)
        if (!is_digit(x->s[i])) return false;
    return true;
}

static void lex_number(lexer *x)
{
    lex_token *t = &x->token;
    const size_t begin = x->n_digits, first = x->at;
    size_t mark;

    t->kind = LEX_NUMBER;
    take_digits(x);
    if (x->at - first <= 3 && x->at > first && x->s[first] != '0')
        while ((mark = thousands_mark(x, x->at)) > 0) {
            x->at += mark;
            take_digits(x);
        }
    if (is_decimal_comma(x, first)) {
        x->digits[x->n_digits++] = '.';
        x->at++;
        take_digits(x);
    }
    if (x->at + 1 < x->len && x->s[x->at] == '.' &&
        (is_digit(x->s[x->at + 1]) || x->s[x->at + 1] == '\\')) {
        const size_t dot = x->n_digits, at = x->at;
        x->digits[x->n_digits++] = '.';
        x->at++;
        take_digits(x);
        take_repeat(x);
        if (x->n_digits == dot + 1)
            x->n_digits = dot, x->at = at; /* a full stop before a command */
    }
    t->text = x->digits + begin;
    t->len = x->n_digits - begin;
}

/* -- letters -- */

static const spelling words[] = {
    {"pi", LEX_COMMAND, 0, NULL},     {"sqrt", LEX_COMMAND, 0, NULL},
    {"sin", LEX_COMMAND, 0, NULL},    {"cos", LEX_COMMAND, 0, NULL},
    {"tan", LEX_COMMAND, 0, NULL},    {"cot", LEX_COMMAND, 0, NULL},
    {"sec", LEX_COMMAND, 0, NULL},    {"csc", LEX_COMMAND, 0, NULL},
    {"arcsin", LEX_COMMAND, 0, NULL}, {"arccos", LEX_COMMAND, 0, NULL},
    {"arctan", LEX_COMMAND, 0, NULL}, {"log", LEX_COMMAND, 0, NULL},
    {"ln", LEX_COMMAND, 0, NULL},     {"exp", LEX_COMMAND, 0, NULL},
    {"inf", LEX_COMMAND, 0, "infty"}, {"infinity", LEX_COMMAND, 0, "infty"},
    {"infty", LEX_COMMAND, 0, NULL},  {"theta", LEX_LETTER, 0, NULL},
    {"alpha", LEX_LETTER, 0, NULL},   {"beta", LEX_LETTER, 0, NULL},
};
/* Words of fewer than four letters that no product of letters is likely to be. */
static const char *const short_words[] = {
    "and", "or", "cm",  "mm",  "km",  "ft",  "kg",  "mg",  "gm",  "lb",  "lbs", "oz",  "mph",
    "kph", "in", "sec", "min", "hr",  "hrs", "day", "sq",  "cu",  "yd",  "mi",  "gal", "usd",
    "USD", "am", "pm",  "odd", "yes", "no",  "one", "two", "six", "ten", "pct", "deg", "rad",
    "the", "is", "of",  "per", "cup", "men", "bus", "car", "red", "May", "all", "any", "for",
};
enum { WORD_LETTERS = 4 };

static void lex_letters(lexer *x)
{
    lex_token *t = &x->token;
    size_t n = 0;

    t->text = x->s + x->at;
    while (x->at + n < x->len && is_letter(t->text[n])) n++;
    if (n > 2 && memcmp(t->text, "or", 2) == 0 && x->at > 0 &&
        (is_digit(t->text[-1]) || t->text[-1] == ')')) {
        t->kind = LEX_WORD; /* "1orx=2" */
        t->len = 2;
        x->at += 2;
        return;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen(words[i].text) != n || memcmp(words[i].text, t->text, n) != 0) continue;
        if (t->is_in_text && words[i].kind != LEX_COMMAND) continue;
        t->kind = words[i].kind;
        t->text = words[i].meaning ? words[i].meaning : words[i].text;
        t->len = strlen(t->text);
        x->at += n;
        return;
    }
    if (!t->is_in_text && n < WORD_LETTERS && !IS_ONE_OF(short_words, t->text, n)) {
        t->kind = LEX_LETTER;
        n = 1;
    } else {
        t->kind = LEX_WORD;
    }
    t->len = n;
    x->at += n;
}

/* -- other bytes -- */

static const spelling unicode[] = {
    {"\xcf\x80", LEX_COMMAND, 0, "pi"},
    {"\xe2\x88\x9a", LEX_COMMAND, 0, "sqrt"},
    {"\xe2\x88\x9e", LEX_COMMAND, 0, "infty"},
    {"\xe2\x88\x92", LEX_SIGN, '-', NULL},
    {"\xe2\x80\x93", LEX_SIGN, '-', NULL},
    {"\xc3\x97", LEX_SIGN, '*', NULL},
    {"\xc2\xb7", LEX_SIGN, '*', NULL},
    {"\xe2\x8b\x85", LEX_SIGN, '*', NULL},
    {"\xc3\xb7", LEX_SIGN, '/', NULL},
    {"\xc2\xb0", LEX_SIGN, SIGN_DEGREE, NULL},
    {"\xe2\x89\xa4", LEX_SIGN, SIGN_LE, NULL},
    {"\xe2\x89\xa5", LEX_SIGN, SIGN_GE, NULL},
    {"\xe2\x89\xa0", LEX_SIGN, SIGN_NE, NULL},
    {"\xe2\x88\xaa", LEX_SIGN, SIGN_UNION, NULL},
    {"\xe2\x88\x88", LEX_SIGN, SIGN_IN, NULL},
    {"\xc2\xb1", LEX_SIGN, SIGN_PM, NULL},
    {"\xe2\x82\xac", LEX_SIGN, SIGN_EURO, NULL},
    {"\xce\xb8", LEX_LETTER, 0, "theta"},
    {"\xc2\xa0", LEX_END, 0, NULL}, /* a space */
};

/* false: it was a space. */
static bool lex_unicode(lexer *x)
{
    lex_token *t = &x->token;
    const size_t begin = x->at;

    for (size_t i = 0; i < sizeof unicode / sizeof *unicode; i++) {
        const spelling *u = &unicode[i];
        if (!starts(x, x->at, u->text)) continue;
        x->at += strlen(u->text);
        t->has_space |= u->kind == LEX_END;
        t->kind = u->kind;
        t->sign = u->sign;
        t->text = u->meaning;
        t->len = u->meaning ? strlen(u->meaning) : 0;
        return u->kind != LEX_END;
    }
    while (x->at < x->len && (unsigned char)x->s[x->at] >= 0x80) x->at++;
    t->kind = LEX_WORD;
    t->text = x->s + begin;
    t->len = x->at - begin;
    return true;
}

/* false: it was nothing to an answer. */
static bool lex_sign(lexer *x)
{
    static const spelling pairs[] = {{"<=", LEX_SIGN, SIGN_LE, NULL},
                                     {">=", LEX_SIGN, SIGN_GE, NULL},
                                     {"!=", LEX_SIGN, SIGN_NE, NULL},
                                     {"==", LEX_SIGN, '=', NULL},
                                     {"**", LEX_END, 0, NULL}};
    lex_token *t = &x->token;
    const char c = x->s[x->at];

    t->kind = LEX_SIGN;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (starts(x, x->at, pairs[i].text)) {
            x->at += 2;
            t->sign = pairs[i].sign;
            return pairs[i].kind == LEX_SIGN;
        }
    x->at++;
    t->sign = c;
    if (c == '.') { /* a full stop, not an ellipsis */
        const size_t next = find_past_blanks(x->s, x->at, x->len);
        if (next == x->len || x->at < next || x->s[next] == '}' || x->s[next] == '$') return false;
        t->kind = LEX_BAD;
    } else if (c == '$' || c == '`') {
        return false;
    } else if (!c || !strchr("+-*/^_()[]{},;:!|<>=%&'", c)) {
        t->kind = LEX_BAD;
    }
    return true;
}

void lex_next(lexer *x)
{
    lex_token *t = &x->token;

    *t = (lex_token){.kind = LEX_END};
    while (x->at < x->len) {
        const char c = x->s[x->at];
        if (x->text_end && x->at == x->text_end) {
            x->text_end = 0;
            x->at++;
            t->has_space = true;
            continue;
        }
        t->is_in_text = x->text_end != 0;
        t->begin = x->at;
        if (c == ' ' || (c >= '\t' && c <= '\r') || c == '~') {
            t->has_space = true;
            x->at++;
            continue;
        }
        if (is_digit(c) || (c == '.' && x->at + 1 < x->len && is_digit(x->s[x->at + 1]))) {
            lex_number(x);
            return;
        }
        if (is_letter(c)) {
            lex_letters(x);
            return;
        }
        if (c == '\\') {
            x->at++;
            if (lex_escape(x)) return;
        } else if ((unsigned char)c >= 0x80 ? lex_unicode(x) : lex_sign(x)) {
            return;
        }
    }
    t->kind = LEX_END;
}

void lex_split(lexer *x)
{
    lex_token *t = &x->token;

    if (t->len < 2 || !is_digit(t->text[0])) return;
    x->n_digits = (size_t)(t->text - x->digits) + 1;
    x->at = t->begin + 1;
    t->len = 1;
    t->repeat = 0;
}
