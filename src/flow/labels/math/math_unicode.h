/* math_unicode.h - characters beyond ASCII as the LaTeX that says the same. Private to labels/. */
#ifndef VS_LABELS_MATH_UNICODE_H
#define VS_LABELS_MATH_UNICODE_H

#include <stdbool.h>
#include <stddef.h>

bool math_is_ascii(const char *s, size_t len);

/* out[0..cap) <- s[0..*len) with superscripts, fractions, roots, operators, full-width and mathematical
 * letters written in LaTeX; *len becomes the new length. What has no plain meaning stays as it is,
 * so that nothing is lost. false: there is no room. */
bool math_to_ascii(char *out, size_t cap, const char *s, size_t *len);
#endif
