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
    "left",
    "right",
    "middle",
    "big",
    "Big",
    "bigg",
    "Bigg",
    "bigl",
    "bigr",
    "Bigl",
    "Bigr",
    "biggl",
    "biggr",
    "Biggl",
    "Biggr",
    "bigm",
    "displaystyle",
    "textstyle",
    "scriptstyle",
    "limits",
    "nolimits",
    "quad",
    "qquad",
    "mathbf",
    "mathit",
    "mathsf",
    "mathcal",
    "mathtt",
    "mathscr",
    "mathfrak",
    "rm",
    "bf",
    "it",
    "bold",
    "boldsymbol",
    "bm",
    "pmb",
    "vec",
    "overrightarrow",
    "hat",
    "thinspace",
    "medspace",
    "thickspace",
    "negthinspace",
    "enspace",
    "space",
    "boxed",
    "fbox",
    "underline",
    "ensuremath",
    "mathstrut",
    "strut",
    "tiny",
    "small",
    "normalsize",
    "large",
    "Large",
    "LARGE",
    "huge",
    "Huge",
    "mathop",
    "mathord",
    "mathbin",
    "mathrel",
    "mathopen",
    "mathclose",
    "mathnormal",
    "nobreak",
    "allowbreak",
    "hfill",
    "hbox",
    "centering",
    "noindent",
    "nonumber",
    "notag",
    "displaylimits",
    "scriptscriptstyle",
};
static const char *const texts[] = {"text",   "mbox",   "textbf", "textit", "textrm", "textnormal",
                                    "textsf", "texttt", "textup", "emph",   "textmd"};
/* Names of functions or units, or letters in another face. */
static const char *const upright[] = {"mathrm", "operatorname"};
static const char *const dropped[] = {"phantom",   "hspace", "vspace", "hphantom", "color",
                                      "textcolor", "tag",    "label"}; /* with argument */

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
    {"simeq", LEX_SIGN, SIGN_APPROX, NULL},
    {"doteq", LEX_SIGN, SIGN_APPROX, NULL},
    {"equiv", LEX_SIGN, SIGN_EQUIV, NULL},
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
    {"textdollar", LEX_SIGN, SIGN_DOLLAR, NULL},
    {"mod", LEX_COMMAND, 0, "pmod"},
    {"arcctg", LEX_COMMAND, 0, "arccot"},
    {"tg", LEX_COMMAND, 0, "tan"},
    {"ctg", LEX_COMMAND, 0, "cot"},
    {"lg", LEX_COMMAND, 0, "log"},
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

