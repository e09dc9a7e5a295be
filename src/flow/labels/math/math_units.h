/* math_units.h - units behind a number. Private to labels/. */
#ifndef VS_LABELS_MATH_UNITS_H
#define VS_LABELS_MATH_UNITS_H

#include <stdbool.h>
#include <stddef.h>

/* The canonical name of a word that is a unit or a part of one, singular or plural, in any case
 * ("Inches", "in" -> "inch"; "sq" -> "square"); NULL: it is none. Static. */
const char *math_unit_name(const char *word, size_t len);
#endif
