#include "flow/labels/math/math_words.h"

#include <string.h>

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool math_word_is(const char *word, size_t len, const char *lower_case)
{
    if (strlen(lower_case) != len) return false;
    for (size_t i = 0; i < len; i++)
        if (lower(word[i]) != lower_case[i]) return false;
    return true;
}

static bool is_one_of(const char *const *list, size_t n, const char *word, size_t len)
{
    for (size_t i = 0; i < n; i++)
        if (math_word_is(word, len, list[i])) return true;
    return false;
}
#define IS_ONE_OF(list, word, len) is_one_of(list, sizeof(list) / sizeof *(list), word, len)

/* "quarter" and "second" are left out: coins and time; "pair" is what is counted. */
static const math_scale scales[] = {
    {"hundred", "100", NULL},
    {"hundreds", "100", NULL},
    {"thousand", "1000", NULL},
    {"thousands", "1000", NULL},
    {"million", "1000000", NULL},
    {"millions", "1000000", NULL},
    {"mil", "1000000", NULL},
    {"billion", "1000000000", NULL},
    {"billions", "1000000000", NULL},
    {"bn", "1000000000", NULL},
    {"trillion", "1000000000000", NULL},
    {"trillions", "1000000000000", NULL},
    {"lakh", "100000", NULL},
    {"lakhs", "100000", NULL},
    {"crore", "10000000", NULL},
    {"crores", "10000000", NULL},
    {"dozen", "12", NULL},
    {"dozens", "12", NULL},
    {"gross", "144", NULL},
    {"half", NULL, "2"},
    {"halves", NULL, "2"},
    {"third", NULL, "3"},
    {"thirds", NULL, "3"},
    {"fourth", NULL, "4"},
    {"fourths", NULL, "4"},
    {"fifth", NULL, "5"},
    {"fifths", NULL, "5"},
    {"sixth", NULL, "6"},
    {"sixths", NULL, "6"},
    {"seventh", NULL, "7"},
    {"sevenths", NULL, "7"},
    {"eighth", NULL, "8"},
    {"eighths", NULL, "8"},
    {"ninth", NULL, "9"},
    {"ninths", NULL, "9"},
    {"tenth", NULL, "10"},
    {"tenths", NULL, "10"},
    {"hundredth", NULL, "100"},
    {"hundredths", NULL, "100"},
    {"thousandth", NULL, "1000"},
    {"thousandths", NULL, "1000"},
    {"millionth", NULL, "1000000"},
    {"millionths", NULL, "1000000"},
};

const math_scale *math_word_scale(const char *word, size_t len)
{
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++)
        if (math_word_is(word, len, scales[i].word)) return &scales[i];
    return NULL;
}

/* Nouns that are no plurals in -s, and adjectives before nouns. None says how many or which. */
static const char *const describing[] = {
    "people",   "children",   "men",      "women",       "sheep",      "fish",     "deer",
    "mice",     "geese",      "feet",     "teeth",       "person",     "child",    "man",
    "woman",    "way",        "value",    "point",       "digit",      "integer",  "number",
    "student",  "book",       "apple",    "box",         "bus",        "car",      "piece",
    "solution", "root",       "vertices", "matrices",    "indices",    "distinct", "different",
    "possible", "right",      "triangle", "real",        "positive",   "total",    "ordered",
    "unique",   "whole",      "prime",    "children",    "fans",       "money",    "water",
    "milk",     "paper",      "celsius",  "fahrenheit",  "altogether", "in",       "all",
    "sandwich", "sandwiches", "glass",    "class",       "red",        "blue",     "green",
    "white",    "black",      "complex",  "equilateral", "isosceles",  "such",     "cup",
    "game",     "page",       "hat",      "coin",        "marble",     "dog",      "cat",
    "girl",     "boy",        "friend",   "seat",        "ticket",     "ball",
};
/* Words in -s that are no plurals of something counted. */
static const char *const no_plurals[] = {
    "less",           "plus",      "minus",     "times",     "always",    "perhaps",
    "unless",         "does",      "thus",      "versus",    "quarters",  "tens",
    "ones",           "twos",      "negatives", "opposites", "inverses",  "reciprocals",
    "factorials",     "sometimes", "was",       "has",       "besides",   "equals",
    "means",          "remains",   "exceeds",   "misses",    "fails",     "lacks",
    "scores",         "squares",   "cubes",     "bases",     "exponents", "powers",
    "multiplies",     "divides",   "becomes",   "gives",     "yields",    "makes",
    "this",           "yes",       "its",       "his",       "hers",      "theirs",
    "contradicts",    "disagrees", "differs",   "needs",     "decreases", "increases",
    "googols",        "myriads",   "kilos",     "grands",    "percents",  "twenties",
    "hundredweights", "couples",   "pairs",     "fractions",
};

bool math_word_describes(const char *word, size_t len)
{
    enum { SHORTEST_PLURAL = 4 };

    if (IS_ONE_OF(describing, word, len)) return true;
    return len >= SHORTEST_PLURAL && lower(word[len - 1]) == 's' && lower(word[len - 2]) != 's' &&
           !math_word_scale(word, len) && !IS_ONE_OF(no_plurals, word, len);
}

static const char *const leads[] = {
    "about",     "approximately", "approx", "around", "roughly", "exactly", "precisely", "the",
    "answer",    "final",         "is",     "equals", "value",   "result",  "so",        "thus",
    "therefore", "hence",         "we",     "get",    "have",    "obtain",  "it",        "there",
    "are",       "total",         "of",     "number", "usd",     "eur",     "gbp",
};