/* Functions that are written without a backslash or as \operatorname too. */
static const char *const functions[] = {
    "sqrt",   "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos",
    "arctan", "log", "ln",  "exp", "gcd", "lcm", "max", "min",
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

/* \mathrm{km/h}: words or a unit, of one letter behind a number alone; \mathrm{e} and an upright
 * formula are none. */
static bool is_upright_text(const lexer *x, size_t at, size_t end)
{
    size_t n_letters = 0;

    while (at < end && (x->s[at] == ' ' || x->s[at] == '~')) at++;
    if (at == end || !is_letter(x->s[at])) return false;
    for (size_t i = at; i < end; i++) {
        if (!is_letter(x->s[i]) && !is_digit(x->s[i]) && !strchr(" ~/^{}.", x->s[i])) return false;
        n_letters += is_letter(x->s[i]);
    }
    if (n_letters > 1) return true;
    return x->before == LEX_NUMBER && x->s[at] != 'e' && x->s[at] != 'i' && x->s[at] != 'd';
}

/* Behind \mathrm or \operatorname. true: a function's name, which is the token. */
static bool lex_upright(lexer *x)
{
    lex_token *t = &x->token;

    if (x->at < x->len && x->s[x->at] == '*') x->at++;
    const size_t open = find_past_blanks(x->s, x->at, x->len);
    if (open == x->len || x->s[open] != '{' || x->text_end) return false;
    const size_t end = close_of(x, open + 1);
    const char *name = x->s + open + 1;
    const size_t n = end - open - 1;
    if (IS_ONE_OF(functions, name, n) || (n == 3 && memcmp(name, "mod", n) == 0)) {
        t->kind = LEX_COMMAND;
        t->text = *name == 'm' && name[1] == 'o' ? "bmod" : name;
        t->len = *name == 'm' && name[1] == 'o' ? strlen(t->text) : n;
        x->at = end + (end < x->len);
        return true;
    }
    if (is_upright_text(x, open + 1, end)) x->at = open + 1, x->text_end = end;
    return false;
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
        t->has_space |=
            n > 4 && (memcmp(name + n - 4, "quad", 4) == 0 || memcmp(name + n - 4, "pace", 4) == 0);
        t->has_space |= n == 4 && memcmp(name, "quad", n) == 0;
        const bool is_side = (n == 4 && memcmp(name, "left", n) == 0) || (n == 5 && name[0] == 'r');
        if (is_side && x->at < x->len && x->s[x->at] == '.') x->at++;
        return false;
    }
    if (IS_ONE_OF(upright, name, n)) return lex_upright(x);
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
    static const char *const marks[] = {"{,}", "{, }", ",\\! ", ",\\!", "\\,",
                                        "\\ ", "~",    ",",     " "};
    size_t n = 0, after;

    for (size_t i = 0; i < sizeof marks / sizeof *marks && !n; i++)
        if (starts(x, at, marks[i]) && (strcmp(marks[i], ",") != 0 || x->depth == 0))
            n = strlen(marks[i]);
    if (!n) return 0;
    for (after = at + n; after < x->len && is_digit(x->s[after]);) after++;
    if (after != at + n + 3) return 0;
    if (x->s[at] == ' ' && after + 1 < x->len && x->s[after] == ' ' && is_digit(x->s[after + 1]))
        return thousands_mark(x, after) ? n : 0;
    if ((x->s[at] == ' ' || x->s[at] == '~') && after < x->len && x->s[after] == '/') return 0;
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

/* "1.5e3". A whole number, e and a sign may be a sum with Euler's number ("2e-1"): then it is left
 * open, but for "1e-5". */
static void take_exponent(lexer *x)
{
    lex_token *t = &x->token;
    size_t at = x->at + 1;

    if (x->at == x->len || (x->s[x->at] != 'e' && x->s[x->at] != 'E')) return;
    const bool has_sign = at < x->len && (x->s[at] == '-' || x->s[at] == '+');
    at += has_sign;
    const size_t first = at;
    while (at < x->len && is_digit(x->s[at])) at++;
    if (at == first || (at < x->len && is_letter(x->s[at]))) return;
    t->is_unclear = has_sign && x->s[x->at] == 'e' && !memchr(t->text, '.', t->len) &&
                    !(t->len == 1 && *t->text == '1');
    t->exponent = x->s + first;
    t->exponent_len = at - first;
    t->divides = has_sign && x->s[first - 1] == '-';
    x->at = at;
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
    take_exponent(x);
}

/* -- letters -- */

static const spelling words[] = {
    {"pi", LEX_COMMAND, 0, NULL},          {"inf", LEX_COMMAND, 0, "infty"},
    {"infinity", LEX_COMMAND, 0, "infty"}, {"infty", LEX_COMMAND, 0, NULL},
    {"mod", LEX_COMMAND, 0, "pmod"},       {"theta", LEX_LETTER, 0, NULL},
    {"alpha", LEX_LETTER, 0, NULL},        {"beta", LEX_LETTER, 0, NULL},
};
/* Words of fewer than four letters that no product of letters is likely to be. */
static const char *const short_words[] = {
    "and", "or",  "cm",  "mm",  "km",  "ft",  "kg",  "mg",  "gm",  "lb",  "lbs",
    "oz",  "mph", "kph", "in",  "sec", "min", "hr",  "hrs", "day", "sq",  "cu",
    "yd",  "mi",  "gal", "usd", "USD", "am",  "pm",  "odd", "yes", "no",  "one",
    "two", "six", "ten", "pct", "deg", "rad", "the", "is",  "of",  "per", "cup",
    "men", "bus", "car", "red", "May", "all", "any", "for", "not", "km",
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
    const bool is_time = n == 3 && x->before == LEX_NUMBER && /* 5 min */
                         (memcmp(t->text, "min", n) == 0 || memcmp(t->text, "sec", n) == 0);
    if (IS_ONE_OF(functions, t->text, n) && !is_time) {
        t->kind = LEX_COMMAND;
        t->len = n;
        x->at += n;
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

/* Two stars are a power, around an answer emphasis: "**13**", "**13** cm". */
static bool is_emphasis(const lexer *x)
{
    const size_t next = find_past_blanks(x->s, x->at, x->len);
    const size_t first = find_past_blanks(x->s, 0, x->len);

    return next == x->len || starts(x, first, "**");
}

/* A dollar that no other closes, before digits: money. */
static bool is_money(const lexer *x)
{
    size_t n = 0;

    for (size_t i = 0; i < x->len; i++) n += x->s[i] == '$' && (i == 0 || x->s[i - 1] != '\\');
    return n == 1 && x->at < x->len && is_digit(x->s[x->at]);
}

/* false: it was nothing to an answer. */
static bool lex_sign(lexer *x)
{
    static const spelling pairs[] = {{"<=", LEX_SIGN, SIGN_LE, NULL},
                                     {">=", LEX_SIGN, SIGN_GE, NULL},
                                     {"!=", LEX_SIGN, SIGN_NE, NULL},
                                     {"==", LEX_SIGN, '=', NULL},
                                     {"**", LEX_SIGN, '^', NULL}};
    lex_token *t = &x->token;
    const char c = x->s[x->at];

    t->kind = LEX_SIGN;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (starts(x, x->at, pairs[i].text)) {
            x->at += 2;
            t->sign = pairs[i].sign;
            return c != '*' || !is_emphasis(x);
        }
    x->at++;
    t->sign = c;
    if (c == '.') { /* a full stop, not an ellipsis */
        const size_t next = find_past_blanks(x->s, x->at, x->len);
        if (next == x->len || x->at < next || x->s[next] == '}' || x->s[next] == '$') return false;
        t->kind = LEX_BAD;
    } else if (c == '$' && is_money(x)) {
        t->sign = SIGN_DOLLAR;
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

    x->before = t->kind;
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
        } else if (lex_sign(x)) {
            return;
        }
    }
    t->kind = LEX_END;
}

void lex_split(lexer *x)
{
    lex_token *t = &x->token;

    if ((t->len < 2 && !t->exponent_len) || !is_digit(t->text[0])) return;
    x->n_digits = (size_t)(t->text - x->digits) + 1;
    x->at = t->begin + 1;
    t->len = 1;
    t->repeat = t->exponent_len = 0;
    t->is_unclear = false;
}
