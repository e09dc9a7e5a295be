#include "flow/labels/math/math_unicode.h"

#include <stdint.h>
#include <string.h>

static const struct meaning {
    uint32_t code;
    const char *latex;
} meanings[] = {
    {0xa0, " "},
    {0xa2, "\\text{ cents}"},
    {0xa3, "\\text{GBP }"},
    {0xb0, "\\degree "},
    {0xb1, "\\pm "},
    {0xb7, "*"},
    {0xba, "\\degree "},
    {0xbc, "\\frac{1}{4}"},
    {0xbd, "\\frac{1}{2}"},
    {0xbe, "\\frac{3}{4}"},
    {0xd7, "*"},
    {0xf7, "/"},
    {0x2010, "-"},
    {0x2011, "-"},
    {0x2012, "-"},
    {0x2013, "-"},
    {0x2018, "'"},
    {0x2019, "'"},
    {0x2022, "*"},
    {0x2026, "\\ldots "},
    {0x202f, " "},
    {0x2032, "'"},
    {0x2044, "/"},
    {0x205f, " "},
    {0x2062, "*"},
    {0x2063, ","},
    {0x2064, "+"},
    {0x20ac, "\\euro "},
    {0x2102, "\\mathbb{C}"},
    {0x210e, "h"},
    {0x2113, "\\ell "},
    {0x2115, "\\mathbb{N}"},
    {0x211a, "\\mathbb{Q}"},
    {0x211d, "\\mathbb{R}"},
    {0x2124, "\\mathbb{Z}"},
    {0x2150, "\\frac{1}{7}"},
    {0x2151, "\\frac{1}{9}"},
    {0x2152, "\\frac{1}{10}"},
    {0x2153, "\\frac{1}{3}"},
    {0x2154, "\\frac{2}{3}"},
    {0x2155, "\\frac{1}{5}"},
    {0x2156, "\\frac{2}{5}"},
    {0x2157, "\\frac{3}{5}"},
    {0x2158, "\\frac{4}{5}"},
    {0x2159, "\\frac{1}{6}"},
    {0x215a, "\\frac{5}{6}"},
    {0x215b, "\\frac{1}{8}"},
    {0x215c, "\\frac{3}{8}"},
    {0x215d, "\\frac{5}{8}"},
    {0x215e, "\\frac{7}{8}"},
    {0x2205, "\\emptyset "},
    {0x2208, "\\in "},
    {0x2212, "-"},
    {0x2213, "\\mp "},
    {0x2215, "/"},
    {0x2216, "\\setminus "},
    {0x2217, "*"},
    {0x2219, "*"},
    {0x221a, "\\sqrt "},
    {0x221b, "\\sqrt[3]"},
    {0x221c, "\\sqrt[4]"},
    {0x221e, "\\infty "},
    {0x2220, "\\angle "},
    {0x2229, "\\cap "},
    {0x222a, "\\cup "},
    {0x2236, ":"},
    {0x2243, "\\approx "},
    {0x2245, "\\cong "},
    {0x2248, "\\approx "},
    {0x2260, "\\ne "},
    {0x2261, "\\equiv "},
    {0x2264, "\\le "},
    {0x2265, "\\ge "},
    {0x2266, "\\le "},
    {0x2267, "\\ge "},
    {0x22c5, "*"},
    {0x22c6, "*"},
    {0x2308, "\\lceil "},
    {0x2309, "\\rceil "},
    {0x230a, "\\lfloor "},
    {0x230b, "\\rfloor "},
    {0x25b3, "\\triangle "},
    {0x27e8, "("},
    {0x27e9, ")"},
    {0x2a7d, "\\le "},
    {0x2a7e, "\\ge "},
    {0x2c6, "^"},
    {0x3000, " "},
    {0x3001, ","},
    {0x3002, "."},
};

/* Lower-case Greek from U+03B1 on, final sigma among them; capitals from U+0391 on. */
static const char *const greek[] = {
    "alpha", "beta",   "gamma",   "delta", "epsilon", "zeta", "eta",   "theta", "iota",
    "kappa", "lambda", "mu",      "nu",    "xi",      NULL,   "pi",    "rho",   NULL,
    "sigma", "tau",    "upsilon", "phi",   "chi",     "psi",  "omega",
};
static const char *const greek_capitals[] = {
    NULL,    NULL,     "Gamma", "Delta", NULL, NULL,  NULL,    "Theta", NULL,
    NULL,    "Lambda", NULL,    NULL,    "Xi", NULL,  NULL,    NULL,    NULL,
    "Sigma", NULL,     NULL,    "Phi",   NULL, "Psi", "Omega",
};

