#include "flow/labels/code/code.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/threads.h"
#include "flow/labels/code/code_extract.h"
#include "flow/labels/code/harness.h"
#include "flow/labels/find.h"
#include "flow/labels/grade_impl.h"

enum { ENTRY_BYTES = 128 };

/* Of MBPP's reference programs one needs 5 s of CPU time where the others need milliseconds. */
static const code_limits limits = {.cpu_s = 10.0, .idle_s = 10.0, .wall_s = 120.0};

static const struct {
    const char *name, *version;
} profiles[] = {{"mbpp", "mbpp/2"}, {"humaneval", "humaneval/2"}};
enum { N_PROFILES = sizeof profiles / sizeof *profiles };

struct code_grader {
    sandbox *sandbox;
    size_t n_workers;
    char description[256];
};

bool code_is_profile(const char *profile)
{
    return code_version(profile) != NULL;
}

const char *code_version(const char *profile)
{
    for (size_t i = 0; i < N_PROFILES; i++)
        if (strcmp(profiles[i].name, profile) == 0) return profiles[i].version;
    return NULL;
}

const char *code_profile_name(size_t i)
{
    return i < N_PROFILES ? profiles[i].name : NULL;
}

/* -- opening -- */

static vs_status open_with(code_grader *g, sandbox_isolation isolation, vs_error *err)
{
    vs_status st = sandbox_open(&g->sandbox, isolation, err);

    if (st == VS_OK) st = code_selftest_once(g->sandbox, g->n_workers, err);
    if (st == VS_OK) {
        snprintf(g->description, sizeof g->description,
                 "%s, %s, harness %.8s, %.0f s of CPU time, %d MB, %d KB of output",
                 sandbox_interpreter(g->sandbox), sandbox_describe(g->sandbox), vs_harness_hash,
                 limits.cpu_s, SANDBOX_MEMORY_MB, SANDBOX_OUTPUT_BYTES >> 10);
        return VS_OK;
    }
    sandbox_close(g->sandbox);
    g->sandbox = NULL;
    return st;
}

static vs_status refuse(const vs_error *strong, const vs_error *weak, vs_error *err)
{
    if (weak->code != VS_OK)
        return VS_FAIL(err, VS_E_STATE,
                       "programs cannot be run safely here. With %s: %.300s; with %s: %.300s",
                       sandbox_name(SANDBOX_BUBBLEWRAP), strong->text,
                       sandbox_name(SANDBOX_SECCOMP), weak->text);
    return VS_FAIL(
        err, VS_E_STATE,
        "programs are graded in namespaces of their own, which do not work here: %.300s. "
        "--weak-sandbox (recipe: weak_sandbox: true) grades them behind a filter of "
        "system calls alone: they write and send nothing, but share this machine's "
        "processes and network names and, without Landlock, read what this user may",
        strong->text);
}

vs_status code_open(code_grader **out, size_t n_workers, bool allow_weak, vs_error *err)
{
    code_grader *g = vs_alloc(1, sizeof *g);
    vs_error strong = {.code = VS_OK}, weak = {.code = VS_OK};
    vs_status st;

    if (!g) return VS_FAIL(err, VS_E_NOMEM, "grader");
    g->n_workers = n_workers ? n_workers : vs_threads();
    st = open_with(g, SANDBOX_BUBBLEWRAP, &strong);
    const bool is_final = st == VS_OK || st == VS_E_STOPPED || st == VS_E_NOMEM;
    if (!is_final && allow_weak) st = open_with(g, SANDBOX_SECCOMP, &weak);
    if (st == VS_OK) {
        *out = g;
        return VS_OK;
    }
    code_close(g);
    if (st == VS_E_STOPPED || st == VS_E_NOMEM)
        return VS_FAIL(err, st, "%s", weak.code != VS_OK ? weak.text : strong.text);
    return refuse(&strong, &weak, err);
}

