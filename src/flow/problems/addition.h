/* addition.h - sums of two numbers of n digits with a scratchpad, the STaR paper's task (arXiv
 * 2203.14465, section 4; the layout of its published code).
 *
 *   question    "Input:\n6 2 4 + 2 5 9\nTarget:\n"
 *   reference   "<scratch>\n6 2 4 + 2 5 9 , C: 0\n6 2 + 2 5 , 3 C: 1\n6 + 2 , 8 3 C: 0\n
 *               , 8 8 3 C: 0\n0 8 8 3\n</scratch>\n8 8 3"
 *   gold, key   "883", "624+259"
 *
 * A problem has one length, uniform from min_digits to max_digits, for both numbers, which are
 * uniform among those of that length. No two problems are the same pair. Test is drawn first, then
 * sft, then train. */
#ifndef VS_PROBLEMS_ADDITION_H
#define VS_PROBLEMS_ADDITION_H

#include "flow/problems/problems.h"

VS_NODISCARD vs_status addition_load(vs_problems *out, const vs_problem_source *src, vs_error *err);
#endif