bool math_word_leads(const char *word, size_t len)
{
    return IS_ONE_OF(leads, word, len);
}

static const char *const denials[] = {
    "not",    "never",    "incorrect", "wrong",      "false",  "isn",     "aren", "wasn",
    "cannot", "mistaken", "invalid",   "impossible", "untrue", "neither", "nor",  "isnt",
};

bool math_word_denies(const char *word, size_t len)
{
    return IS_ONE_OF(denials, word, len);
}

/* -- whole texts -- */

/* The next word of text from *at on; its length, 0: there is none. Hyphens part words. */
static size_t next_word(size_t *at, const char *text, size_t len)
{
    size_t n = 0;

    while (*at < len && strchr(" ~-\t\n", text[*at])) ++*at;
    while (*at + n < len && !strchr(" ~-\t\n", text[*at + n])) n++;
    return n;
}

math_phrase math_phrase_of(const char *text, size_t len)
{
    static const struct {
        const char *words;
        math_phrase phrase;
    } phrases[] = {
        {"all real numbers", MATH_ALL_REALS},
        {"all reals", MATH_ALL_REALS},
        {"all real", MATH_ALL_REALS},
        {"all real values", MATH_ALL_REALS},
        {"any real number", MATH_ALL_REALS},
        {"every real number", MATH_ALL_REALS},
        {"real numbers", MATH_ALL_REALS},
        {"reals", MATH_ALL_REALS},
        {"set of all real numbers", MATH_ALL_REALS},
        {"set of real numbers", MATH_ALL_REALS},
        {"empty set", MATH_NOTHING},
        {"null set", MATH_NOTHING},
        {"no solution", MATH_NOTHING},
        {"no solutions", MATH_NOTHING},
        {"no real solution", MATH_NOTHING},
        {"no real solutions", MATH_NOTHING},
    };
    size_t begin = 0, n = next_word(&begin, text, len);

    if (math_word_is(text + begin, n, "the") || math_word_is(text + begin, n, "an")) {
        begin += n;
        (void)next_word(&begin, text, len);
    }
    while (len > begin && strchr(" ~", text[len - 1])) len--;
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (math_word_is(text + begin, len - begin, phrases[i].words)) return phrases[i].phrase;
    return MATH_NO_PHRASE;
}

static long long spoken_digit(const char *word, size_t len)
{
    static const char *const small[] = {"zero",    "one",     "two",       "three",    "four",
                                        "five",    "six",     "seven",     "eight",    "nine",
                                        "ten",     "eleven",  "twelve",    "thirteen", "fourteen",
                                        "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
    static const char *const tens[] = {"twenty", "thirty",  "forty",  "fifty",
                                       "sixty",  "seventy", "eighty", "ninety"};

    for (size_t i = 0; i < sizeof small / sizeof *small; i++)
        if (math_word_is(word, len, small[i])) return (long long)i;
    for (size_t i = 0; i < sizeof tens / sizeof *tens; i++)
        if (math_word_is(word, len, tens[i])) return 20 + 10 * (long long)i;
    return -1;
}

static long long digits_value(const char *digits)
{
    long long v = 0;

    for (; digits && *digits; digits++) v = v * 10 + (*digits - '0');
    return v;
}

typedef struct spoken {
    long long total, group, divisor; /* thousands that are done; below them; 0: no fraction yet */
    long long last;                  /* the last number word: 20 takes a unit behind it */
    bool has_number;
} spoken;

/* Takes a word in; false: it cannot stand there. */
static bool take_spoken(spoken *x, const char *word, size_t len)
{
    const long long most = 1000000000000, digit = spoken_digit(word, len);
    const math_scale *scale = math_word_scale(word, len);
    const bool is_quarter =
        math_word_is(word, len, "quarter") || math_word_is(word, len, "quarters");

    if (x->divisor) return false;
    if (digit >= 0) {
        const bool fits = !x->has_number ||
                          (x->last >= 20 && x->last < 100 && digit > 0 && digit < 10) ||
                          (x->last >= 100 && digit > 0);
        if (!fits) return false;
        x->group += digit;
        x->last = digit;
        x->has_number = true;
        return true;
    }
    if ((is_quarter || (scale && scale->divisor)) && x->has_number) {
        x->divisor = is_quarter ? 4 : digits_value(scale->divisor);
        return true;
    }
    if (!scale || !scale->factor || !x->has_number) return false;
    const long long factor = digits_value(scale->factor);
    if (factor < 1000 ? x->group == 0 || x->group >= 100 : x->group == 0) return false;
    if (factor < 1000) {
        x->group *= factor;
    } else {
        if (x->group > most / factor) return false;
        x->total += x->group * factor;
        x->group = 0;
    }
    x->last = factor;
    return true;
}

bool math_spoken_number(long long *num, long long *den, const char *text, size_t len)
{
    spoken x = {.divisor = 0};
    size_t at = 0, n;

    if ((n = next_word(&at, text, len)) == 0) return false;
    if (math_word_is(text + at, n, "half"))
        x = (spoken){.group = 1, .divisor = 2, .has_number = true}, at += n;
    else if (math_word_is(text + at, n, "a") || math_word_is(text + at, n, "an"))
        x = (spoken){.group = 1, .last = 1, .has_number = true}, at += n;
    const bool is_article = x.has_number && !x.divisor;
    size_t n_words = 0;
    for (; (n = next_word(&at, text, len)) > 0; at += n, n_words++)
        if (!take_spoken(&x, text + at, n)) return false;
    if (!x.has_number || (is_article && n_words == 0)) return false;
    *num = x.total + x.group;
    *den = x.divisor ? x.divisor : 1;
    return true;
}