void code_close(code_grader *g)
{
    if (!g) return;
    sandbox_close(g->sandbox);
    free(g);
}

const char *code_describe(const code_grader *g)
{
    return g->description;
}

/* -- one item: its gold and its program become a job -- */

typedef struct work {
    vs_buf program, tests;
    char key[VS_HASH_HEX];
    code_extract extract;
    code_result result;
    size_t same_as; /* an earlier item with this key; its own index: none */
    bool is_known;
} work;

static void work_free(work *w)
{
    vs_buf_free(&w->program);
    vs_buf_free(&w->tests);
    vs_buf_free(&w->extract.text);
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The first function that an assertion calls and that is none of Python's own. */
static void find_entry(char entry[ENTRY_BYTES], const char *test)
{
    static const char *const own[] = {"assert", "not",       "set", "sorted",    "list", "tuple",
                                      "len",    "round",     "abs", "str",       "int",  "float",
                                      "dict",   "max",       "min", "sum",       "all",  "any",
                                      "bool",   "frozenset", "map", "isinstance"};

    entry[0] = '\0';
    for (const char *at = test; *at;) {
        const char *begin = at;
        bool is_own = false;
        while (is_name_byte(*at)) at++;
        const size_t n = (size_t)(at - begin);
        if (n == 0) {
            at++;
            continue;
        }
        for (size_t i = 0; i < sizeof own / sizeof *own; i++)
            is_own |= strlen(own[i]) == n && memcmp(own[i], begin, n) == 0;
        if (*at != '(' || is_own || (begin > test && begin[-1] == '.') || n >= ENTRY_BYTES)
            continue;
        memcpy(entry, begin, n);
        entry[n] = '\0';
        return;
    }
}

static void add_member(vs_buf *b, const char *key, const char *text)
{
    vs_buf_printf(b, "%s\"%s\":", b->len ? "," : "{", key);
    vs_buf_json_str(b, text, strlen(text));
}

static vs_status add_texts(vs_buf *b, const char *key, const json_t *list, vs_error *err)
{
    vs_buf_printf(b, ",\"%s\":[", key);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *text = json_array_get(list, i);
        if (!json_is_string(text))
            return VS_FAIL(err, VS_E_INPUT, "gold: \"%s\": found %s, expected strings", key,
                           vs_json_kind(text));
        if (i) vs_buf_str(b, ",");
        vs_buf_json_str(b, json_string_value(text), json_string_length(text));
    }
    vs_buf_str(b, "]");
    return VS_OK;
}

static vs_status read_mbpp(work *w, const json_t *gold, const vs_grade_item *item, vs_error *err)
{
    const json_t *tests = json_object_get(gold, "tests");
    char entry[ENTRY_BYTES];
    const char *setup = "";

    if (!json_is_array(tests) || json_array_size(tests) == 0 ||
        !json_is_string(json_array_get(tests, 0)))
        return VS_FAIL(err, VS_E_INPUT, "gold: \"tests\": found %s, expected a list of assertions",
                       tests ? vs_json_kind(tests) : "nothing");
    VS_TRY(vs_json_opt_str(&setup, gold, "setup", "gold", err));
    find_entry(entry, json_string_value(json_array_get(tests, 0)));
    code_extract_from(&w->extract, item->completion, item->completion_len, entry);
    vs_buf_add(&w->program, w->extract.text.data, w->extract.text.len);
    add_member(&w->tests, "profile", "mbpp");
    add_member(&w->tests, "entry", entry);
    add_member(&w->tests, "setup", setup);
    VS_TRY(add_texts(&w->tests, "tests", tests, err));
    VS_TRY(add_texts(&w->tests, "imports", json_object_get(gold, "imports"), err));
    vs_buf_str(&w->tests, "}");
    return VS_OK;
}

/* A reply that says the function again gets what the prompt has before it; any other continues the
 * prompt. */
