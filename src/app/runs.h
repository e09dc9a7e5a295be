/* runs.h - what the verbs on runs share. */
#ifndef VS_APP_RUNS_H
#define VS_APP_RUNS_H

#include "app/args.h"
#include "base/error.h"
#include "flow/loop/recipe.h"

/* Hands the built-in base's files to the loop. */
void vs_run_use_builtin_base(void);
/* Starts or resumes, then writes the report. others: runs to take over from; NULL: none. */
VS_NODISCARD vs_status vs_run_and_report(const vs_recipe *recipe, const char *dir,
                                         const vs_str_list *others, vs_error *err);
/* Results with intervals, one system and curve a line, to standard output. */
VS_NODISCARD vs_status vs_run_print_results(const char *dir, vs_error *err);
/* A wrong solution that fooled the vote and that the verifier caught, if there is one. */
VS_NODISCARD vs_status vs_run_print_catch(const char *dir, vs_error *err);
/* DIR/NAME; VS_E_STATE when DIR is not a run folder. *out: malloc'd. */
VS_NODISCARD vs_status vs_run_file(char **out, const char *dir, const char *name, vs_error *err);
#endif
