/* number_tail.c - what the words and signs behind a number make of it: a unit, a multiple, a part of
 * an expression, a denial, or something that nobody knows. */
#include <string.h>

#include "flow/labels/find.h"
#include "flow/labels/math/math_units.h"
#include "flow/labels/number_region.h"

enum { WORD_BYTES = 24 };

/* A word in lower case; "" when it is longer than any that is looked for. */
typedef struct word {
    char text[WORD_BYTES];
    size_t begin, len; /* in the text */
} word;

typedef struct reader {
    const char *s;
    size_t at, begin, end;
    number_context context;
    number_tail out;
    size_t n_words;
    bool is_direct; /* nothing stood between the number and this place */
    bool has_unit;  /* a sign that is one: % */
    word last;
} reader;

typedef struct multiple {
    const char *word;
    uint64_t num, den;
} multiple;

/* Words that stand first behind a number; a plural has an s more. */
static const multiple multiples[] = {
    {"hundred", 100, 1},
    {"thousand", 1000, 1},
    {"million", 1000000, 1},
    {"billion", 1000000000, 1},
    {"trillion", 1000000000000, 1},
    {"mn", 1000000, 1},
    {"mln", 1000000, 1},
    {"bn", 1000000000, 1},
    {"bln", 1000000000, 1},
    {"dozen", 12, 1},
    {"lakh", 100000, 1},
    {"crore", 10000000, 1},
    {"halve", 1, 2},
    {"third", 1, 3},
    {"fourth", 1, 4},
    {"fifth", 1, 5},
    {"sixth", 1, 6},
    {"seventh", 1, 7},
    {"eighth", 1, 8},
    {"ninth", 1, 9},
    {"tenth", 1, 10},
    {"twelfth", 1, 12},
    {"hundredth", 1, 100},
    {"thousandth", 1, 1000},
};
/* Without a currency mark only the first four: m are metres. */
static const multiple suffixes[] = {{"k", 1000, 1},         {"M", 1000000, 1}, {"B", 1000000000, 1},
                                    {"K", 1000, 1},         {"m", 1000000, 1}, {"b", 1000000000, 1},
                                    {"T", 1000000000000, 1}};
enum { N_WITHOUT_CURRENCY = 4 };
static const multiple signs[] = {{"\xe4\xb8\x87", 10000, 1},     {"\xe8\x90\xac", 10000, 1},
                                 {"\xe4\xba\xbf", 100000000, 1}, {"\xe5\x84\x84", 100000000, 1},
                                 {"\xe5\x8d\x83", 1000, 1},      {"\xe7\x99\xbe", 100, 1}};

/* Where one of these follows, the number is not the whole answer. */
static const char *const open_words[] = {
    "or",       "two",      "three",    "four",    "five",     "six",     "seven",     "eight",
    "nine",     "ten",      "eleven",   "twelve",  "thirteen", "fifteen", "twenty",    "thirty",
    "forty",    "fifty",    "sixty",    "seventy", "eighty",   "ninety",  "hundred",   "thousand",
    "million",  "billion",  "trillion", "dozen",   "half",     "quarter", "quarters",  "not",
    "isn't",    "never",    "negative", "baker's", "squared",  "cubed",   "thousands", "dozens",
    "millions", "billions", "hundreds", "cannot",  "wasn't",   "aren't",  "maybe",     "perhaps",
    "gross",    "score",    "tens",
};
/* The same, first behind the number: mathematics in words. */
static const char *const operators[] = {"pi",    "factorial", "squared",   "cubed",
                                        "mod",   "choose",    "over",      "plus",
                                        "minus", "divided",   "multiplied"};
static const char *const short_units[] = {"st", "nd", "rd", "th", "am", "pm",
                                          "mb", "gb", "tb", "kb", "kw", "ms"};
