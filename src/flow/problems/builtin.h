/* builtin.h - problems made by the built-in families (families.h). */
#ifndef VS_PROBLEMS_BUILTIN_H
#define VS_PROBLEMS_BUILTIN_H

#include <stdbool.h>

#include "flow/problems/problems.h"

/* What the draws of VS_RNG_PROBLEMS are for: the number that goes into the key. Never renumber. */
enum { BUILTIN_TEST = 0, BUILTIN_SFT = 1, BUILTIN_TRAIN = 2, BUILTIN_CORPUS = 3 };

/* Makes src's three splits: all bags, or (is_hard) bags and prices by turns. No two problems share
 * their numbers; names and items are free. Test is drawn first, then sft, then train, so that a
 * bigger training split leaves the others as they are. Prompts stay NULL. */
VS_NODISCARD vs_status builtin_load(vs_problems *out, const vs_problem_source *src, bool is_hard,
                                    vs_error *err);
#endif
