/* code_extract.h - which bytes of a completion are the program. Private to labels/.
 *
 * Rules, in order, with the names that verdicts carry:
 *   fence   the first fenced block of Python that defines the entry point, else the last block; a
 *           fence that is never closed reaches to the end. Backticks or tildes; one inside a string
 *           of three quotation marks is text; a nameless one behind the program only closes
 *   fences  that block and those whose imports or functions it needs, in the text's order
 *   dedented  as fence or body, where all lines are indented as the definition at their head
 *   body    no fence, and the first line that is not blank is indented: it continues a function
 *   code    no fence: from the first line that begins with def, class, import, from, @ or NAME =
 *   all     none of these: all of it
 *
 * Thoughts and tokens that end a text are cut off first (find.h). A bare program ends before prose
 * and before a last statement that was cut off, when it defines the entry point without it.
 * Linear in the text for a bounded number of blocks. */
#ifndef VS_LABELS_CODE_EXTRACT_H
#define VS_LABELS_CODE_EXTRACT_H

#include "base/buf.h"

typedef struct code_extract {
    const char *rule;  /* static */
    size_t begin, end; /* from the first byte of the program to its last */
    vs_buf text;       /* the program: vs_buf_free */
} code_extract;

/* entry: the function or class that the tests call. Running out of memory sets text.failed. */
void code_extract_from(code_extract *out, const char *s, size_t len, const char *entry);

/* Whether a line of s begins with "def ENTRY", "async def ENTRY" or "class ENTRY". *at: where. */
bool code_defines(size_t *at, const char *s, size_t len, const char *entry);
#endif