static vs_status read_humaneval(work *w, const json_t *gold, const vs_grade_item *item,
                                vs_error *err)
{
    const char *prompt = NULL, *test = NULL, *entry = NULL;
    size_t at = 0, ignored;

    VS_TRY(vs_json_get_str(&prompt, gold, "prompt", "gold", err));
    VS_TRY(vs_json_get_str(&test, gold, "test", "gold", err));
    VS_TRY(vs_json_get_str(&entry, gold, "entry_point", "gold", err));
    code_extract_from(&w->extract, item->completion, item->completion_len, entry);
    const bool is_body = strcmp(w->extract.rule, "body") == 0;
    if (!is_body && code_defines(&ignored, w->extract.text.data, w->extract.text.len, entry) &&
        code_defines(&at, prompt, strlen(prompt), entry)) {
        vs_buf_add(&w->program, prompt, at);
        vs_buf_add(&w->program, w->extract.text.data, w->extract.text.len);
    } else {
        if (!is_body &&
            strncmp(w->extract.rule, "fence", 5) != 0) { /* nothing is cut off a continuation */
            vs_buf_free(&w->extract.text);
            const find_part all = find_answer_part(item->completion, item->completion_len);
            w->extract = (code_extract){.rule = "all", .begin = all.begin, .end = all.end};
            vs_buf_add(&w->extract.text, item->completion + all.begin, all.end - all.begin);
        }
        vs_buf_str(&w->program, prompt);
        vs_buf_add(&w->program, w->extract.text.data, w->extract.text.len);
    }
    add_member(&w->tests, "profile", "humaneval");
    add_member(&w->tests, "entry", entry);
    add_member(&w->tests, "setup", "");
    vs_buf_str(&w->tests, ",\"imports\":[],\"tests\":[");
    vs_buf_json_str(&w->tests, test, strlen(test));
    vs_buf_str(&w->tests, "]}");
    return VS_OK;
}

static vs_status make_key(work *w, const code_grader *g, vs_error *err)
{
    vs_buf all = {0};
    vs_status st;

    vs_buf_printf(&all, "%s\n%s\n%zu %zu\n", g->description, vs_harness_hash, w->program.len,
                  w->tests.len);
    vs_buf_add(&all, w->program.data, w->program.len);
    vs_buf_add(&all, w->tests.data, w->tests.len);
    st = vs_buf_ok(&all, "program", err);
    if (st == VS_OK) vs_sha256_hex(w->key, all.data, all.len);
    vs_buf_free(&all);
    return st;
}

static vs_status prepare(work *w, const code_grader *g, const char *profile,
                         const vs_grade_item *item, vs_error *err)
{
    json_t *gold = NULL;
    vs_status st;

    VS_CHECK(vs_json_parse(&gold, item->gold, item->gold_len, "gold", err));
    if (!json_is_object(gold)) {
        st = VS_FAIL(err, VS_E_INPUT, "gold: found %s, expected an object with tests",
                     vs_json_kind(gold));
        goto done;
    }
    vs_buf_str(&w->program, "");
    VS_CHECK(strcmp(profile, "mbpp") == 0 ? read_mbpp(w, gold, item, err)
                                          : read_humaneval(w, gold, item, err));
    VS_CHECK(vs_buf_ok(&w->program, "program", err));
    VS_CHECK(vs_buf_ok(&w->tests, "tests", err));
    VS_CHECK(vs_buf_ok(&w->extract.text, "program", err));
    st = make_key(w, g, err);
done:
    json_decref(gold);
    return st;
}

/* -- batches -- */

typedef struct keyed {
    const char *key;
    size_t index;
} keyed;

