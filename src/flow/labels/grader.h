/* grader.h - a grader as the loop and the verbs use it: opened once, then batches of items.
 *
 * A grader is a profile of grade.h, which is a pure function; a profile of code.h, which runs
 * programs in a sandbox; or an external command that answers JSON Lines over a pipe (external.h).
 *
 * Ownership: options are borrowed while the grader is open. Threads: one at a time.
 * Order:     results come in the items' order, whatever the number of workers, and do not depend on
 *            how items are batched. */
#ifndef VS_LABELS_GRADER_H
#define VS_LABELS_GRADER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "flow/labels/grade.h"

typedef struct vs_grader_options {
    const char *profile;        /* of grade.h or code.h, or "external" */
    const char *const *command; /* external: program and arguments; no shell reads them */
    size_t n_command;
    double timeout_s;  /* external: for one item, wall clock; 0: VS_EXTERNAL_TIMEOUT_S */
    size_t n_workers;  /* processes at once; 0: vs_threads() */
    bool weak_sandbox; /* programs may run where namespaces are missing (sandbox.h) */
    vs_store *cache;   /* keeps what programs came to; NULL: none */
} vs_grader_options;

typedef struct vs_grade_item {
    const char *id, *question; /* NULL: unknown; for external graders */
    const char *gold, *completion;
    size_t id_len, question_len, gold_len, completion_len; /* bytes; any may be U+0000 */
} vs_grade_item;

enum { VS_GRADER_VERSION_BYTES = 48 };
typedef struct vs_grader vs_grader;

/* Refuses what is no grader's name with `code` and the list of those there are. */
VS_NODISCARD vs_status vs_grader_check(const char *profile, const char *where, vs_status code,
                                       vs_error *err);
/* Refuses an unknown profile and a command that does not belong to it; starts nothing yet. The
 * sandbox is made and tested when the first program comes. */
VS_NODISCARD vs_status vs_grader_open(vs_grader **out, const vs_grader_options *o, vs_error *err);
void vs_grader_close(vs_grader *g); /* NULL is allowed */

/* What labels are stored under: "gsm8k/1"; for a command "external/1:" and a hash of its words and
 * of the files that they name, so that an edited script is another grader. */
const char *vs_grader_version(const vs_grader *g);

/* Where programs ran: interpreter, isolation, limits. "" before the first was run, and for others.
 */
const char *vs_grader_describe(const vs_grader *g);
/* The name of a grader: 0, 1, ..; NULL after the last. */
const char *vs_grader_name(size_t i);

/* Whether an item costs a process's time rather than microseconds: progress is worth showing. */
bool vs_grader_is_slow(const vs_grader *g);

/* results[i] for items[i], on VS_OK. A gold that the profile refuses is VS_E_INPUT, and *bad (else untouched)
 * the item's index; a wish to stop (base/stop.h) is VS_E_STOPPED. */
VS_NODISCARD vs_status vs_grader_run(vs_grader *g, const vs_grade_item *items, size_t n,
                                     vs_grade_result *results, size_t *bad, vs_error *err);
#endif
