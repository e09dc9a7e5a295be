/* loop.c - V-STaR (arXiv:2402.06457, Algorithm 1), as docs/MATH.md states it.
 *
 *   D_GEN, D_VER <- D_SFT
 *   G_SFT        <- SFT(G_base, D_SFT)
 *   for t = 1..T:   G <- t == 1 ? G_SFT : SFT(G_base, D_GEN)
 *                   S <- k samples per problem from G, graded
 *                   S += rationales of what S leaves unsolved          (STaR; off)
 *                   S <- S labelled by a reward model                  (no answers known; off)
 *                   S <- the best of S by the last V, and a new V       (verifier in the loop; off)
 *                   D_GEN += right(S);  D_VER += S with labels
 *   G_T          <- SFT(G_base, D_GEN)
 *   V            <- DPO(init = G_SFT, reference = G_SFT, pairs(D_VER))
 *   answer(x)     = argmax over N samples y of G_T of log V(y | x)
 *
 * The other systems of the paper's comparison are this loop with other values in the recipe
 * (recipes/compare-demo.yaml); a stage that the recipe does not want returns at once.
 *
 * Both data sets are queries over the store, so "+=" needs no code: a round's samples are there
 * once it is done. */
#include <stdio.h>

#include "base/clock.h"
#include "engine/tensor/par.h"
#include "flow/loop/run.h"

static const char *generator_of_round(char name[32], size_t t)
{
    if (t == 1) return "sft";
    snprintf(name, 32, "generator-%zu", t);
    return name;
}

static void start_clocks(vs_run *run)
{
    run->stage_began = vs_now_s();
    run->stage_began_cpu = vs_clock_s(CLOCK_PROCESS_CPUTIME_ID);
    (void)vs_matmul_count_take();
}

/* What the stage took since the clocks were started, and how much of it was matrix products. */
static json_t *effort_of(const vs_run *run, const char *stage)
{
    return json_pack("{s:s, s:f, s:f, s:f}", "stage", stage, "seconds",
                     vs_now_s() - run->stage_began, "cpu_seconds",
                     vs_clock_s(CLOCK_PROCESS_CPUTIME_ID) - run->stage_began_cpu, "matmul_gflop",
                     1e-9 * vs_matmul_count_take().flops);
}

/* One stage, and a line in log.jsonl when it had something to do. */
static vs_status finish(vs_run *run, bool *did_work, const char *stage, vs_status st,
                        const vs_error *err)
{
    if (run->did_work || st != VS_OK)
        vs_log_event(run->log, st == VS_OK ? "stage done" : "stage failed",
                     st == VS_OK || !err
                         ? effort_of(run, stage)
                         : json_pack("{s:s, s:s}", "stage", stage, "error", err->text));
    *did_work |= run->did_work;
    run->did_work = false;
    start_clocks(run);
    return st;
}
#define STAGE(name, call) VS_TRY(finish(run, did_work, (name), (call), err))

vs_status vs_run_all(vs_run *run, bool *did_work, vs_error *err)
{
    char name[32];

    *did_work = run->did_work = false;
    vs_matmul_count_enable(true);
    start_clocks(run);
    STAGE("problems", vs_run_problems(run, err));
    VS_TRY(vs_run_check_graders(run, err));
    VS_TRY(vs_run_check_examples(run, err));
    VS_TRY(vs_run_check_hints(run, err));
    VS_TRY(vs_run_check_space(run, err));
    start_clocks(run);
    STAGE("references", vs_run_references(run, err));
    STAGE("sft", vs_run_generator(run, "sft", 0, err));
    for (size_t t = 1; t <= run->recipe.rounds; t++) {
        const char *g = generator_of_round(name, t);
        if (t > 1) STAGE(g, vs_run_generator(run, g, t - 1, err));
        STAGE("round", vs_run_round(run, t, g, err));
        STAGE("rationales", vs_run_rationales(run, t, g, err));
        STAGE("reward", vs_run_reward(run, t, err));
        STAGE("choice", vs_run_choose(run, t, err));
    }
    STAGE("generator", vs_run_generator(run, "generator", run->recipe.rounds, err));
    STAGE("verifier", vs_run_verifier(run, "verifier", run->recipe.rounds, err));
    STAGE("answers", vs_run_answers(run, err));
    return VS_OK;
}
