/* fill_run.c - a made-up run folder, small or of the demo's size, for the tests of status, report
 * and export.
 *
 * usage: fill_run DIR N_TEST N_SAMPLES        Nothing in it was computed by a model: numbers follow
 * simple formulas. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "flow/labels/grade.h"
#include "flow/store/store.h"

enum { N_TRAIN = 40, N_ROUNDS = 3, K = 4 };
static const char verifier_hash[] =
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

static vs_rng rng;

static vs_status write_text(const char *dir, const char *name, const char *text, vs_error *err)
{
    char *path = vs_format("%s/%s", dir, name);
    vs_status st;

    if (!path) return VS_FAIL(err, VS_E_NOMEM, "path");
    st = vs_file_replace(path, text, strlen(text), err);
    free(path);
    return st;
}

static vs_status write_model(const char *dir, const char *name, const char *hash, vs_error *err)
{
    char *folder = vs_format("%s/models/%s", dir, name),
         *text = vs_format("{\"model\":\"%s\"}\n", hash);
    vs_status st = VS_FAIL(err, VS_E_NOMEM, "path");

    if (folder && text) {
        st = vs_dir_make(folder, err);
        if (st == VS_OK) st = write_text(folder, "manifest.json", text, err);
    }
    free(folder);
    free(text);
    return st;
}

static vs_status add_problem(vs_store *s, const char *split, int number, int *answer, vs_error *err)
{
    const int x = vs_rng_range(&rng, 2, 15), m = vs_rng_range(&rng, 3, 9),
              k = vs_rng_range(&rng, 2, 8);
    char key[48], question[160], gold[16];
    int32_t ids[3] = {1, 2, 3};
    vs_problem p = {
        .key = key, .question = question, .prompt = question, .gold = gold, .ids = ids, .n_ids = 3};

    snprintf(p.split, sizeof p.split, "%s", split);
    snprintf(key, sizeof key, "%s-%d", split, number);
    snprintf(
        question, sizeof question,
        "Tom buys some bags of %d pens & <hats>. Tom gets %d more and now has %d. How many bags? ",
        m, k, x * m + k);
    snprintf(gold, sizeof gold, "%d", x);
    *answer = x;
    return vs_store_add_problem(s, &p, err);
}

/* A guess that is right with probability `skill`; its score is higher when it is. */
static vs_status add_sample(vs_store *s, int64_t problem, const char *set, uint32_t index,
                            int answer, double skill, vs_error *err)
{
    const bool is_right = vs_rng_uniform(&rng) < skill, is_cut = vs_rng_uniform(&rng) < 0.01;
    const int guess =
        is_right ? answer : answer + (vs_rng_uniform(&rng) < 0.7 ? 1 : vs_rng_range(&rng, 2, 4));
    char text[120], normal[16];
    int32_t ids[3] = {guess, vs_rng_range(&rng, 0, 3), 2};
    float logprobs[3] = {-0.5f, -0.25f, -0.125f};
    vs_sample x = {.problem_id = problem,
                   .index = index,
                   .ids = ids,
                   .token_logprobs = logprobs,
                   .n_ids = 3,
                   .logprob = -0.875,
                   .text = text};
    vs_label l = {.profile = vs_profile_version("arithmetic"),
                  .rule = "arithmetic/2:marker",
                  .extracted = normal,
                  .normal = normal};
    int64_t id;

    snprintf(x.set, sizeof x.set, "%s", set);
    snprintf(x.finish, sizeof x.finish, "%s", is_cut ? "length" : "stop");
    snprintf(text, sizeof text, "Try %d. %d*5=%d. %d+4=%d. #### %d", guess, guess, guess * 5,
             guess * 5, guess * 5 + 4, guess);
    snprintf(normal, sizeof normal, "%d", guess);
    VS_TRY(vs_store_add_sample(s, &x, &id, err));
    l.sample_id = id;
    l.verdict = is_cut ? VS_UNGRADABLE : is_right ? VS_RIGHT : VS_WRONG;
    VS_TRY(vs_store_add_label(s, &l, err));
    return vs_store_add_score(s, id, verifier_hash,
                              -6.0 + (is_right ? 3.0 : 0.0) + 1.4 * vs_rng_normal(&rng), err);
}