static int by_key(const void *a, const void *b)
{
    const keyed *x = a, *y = b;
    const int order = strcmp(x->key, y->key);

    return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* Equal programs with equal tests are run once. */
static vs_status find_repeats(work *w, size_t n, vs_error *err)
{
    keyed *sorted = vs_alloc(n, sizeof *sorted);

    if (!sorted) return VS_FAIL(err, VS_E_NOMEM, "programs");
    for (size_t i = 0; i < n; i++) sorted[i] = (keyed){w[i].key, i};
    qsort(sorted, n, sizeof *sorted, by_key);
    for (size_t i = 0, first = 0; i < n; i++) {
        if (strcmp(sorted[i].key, sorted[first].key) != 0) first = i;
        w[sorted[i].index].same_as = sorted[first].index;
    }
    free(sorted);
    return VS_OK;
}

/* Runs what is neither known nor a repeat. */
static vs_status run_new(code_grader *g, work *w, size_t n, vs_error *err)
{
    code_job *jobs = vs_alloc(n, sizeof *jobs);
    code_result *results = vs_alloc(n, sizeof *results);
    size_t *which = vs_alloc(n, sizeof *which), n_jobs = 0;
    vs_status st = VS_OK;

    if (!jobs || !results || !which) {
        st = VS_FAIL(err, VS_E_NOMEM, "programs");
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        if (w[i].is_known || w[i].same_as != i) continue;
        jobs[n_jobs] =
            (code_job){w[i].program.data, w[i].program.len, w[i].tests.data, w[i].tests.len};
        which[n_jobs++] = i;
    }
    if (n_jobs) VS_CHECK(code_run(results, g->sandbox, jobs, n_jobs, &limits, g->n_workers, err));
    for (size_t i = 0; i < n_jobs; i++) w[which[i]].result = results[i];
done:
    free(jobs);
    free(results);
    free(which);
    return st;
}

static void set_result(vs_grade_result *out, const char *version, const work *w,
                       const vs_grade_item *item)
{
    const grade_texts in = {.completion = item->completion, .completion_len = item->completion_len};
    const code_result *r = &w->result;
    char where[32], suffix[64];

    *out = (vs_grade_result){.verdict = r->verdict == CODE_PASS    ? VS_RIGHT
                                        : r->verdict == CODE_INFRA ? VS_UNGRADABLE
                                                                   : VS_WRONG};
    snprintf(where, sizeof where, "%s", w->extract.rule);
    snprintf(suffix, sizeof suffix, ".%s%s%s", code_verdict_name(r->verdict),
             r->detail[0] ? "." : "", r->detail);
    grade_set_rule(out, version, where, suffix);
    grade_set_extract(out, &in, w->extract.begin, w->extract.end);
}

vs_status code_grade(code_grader *g, const char *profile, const vs_grade_item *items, size_t n,
                     vs_grade_result *results, const code_cache *cache, size_t *bad, vs_error *err)
{
    work *w = vs_alloc(n, sizeof *w);
    vs_status st = VS_OK;

    if (!w) return VS_FAIL(err, VS_E_NOMEM, "programs");
    for (size_t i = 0; i < n; i++) {
        st = prepare(&w[i], g, profile, &items[i], err);
        if (st != VS_OK) {
            *bad = i;
            goto done;
        }
        if (cache->get)
            VS_CHECK(cache->get(cache->ctx, w[i].key, &w[i].is_known, &w[i].result, err));
    }
    VS_CHECK(find_repeats(w, n, err));
    VS_CHECK(run_new(g, w, n, err));
    for (size_t i = 0; i < n; i++) {
        const work *first = &w[w[i].same_as];
        if (!w[i].is_known && first != &w[i]) w[i].result = first->result;
        set_result(&results[i], code_version(profile), &w[i], &items[i]);
        if (cache->put && !w[i].is_known && first == &w[i] && w[i].result.verdict != CODE_INFRA)
            VS_CHECK(cache->put(cache->ctx, w[i].key, &w[i].result, err));
    }
done:
    for (size_t i = 0; i < n; i++) work_free(&w[i]);
    free(w);
    return st;
}