/* The character at s[at]; 0 where the bytes are none. *n: its bytes. */
static uint32_t decode(const char *s, size_t at, size_t len, size_t *n)
{
    const unsigned char c = (unsigned char)s[at];
    uint32_t code;

    *n = c < 0x80 ? 1 : c >= 0xf0 && c < 0xf8 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 0;
    if (*n == 0 || c >= 0xf8 || *n > len - at) {
        *n = 1;
        return 0;
    }
    code = *n == 1 ? c : c & (0xffu >> (*n + 1));
    for (size_t i = 1; i < *n; i++) {
        if (((unsigned char)s[at + i] & 0xc0) != 0x80) {
            *n = 1;
            return 0;
        }
        code = code << 6 | ((unsigned char)s[at + i] & 0x3f);
    }
    return code;
}

/* The sign that a small raised or lowered one is; 0: none. */
static char small_sign(uint32_t code, bool is_raised)
{
    static const char others[] = "+-=()";

    if (is_raised && (code == 0xb2 || code == 0xb3)) return (char)('0' + (code - 0xb0));
    if (is_raised && code == 0xb9) return '1';
    if (is_raised && code == 0x2071) return 'i';
    if (is_raised && code == 0x207f) return 'n';
    if (is_raised && code == 0x2e3) return 'x';
    const uint32_t base = is_raised ? 0x2070 : 0x2080;
    if (code < base || code > base + 14 || (is_raised && code >= 0x2071 && code <= 0x2073))
        return 0;
    return code < base + 10 ? (char)('0' + (code - base)) : others[code - base - 10];
}

/* Letters, digits and signs in another dress: full-width, mathematical bold, italic, .. ; 0: none. */
static char plain_form(uint32_t code)
{
    enum { ALPHABETS = 0x1d400, END_OF_ALPHABETS = 0x1d6a4, DIGITS = 0x1d7ce, END = 0x1d800 };

    if (code >= 0xff01 && code <= 0xff5e) return (char)(code - 0xff01 + '!');
    if (code >= DIGITS && code < END) return (char)('0' + (code - DIGITS) % 10);
    if (code < ALPHABETS || code >= END_OF_ALPHABETS) return 0;
    const uint32_t letter = (code - ALPHABETS) % 52;
    return (char)(letter < 26 ? 'A' + letter : 'a' + letter - 26);
}

static bool is_invisible(uint32_t code)
{
    return (code >= 0x200b && code <= 0x200f) || code == 0x2060 || code == 0x2061 ||
           code == 0xfeff || code == 0xfe0f;
}

static const char *find_meaning(uint32_t code)
{
    if (code >= 0x2000 && code <= 0x200a) return " ";
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].code == code) return meanings[i].latex;
    return NULL;
}

static const char *find_greek(uint32_t code)
{
    const uint32_t small = 0x3b1, capital = 0x391;

    if (code == 0x3d5) return "phi";
    if (code >= small && code < small + sizeof greek / sizeof *greek) return greek[code - small];
    if (code >= capital && code < capital + sizeof greek_capitals / sizeof *greek_capitals)
        return greek_capitals[code - capital];
    return NULL;
}

typedef struct writer {
    char *out;
    size_t n, cap;
    bool is_full;
} writer;

static void put(writer *w, const char *s, size_t n)
{
    if (n > w->cap - w->n) {
        w->is_full = true;
        return;
    }
    memcpy(w->out + w->n, s, n);
    w->n += n;
}

static void put_text(writer *w, const char *s)
{
    put(w, s, strlen(s));
}

/* A run of small signs at s[at] as ^{..} or _{..}; its bytes. */
static size_t put_small(writer *w, const char *s, size_t at, size_t len, bool is_raised)
{
    const size_t begin = at;
    size_t n;
    char c;

    put_text(w, is_raised ? "^{" : "_{");
    while (at < len && (c = small_sign(decode(s, at, len, &n), is_raised)) != 0) {
        put(w, &c, 1);
        at += n;
    }
    put_text(w, "}");
    return at - begin;
}

/* The character at s[at]; its bytes. */
static size_t put_character(writer *w, const char *s, size_t at, size_t len)
{
    const char *text;
    size_t n;
    const uint32_t code = decode(s, at, len, &n);
    const char plain = plain_form(code);

    if (code < 0x80) {
        put(w, s + at, n);
    } else if (small_sign(code, true)) {
        return put_small(w, s, at, len, true);
    } else if (small_sign(code, false)) {
        return put_small(w, s, at, len, false);
    } else if (plain) {
        put(w, &plain, 1);
    } else if ((text = find_greek(code)) != NULL) {
        put_text(w, "\\");
        put_text(w, text);
        put_text(w, " ");
    } else if ((text = find_meaning(code)) != NULL) {
        put_text(w, text);
    } else if (!is_invisible(code)) {
        put(w, s + at, n);
    }
    return n;
}

bool math_is_ascii(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] >= 0x80) return false;
    return true;
}

bool math_to_ascii(char *out, size_t cap, const char *s, size_t *len)
{
    writer w = {out, 0, cap, false};

    for (size_t at = 0; at < *len && !w.is_full;) at += put_character(&w, s, at, *len);
    *len = w.n;
    return !w.is_full;
}
