/* loop.c - V-STaR (arXiv:2402.06457, Algorithm 1), as docs/MATH.md states it.
 *
 *   D_GEN, D_VER <- D_SFT
 *   G_SFT        <- SFT(G_base, D_SFT)
 *   for t = 1..T:   G <- t == 1 ? G_SFT : SFT(G_base, D_GEN)
 *                   S <- k samples per problem from G, graded
 *                   D_GEN += right(S);  D_VER += S with labels
 *   G_T          <- SFT(G_base, D_GEN)
 *   V            <- DPO(init = G_SFT, reference = G_SFT, pairs(D_VER))
 *   answer(x)     = argmax over N samples y of G_T of log V(y | x)
 *
 * Both data sets are queries over the store, so "+=" needs no code: a round's samples are there
 * once it is done. */
#include <stdio.h>

#include "flow/loop/run.h"

static const char *generator_of_round(char name[32], size_t t)
{
    if (t == 1) return "sft";
    snprintf(name, 32, "generator-%zu", t);
    return name;
}

vs_status vs_run_all(vs_run *run, bool *did_work, vs_error *err)
{
    char name[32];

    run->did_work = false;
    VS_TRY(vs_run_problems(run, err));
    VS_TRY(vs_run_references(run, err));
    VS_TRY(vs_run_generator(run, "sft", 0, err));
    for (size_t t = 1; t <= run->recipe.rounds; t++) {
        const char *g = generator_of_round(name, t);
        if (t > 1) VS_TRY(vs_run_generator(run, g, t - 1, err));
        VS_TRY(vs_run_round(run, t, g, err));
    }
    VS_TRY(vs_run_generator(run, "generator", run->recipe.rounds, err));
    VS_TRY(vs_run_verifier(run, err));
    VS_TRY(vs_run_answers(run, err));
    *did_work = run->did_work;
    return VS_OK;
}
