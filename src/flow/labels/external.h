/* external.h - a grader of the user's own: a command that reads and answers JSON Lines.
 *
 * Protocol. One line in per item, one line out, in order, each flushed:
 *   in   {"id":"p7","question":"..","gold":"18","completion":"9*2=18"}    id, question may be null
 *   out  {"verdict":"right"|"wrong"|"ungradable"[,"extracted":".."][,"normal":".."][,"rule":".."]}
 * normal is the answer's class for votes; rule is free text, stored behind the grader's version.
 * Standard error is the user's to see. A worker is ended by closing its standard input, then
 * killed.
 *
 * Faults. A worker that dies, or closes its output, is started again and gets the item again, at
 * most VS_EXTERNAL_TRIES times in all; one that takes longer than the limit is killed, and the item
 * is tried once more. An item that none of this helps is "ungradable" with the rule ":died" or
 * ":timeout". An answer that is no such line is an error that shows it, since a label must not
 * depend on a misunderstanding; so is VS_EXTERNAL_FAULTS items in a row without an answer, and a
 * command that dies VS_EXTERNAL_TRIES times before any item has had one, or that answers none of
 * several: it does not run at all.
 *
 * Threads: one at a time; workers are processes, each with a session of its own. */
#ifndef VS_LABELS_EXTERNAL_H
#define VS_LABELS_EXTERNAL_H

#include "flow/labels/grader.h"

enum {
    VS_EXTERNAL_TIMEOUT_S = 60,
    VS_EXTERNAL_TRIES = 5,
    VS_EXTERNAL_FAULTS = 16,
    VS_EXTERNAL_LINE_BYTES = 1 << 20, /* longest answer */
};

typedef struct vs_external vs_external;
/* command[n] is borrowed. */
VS_NODISCARD vs_status vs_external_open(vs_external **out, const vs_grader_options *o,
                                        vs_error *err);
void vs_external_close(vs_external *x); /* NULL is allowed */
const char *vs_external_version(const vs_external *x);
VS_NODISCARD vs_status vs_external_run(vs_external *x, const vs_grade_item *items, size_t n,
                                       vs_grade_result *results, vs_error *err);
#endif
