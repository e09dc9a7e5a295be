#include "flow/labels/math/math_units.h"

#include <string.h>

static const struct unit {
    const char *word, *name; /* singular, lower case */
} units[] = {
    {"cm", "cm"},
    {"centimeter", "cm"},
    {"centimetre", "cm"},
    {"mm", "mm"},
    {"millimeter", "mm"},
    {"km", "km"},
    {"kilometer", "km"},
    {"kilometre", "km"},
    {"m", "m"},
    {"meter", "m"},
    {"metre", "m"},
    {"in", "inch"},
    {"inch", "inch"},
    {"inche", "inch"},
    {"ft", "foot"},
    {"foot", "foot"},
    {"feet", "foot"},
    {"yd", "yard"},
    {"yard", "yard"},
    {"mi", "mile"},
    {"mile", "mile"},
    {"kg", "kg"},
    {"kilogram", "kg"},
    {"g", "g"},
    {"gm", "g"},
    {"gram", "g"},
    {"mg", "mg"},
    {"milligram", "mg"},
    {"lb", "pound"},
    {"pound", "pound"},
    {"oz", "ounce"},
    {"ounce", "ounce"},
    {"ton", "ton"},
    {"s", "second"},
    {"sec", "second"},
    {"second", "second"},
    {"min", "minute"},
    {"minute", "minute"},
    {"h", "hour"},
    {"hr", "hour"},
    {"hour", "hour"},
    {"day", "day"},
    {"week", "week"},
    {"month", "month"},
    {"year", "year"},
    {"mph", "mile per hour"},
    {"kph", "km per hour"},
    {"dollar", "dollar"},
    {"usd", "dollar"},
    {"cent", "cent"},
    {"euro", "euro"},
    {"degree", "degree"},
    {"deg", "degree"},
    {"radian", "radian"},
    {"rad", "radian"},
    {"percent", "%"},
    {"percentage", "%"},
    {"pct", "%"},
    {"square", "square"},
    {"sq", "square"},
    {"cubic", "cubic"},
    {"cu", "cubic"},
    {"per", "per"},
    {"liter", "liter"},
    {"litre", "liter"},
    {"l", "liter"},
    {"ml", "ml"},
    {"milliliter", "ml"},
    {"gallon", "gallon"},
    {"gal", "gallon"},
    {"quart", "quart"},
    {"acre", "acre"},
    {"hectare", "hectare"},
    {"unit", "unit"},
    {"newton", "newton"},
    {"n", "newton"},
    {"joule", "joule"},
    {"j", "joule"},
    {"watt", "watt"},
    {"w", "watt"},
    {"kw", "kw"},
    {"volt", "volt"},
    {"v", "volt"},
    {"hz", "hertz"},
    {"pa", "pascal"},
    {"mol", "mole"},
    {"kj", "kj"},
    {"gbp", "sterling"},
    {"eur", "euro"},
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool equal(const char *word, size_t len, const char *name)
{
    if (strlen(name) != len) return false;
    for (size_t i = 0; i < len; i++)
        if (lower(word[i]) != name[i]) return false;
    return true;
}

/* m is a metre, M a million: letters alone keep their case. */
static bool is_letter_of(const char *word, const char *name)
{
    static const char capitals[] = "LNJWV", smalls[] = "msghl";

    return lower(*word) == *name && strchr(*word == *name ? smalls : capitals, *word);
}

const char *math_unit_name(const char *word, size_t len)
{
    for (int plural = 0; plural < 2; plural++) {
        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
            if (equal(word, len, units[i].word) && (len > 1 || is_letter_of(word, units[i].word)))
                return units[i].name;
        if (len < 3 || lower(word[len - 1]) != 's') return NULL;
        len--;
    }
    return NULL;
}