static const char *const copulas[] = {"is", "was", "are", "be", "isn't", "seems"};
static const char *const denials[] = {"not", "incorrect", "wrong", "false", "untrue"};
/* Characters that are blanks or punctuation, and units. */
static const char *const quiet[] = {
    "\xc2\xa0",     "\xe2\x80\x89", "\xe2\x80\xaf", "\xe2\x80\x99", "\xe2\x80\x9c",
    "\xe2\x80\x9d", "\xe2\x80\xa6", "\xe3\x80\x82", "\xef\xbc\x8c", "\xe2\x80\x93",
    "\xe2\x80\x94", "\xe2\x9c\x93", "\xe2\x9c\x94", "\xe2\x9c\x85",
};
static const char *const unit_signs[] = {
    "%",
    "\\%",
    "\xc2\xb0",
    "\xc2\xa2",
    "^\\circ",
    "^{\\circ}",
    "\\degree",
    "\xe5\x85\x83",
    "\xe5\x86\x86",
    "\xe4\xb8\xaa",
    "\xe4\xba\xba",
    "\xe5\xb2\x81",
    "\xe5\xa4\xa9",
    "\xec\x9b\x90",
    "\xeb\xaa\x85",
    "\xea\xb0\x9c",
};
static const char *const layout[] = {
    "\\text{", "\\textbf{", "\\textit{", "\\mathrm{", "\\mathbf{", "\\mbox{", "\\operatorname{",
    "\\rm",    "\\quad",    "\\qquad",   "\\ ",       "\\,",       "\\;",     "\\:",
    "\\!",     "\\\\",      "\\)",       "\\]",       "\\right",   "\\left",
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Length of a letter at s[i]: ASCII, or of the Latin alphabets of Europe. */
static size_t letter_at(const reader *r, size_t i)
{
    if (i >= r->end) return 0;
    if (is_letter(r->s[i])) return 1;
    const unsigned char a = (unsigned char)r->s[i];
    const unsigned char b = i + 1 < r->end ? (unsigned char)r->s[i + 1] : 0;
    const bool is_latin = a == 0xc3 && b >= 0x80 && b != 0x97 && b != 0xb7;
    return is_latin || ((a == 0xc4 || a == 0xc5) && b >= 0x80) ? 2 : 0;
}

static word word_at(const reader *r, size_t i)
{
    word w = {.begin = i};
    size_t n;

    for (; i < r->end; i += n) {
        n = letter_at(r, i);
        if (!n && r->s[i] == '\'' && i > w.begin && letter_at(r, i + 1)) n = 1;
        if (!n) break;
    }
    w.len = i - w.begin;
    if (w.len >= sizeof w.text) return w;
    for (size_t k = 0; k < w.len; k++) {
        const char c = r->s[w.begin + k];
        w.text[k] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return w;
}

static bool is_any(const char *text, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(text, list[i]) == 0) return true;
    return false;
}
#define IS_ANY(text, list) is_any(text, list, sizeof(list) / sizeof *(list))
#define FIND_ANY(r, list)  find_any((r)->s, (r)->at, (r)->end, list, sizeof(list) / sizeof *(list))

static void settle(reader *r, number_tail_kind kind)
{
    r->out.kind = kind;
    r->at = r->end;
}

static void scale(reader *r, const multiple *by, size_t end)
{
    r->out.kind = TAIL_SCALED;
    if (__builtin_mul_overflow(r->out.num, by->num, &r->out.num) ||
        __builtin_mul_overflow(r->out.den, by->den, &r->out.den)) {
        settle(r, TAIL_OPEN);
        return;
    }
    r->out.end = r->at = end;
}

/* -- what stands first behind the number -- */

static const multiple *find_multiple(const word *w)
{
    for (size_t i = 0; i < sizeof multiples / sizeof *multiples; i++) {
        const size_t n = strlen(multiples[i].word);
        if (strncmp(w->text, multiples[i].word, n) != 0) continue;
        if (!w->text[n] || (w->text[n] == 's' && !w->text[n + 1])) return &multiples[i];
    }
    return NULL;
}

/* "and a half" behind the number, or behind "million". */
static bool take_fraction(reader *r)
{
    static const struct {
        const char *text;
        uint64_t den;
    } fractions[] = {{"and a half", 2},    {"and one half", 2},    {"and one-half", 2},
                     {"and a quarter", 4}, {"and one quarter", 4}, {"and a third", 3},
                     {"and one third", 3}};

    for (size_t i = 0; i < sizeof fractions / sizeof *fractions; i++) {
        const size_t n = find_fold(r->s, r->at, r->end, fractions[i].text);
        if (!n || letter_at(r, r->at + n)) continue;
        r->out.more = fractions[i].den;
        r->out.kind = TAIL_SCALED;
        r->out.end = r->at += n;
        return true;
    }
    return false;
}

static bool take_suffix(reader *r, const word *w)
{
    const bool is_money = r->context.has_currency;
    const size_t n = is_money ? sizeof suffixes / sizeof *suffixes : N_WITHOUT_CURRENCY;

    if (w->len != 1) return false;
    for (size_t i = 0; i < n; i++) {
        if (r->s[w->begin] != suffixes[i].word[0]) continue;
        scale(r, &suffixes[i], w->begin + 1);
        return true;
    }
    return false;
}

static void take_first_word(reader *r, const word *w)
{
    const bool is_sign = w->len == 1 && strchr("mglhsLCF", r->s[w->begin]);
    const bool is_unit =
        is_sign || math_unit_name(r->s + w->begin, w->len) || IS_ANY(w->text, short_units);

    if (take_suffix(r, w)) return;
    if (IS_ANY(w->text, operators) || (w->len == 1 && !is_unit && !r->has_unit))
        settle(r, TAIL_EXPRESSION);
    else if (IS_ANY(w->text, open_words) || (r->is_direct && w->len == 2 && !is_unit))
        settle(r, TAIL_OPEN); /* 3ab */
    else
        r->at = w->begin + w->len;
}

/* -- words -- */

/* "is not correct", "is wrong", "not the answer"; else "not" may belong to a unit. */
static bool denies(const reader *r, const word *w)
{
    static const char *const objects[] = {"correct", "right", "true", "the", "it", "valid"};

    if (strcmp(w->text, "not") == 0 || strcmp(w->text, "isn't") == 0) {
        const word next = word_at(r, find_past_blanks(r->s, w->begin + w->len, r->end));
        return IS_ANY(next.text, objects);
    }
    return IS_ANY(w->text, denials) && IS_ANY(r->last.text, copulas);
}

static bool take_below_zero(reader *r)
{
    const size_t n = find_fold(r->s, r->at, r->end, "below zero");

    if (!n) return false;
    r->out.is_below_zero = true;
    r->out.kind = TAIL_SCALED;
    r->out.end = r->at += n;
    return true;
}

static void take_word(reader *r)
{
    const word w = word_at(r, r->at);
    const multiple *by = r->n_words == 0 ? find_multiple(&w) : NULL;

    if (by) { /* what follows is the first word still: 5 hundred thousand */
        scale(r, by, w.begin + w.len);
        r->is_direct = false;
        return;
    }
    if (denies(r, &w)) {
        settle(r, TAIL_DENIED);
    } else if ((r->n_words == 0 && take_fraction(r)) || take_below_zero(r)) {
        /* the number is another one now */
    } else if (r->n_words == 0) {
        take_first_word(r, &w);
    } else if (IS_ANY(w.text, open_words)) {
        settle(r, TAIL_OPEN);
    } else {
        r->at = w.begin + w.len;
    }
    r->n_words++;
    r->last = w;
    r->is_direct = false;
}

/* -- signs -- */

static bool is_behind_word(const reader *r)
{
    return r->at > r->begin && letter_at(r, r->at - 1);
}

/* Whether the next character that is no blank belongs to a value. */
static bool value_follows(const reader *r, size_t at)
{
    at = find_past_blanks(r->s, at, r->end);
    return at < r->end && (is_digit(r->s[at]) || letter_at(r, at) || strchr("\\($", r->s[at]));
}

/* "/hour" is a unit, "/x" is not. */
static void take_slash(reader *r)
{
    const word w = word_at(r, r->at + 1);

    if (w.len >= 2 || (w.len == 1 && (r->n_words || strchr("mglhs", w.text[0])))) {
        r->at += 1 + w.len;
        r->n_words++;
        r->last = w;
    } else {
        settle(r, TAIL_EXPRESSION);
    }
}

/* m^2, m^{2}: the caller saw the digits. */
static void take_power(reader *r)
{
    if (!is_behind_word(r)) {
        settle(r, TAIL_EXPRESSION);
        return;
    }
    for (r->at++; r->at < r->end && (is_digit(r->s[r->at]) || strchr("{}-", r->s[r->at]));) r->at++;
}

static void take_sign(reader *r)
{
    const char c = r->s[r->at];

    switch (c) {
    case '*':
    case '_':
        while (r->at + 1 < r->end && (r->s[r->at + 1] == '*' || r->s[r->at + 1] == '_')) r->at++;
        if (!r->context.has_star && value_follows(r, r->at + 1)) settle(r, TAIL_EXPRESSION);
        break;
    case '-':
        if (r->is_direct && r->at + 1 == r->end) settle(r, TAIL_OPEN);
        break;
    case '(':
        if (r->is_direct) settle(r, TAIL_EXPRESSION);
        break;
    case '!':
        if (r->n_words == 0) settle(r, TAIL_EXPRESSION);
        break;
    case '+':
        if (word_at(r, find_past_blanks(r->s, r->at + 1, r->end)).len > 1)
            settle(r, TAIL_DENIED); /* 10+John's age: the number is a part of the answer */
        else
            settle(r, value_follows(r, r->at + 1) ? TAIL_EXPRESSION : TAIL_OPEN);
        break;
    case '\0':
        break;
    case '?':
    case '&':
        settle(r, TAIL_OPEN);
        break;
    default:
        if (!strchr(")}$\"'`.,;:{#[]~", c)) settle(r, TAIL_EXPRESSION);
        break;
    }
    if (r->at == r->end) return;
    if (strchr(".,;:-(", c)) r->is_direct = false;
    r->at++;
}

static void take_unicode(reader *r)
{
    size_t n = FIND_ANY(r, quiet);

    for (size_t i = 0; r->n_words == 0 && i < sizeof signs / sizeof *signs; i++)
        if (find_here(r->s, r->at, r->end, signs[i].word)) {
            scale(r, &signs[i], r->at + strlen(signs[i].word));
            return;
        }
    if (!n) n = number_currency(r->s, r->at, r->end);
    if (!n && is_behind_word(r) && /* m², m³ */
        (find_here(r->s, r->at, r->end, "\xc2\xb2") || find_here(r->s, r->at, r->end, "\xc2\xb3")))
        n = 2;
    if (n)
        r->at += n;
    else
        settle(r, TAIL_EXPRESSION);
}

/* One step; every branch moves r->at. */
static void step(reader *r)
{
    const char c = r->s[r->at];
    size_t n;

    if (find_past_blanks(r->s, r->at, r->end) > r->at || c == '\n' || c == '\v' || c == '\f') {
        r->at++;
        r->is_direct = false;
    } else if ((n = FIND_ANY(r, unit_signs)) > 0) {
        r->at += n;
        r->has_unit = true;
    } else if ((n = FIND_ANY(r, layout)) > 0) {
        r->at += n;
        r->is_direct = false;
    } else if (find_here(r->s, r->at, r->end, "\\$")) {
        r->at += 2;
    } else if (letter_at(r, r->at)) {
        take_word(r);
    } else if (is_digit(c)) {
        r->at++; /* of a unit, as the caller saw: m2 */
    } else if (c == '/') {
        take_slash(r);
    } else if (c == '^') {
        take_power(r);
    } else if ((unsigned char)c >= 0x80) {
        take_unicode(r);
    } else {
        take_sign(r);
    }
}

number_tail number_tail_read(const char *s, size_t at, size_t end, number_context context)
{
    reader r = {.s = s,
                .at = at,
                .begin = at,
                .end = end,
                .context = context,
                .out = {.kind = TAIL_PLAIN, .num = 1, .den = 1},
                .is_direct = true};

    while (r.at < r.end && !(context.only_next && r.n_words)) step(&r);
    return r.out;
}