static vs_status add_metrics(vs_store *s, unsigned n, vs_error *err)
{
    static const struct {
        const char *system, *curve;
        double at_1, limit;
    } row[] = {
        {"G_SFT", "pass", .366, .91},
        {"G_SFT", "majority", .366, .39},
        {"G_T", "pass", .743, 1.0},
        {"G_T", "majority", .743, .86},
        {"V-STaR", "pass", .743, 1.0},
        {"V-STaR", "best_of", .743, .947},
        {"V-STaR", "majority", .743, .86},
        {"V-STaR", "weighted", .743, .963},
        {"G_T own likelihood", "best_of", .743, .893},
        {"G_T own likelihood", "pass", .743, 1.0},
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        for (unsigned k = 1; k <= n; k *= 2) {
            const double share = log2((double)k) / (log2((double)n) + 1e-9);
            vs_metric m = {
                .k = k, .value = row[i].limit - (row[i].limit - row[i].at_1) * exp(-3.0 * share)};
            if (k == 1) m.value = row[i].at_1;
            m.low = fmax(0.0, m.value - 0.04);
            m.high = fmin(1.0, m.value + 0.035);
            snprintf(m.system, sizeof m.system, "%s", row[i].system);
            snprintf(m.curve, sizeof m.curve, "%s", row[i].curve);
            VS_TRY(vs_store_add_metric(s, &m, err));
        }
    const vs_metric d = {.system = "Best-of-k minus Maj@k",
                         .curve = "difference",
                         .k = n,
                         .value = .087,
                         .low = .051,
                         .high = .12};
    return vs_store_add_metric(s, &d, err);
}

static vs_status add_training(vs_store *s, const char *model, uint32_t steps, bool is_pairwise,
                              vs_error *err)
{
    for (uint32_t i = 0; i < steps; i++) {
        const double t = (double)i / steps, noise = 0.04 * vs_rng_normal(&rng);
        vs_train_row r = {.step = i,
                          .loss = (is_pairwise ? 0.693 : 1.1) * exp(-2.0 * t) + noise,
                          .grad_norm = 1.0,
                          .lr = 1e-3 * (1.0 - t),
                          .accuracy = NAN,
                          .margin = NAN,
                          .logp_right = NAN,
                          .logp_wrong = NAN,
                          .n_tokens = 2000};
        snprintf(r.model, sizeof r.model, "%s", model);
        if (is_pairwise) {
            r.margin = 4.0 * t + 3.0 * noise;
            r.accuracy = fmin(1.0, 0.5 + 0.45 * t + noise);
            r.logp_right = -7.0 - 2.0 * t + noise;
            r.logp_wrong = -8.0 - 14.0 * t + noise;
        }
        VS_TRY(vs_store_add_train_row(s, &r, err));
    }
    return VS_OK;
}

static vs_status fill(vs_store *s, unsigned n_test, unsigned n_samples, vs_error *err)
{
    int *answer = vs_alloc(N_TRAIN + (size_t)n_test, sizeof *answer);
    vs_status st = VS_OK;
    char set[32];

    if (!answer) return VS_FAIL(err, VS_E_NOMEM, "answers");
    for (unsigned i = 0; i < N_TRAIN; i++)
        VS_CHECK(add_problem(s, i < 10 ? "sft" : "train", (int)i, &answer[i], err));
    for (unsigned i = 0; i < n_test; i++)
        VS_CHECK(add_problem(s, "test", (int)i, &answer[N_TRAIN + i], err));
    for (unsigned t = 1; t <= N_ROUNDS; t++) {
        snprintf(set, sizeof set, "round-%u", t);
        for (unsigned i = 0; i < N_TRAIN; i++)
            for (uint32_t k = 0; k < K; k++)
                VS_CHECK(add_sample(s, i + 1, set, k, answer[i], 0.2 + 0.15 * t, err));
    }
    for (unsigned i = 0; i < n_test; i++)
        for (uint32_t k = 0; k < n_samples; k++)
            VS_CHECK(add_sample(s, N_TRAIN + i + 1, "test:generator", k, answer[N_TRAIN + i],
                                i % 5 == 0 ? 0.3 : 0.75, err));
    VS_CHECK(add_metrics(s, n_samples, err));
    VS_CHECK(add_training(s, "sft", 30, false, err));
    VS_CHECK(add_training(s, "generator-2", 400, false, err));
    VS_CHECK(add_training(s, "generator", 640, false, err));
    VS_CHECK(add_training(s, "verifier", 480, true, err));
done:
    free(answer);
    return st;
}

static vs_status make_run(const char *dir, unsigned n_test, unsigned n_samples, vs_error *err)
{
    vs_store *s = NULL;
    char *db = vs_format("%s/run.db", dir);
    vs_status st;

    if (!db) return VS_FAIL(err, VS_E_NOMEM, "path");
    VS_CHECK(vs_dir_make(dir, err));
    VS_CHECK(write_text(dir, "recipe.yaml",
                        "name: made-up <run>\nseed: 1\nrounds: 3\ngrader: arithmetic\nbase: demo\n",
                        err));
    VS_CHECK(write_model(dir, "sft", "aa", err));
    VS_CHECK(write_model(dir, "generator-2", "bb", err));
    VS_CHECK(write_model(dir, "generator", "cc", err));
    VS_CHECK(write_model(dir, "verifier", verifier_hash, err));
    VS_CHECK(vs_store_open(&s, db, VS_STORE_CREATE, err));
    VS_CHECK(vs_store_begin(s, err));
    VS_CHECK(fill(s, n_test, n_samples, err));
    VS_CHECK(vs_store_commit(s, err));
done:
    vs_store_close(s);
    free(db);
    return st;
}

int main(int argc, char **argv)
{
    vs_error err = {.code = VS_OK};

    if (argc != 4) {
        fprintf(stderr, "usage: fill_run DIR N_TEST N_SAMPLES\n");
        return 2;
    }
    rng = vs_rng_stream(vs_rng_key_make(1, VS_RNG_TEST, 0), 0);
    if (make_run(argv[1], (unsigned)atoi(argv[2]), (unsigned)atoi(argv[3]), &err) == VS_OK)
        return 0;
    fprintf(stderr, "fill_run: %s\n", err.text);
    return 1;
}
