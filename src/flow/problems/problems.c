#include "flow/problems/problems.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/progress.h"
#include "flow/problems/addition.h"
#include "flow/problems/builtin.h"
#include "flow/problems/lines.h"

static const char placeholder[] = "{question}";

/* The question with a mark behind the line of choice `answer`, "(a) .."; as it is where it has none. */
static void add_marked(vs_buf *out, const char *question, const char *answer)
{
    char line[6] = "\n(?) ";
    const char *at, *end;

    line[2] = (char)(*answer >= 'A' && *answer <= 'Z' ? *answer - 'A' + 'a' : *answer);
    at = strlen(answer) == 1 ? strstr(question, line) : NULL;
    end = at ? at + 1 + strcspn(at + 1, "\n") : question + strlen(question);
    vs_buf_add(out, question, (size_t)(end - question));
    if (at) vs_buf_str(out, " (CORRECT)");
    vs_buf_str(out, end);
}

/* What a {name} of a template stands for. */
typedef struct filling {
    const char *question, *answer; /* answer NULL: only the question may be named */
    bool has_question, has_answer;
} filling;

/* Fills in the name at `open`; its length, 0 when it is none. */
static size_t fill_in(vs_buf *out, filling *f, const char *open)
{
    static const char answer[] = "{answer}", marked[] = "{marked}";

    if (strncmp(open, placeholder, strlen(placeholder)) == 0) {
        vs_buf_str(out, f->question);
        f->has_question = true;
        return strlen(placeholder);
    }
    if (f->answer && strncmp(open, answer, strlen(answer)) == 0) {
        vs_buf_str(out, f->answer);
        f->has_answer = true;
        return strlen(answer);
    }
    if (f->answer && strncmp(open, marked, strlen(marked)) == 0) {
        add_marked(out, f->question, f->answer);
        f->has_answer = f->has_question = true;
        return strlen(marked);
    }
    return 0;
}

static vs_status render(vs_buf *out, const char *prompt, filling *f, const char *key,
                        const char *names, vs_error *err)
{
    enum { SHOWN_CHARS = 40 };
    const char *at = prompt, *open;

    while ((open = strchr(at, '{')) != NULL) {
        size_t len;
        vs_buf_add(out, at, (size_t)(open - at));
        len = fill_in(out, f, open);
        if (len == 0) {
            const size_t n = strcspn(open, "}");
            const int shown = n < SHOWN_CHARS ? (int)n + (open[n] == '}') : SHOWN_CHARS;
            return VS_FAIL(err, VS_E_INPUT, "%s: found \"%.*s\", expected only %s", key, shown,
                           open, names);
        }
        at = open + len;
    }
    vs_buf_str(out, at);
    return vs_buf_ok(out, key, err);
}

vs_status vs_prompt_render(vs_buf *out, const char *prompt, const char *question, vs_error *err)
{
    filling f = {.question = question};

    VS_TRY(render(out, prompt, &f, "problems.prompt", placeholder, err));
    if (f.has_question) return VS_OK;
    return VS_FAIL(err, VS_E_INPUT, "problems.prompt: found no %s, expected it once or more",
                   placeholder);
}

vs_status vs_hint_render(vs_buf *out, const char *prompt, const char *question, const char *answer,
                         vs_error *err)
{
    filling f = {.question = question, .answer = answer};

    VS_TRY(render(out, prompt, &f, "rationalize.prompt", "{question}, {answer} and {marked}", err));
    if (f.has_question && f.has_answer) return VS_OK;
    return VS_FAIL(err, VS_E_INPUT,
                   "rationalize.prompt: expected {question} and {answer}, or {marked}");
}

/* The three files of a run and the lines that it takes from them, in the run's order. */
typedef struct choice {
    line_problems sft, train, test;
    line_problem **item;
    size_t n;
} choice;

static const size_t ref_bytes = sizeof(void *); /* of an element of choice.item */

static void choice_free(choice *c)
{
    lines_free(&c->sft);
    lines_free(&c->train);
    lines_free(&c->test);
    free(c->item);
}

static void take(choice *c, line_problem *line, const char *split)
{
    line->split = split;
    line->order = c->n;
    c->item[c->n++] = line;
}

static int by_order(const line_problem *a, const line_problem *b)
{
    return (a->order > b->order) - (a->order < b->order);
}

static int by_question(const void *left, const void *right)
{
    const line_problem *a = *(line_problem *const *)left, *b = *(line_problem *const *)right;
    const int order = strcmp(a->folded, b->folded);

    return order ? order : by_order(a, b);
}

static int question_only(const void *left, const void *right)
{
    const line_problem *a = *(line_problem *const *)left, *b = *(line_problem *const *)right;

    return strcmp(a->folded, b->folded);
}

static bool is_test(const line_problem *p)
{
    return strcmp(p->split, "test") == 0;
}

/* sft and train share one namespace of ids, test has its own. */
static int by_key(const void *left, const void *right)
{
    const line_problem *a = *(line_problem *const *)left, *b = *(line_problem *const *)right;
    int order = (int)is_test(a) - (int)is_test(b);

    if (order == 0) order = strcmp(a->key, b->key);
    return order ? order : by_order(a, b);
}

static vs_status too_few(const char *path, const char *key, size_t found, size_t wanted,
                         vs_error *err)
{
    return VS_FAIL(err, VS_E_INPUT, "%s: found %zu problems for it, expected problems.%s = %zu",
                   path, found, key, wanted);
}

/* Takes n (0: all) sft problems from the front of `from`. */
static vs_status take_sft(choice *c, line_problems *from, const char *path, size_t n, vs_error *err)
{
    const size_t wanted = n ? n : from->n;

    if (wanted > from->n) return too_few(path, "n_sft", from->n, n, err);
    for (size_t i = 0; i < wanted; i++) {
        if (!from->item[i].reference)
            return VS_FAIL(
                err, VS_E_FORMAT,
                "%s: missing key \"reference\" (or \"solution\"), expected a string: sft "
                "problems are trained on theirs",
                from->item[i].where);
        take(c, &from->item[i], "sft");
    }
    return VS_OK;
}

/* Takes n (0: all) problems of train_file that are not sft problems already. */
static vs_status take_train(choice *c, const char *path, size_t n, vs_error *err)
{
    const size_t n_sft = c->n;
    line_problem **sft = vs_alloc(n_sft, ref_bytes);
    size_t taken = 0;

    if (!sft) return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", path);
    memcpy(sft, c->item, n_sft * ref_bytes);
    qsort(sft, n_sft, ref_bytes, by_question);
    for (size_t i = 0; i < c->train.n && (n == 0 || taken < n); i++) {
        line_problem *line = &c->train.item[i];
        if (bsearch(&line, sft, n_sft, ref_bytes, question_only)) continue;
        take(c, line, "train");
        taken++;
    }
    free(sft);
    if (taken < n) return too_few(path, "n_train", taken, n, err);
    return VS_OK;
}

static vs_status take_test(choice *c, const char *path, size_t n, vs_error *err)
{
    const size_t wanted = n ? n : c->test.n;

    if (wanted > c->test.n) return too_few(path, "n_test", c->test.n, n, err);
    for (size_t i = 0; i < wanted; i++) take(c, &c->test.item[i], "test");
    return VS_OK;
}

static vs_status check_keys(line_problem **sorted, size_t n, vs_error *err)
{
    qsort(sorted, n, ref_bytes, by_key);
    for (size_t i = 1; i < n; i++) {
        const line_problem *a = sorted[i - 1], *b = sorted[i];
        if (is_test(a) == is_test(b) && strcmp(a->key, b->key) == 0)
            return VS_FAIL(err, VS_E_FORMAT,
                           "%s: \"id\": found \"%s\", which %s has too; expected different ids",
                           b->where, b->key, a->where);
    }
    return VS_OK;
}

/* No test problem may have been trained on. The first n_seen items are sft and train. */
static vs_status check_contamination(const choice *c, line_problem **seen, size_t n_seen,
                                     vs_error *err)
{
    qsort(seen, n_seen, ref_bytes, by_question);
    for (size_t i = n_seen; i < c->n; i++) {
        line_problem *const *same = bsearch(&c->item[i], seen, n_seen, ref_bytes, question_only);
        if (same)
            return VS_FAIL(err, VS_E_INPUT,
                           "%s: \"question\": found the same question as at %s (%s); expected test "
                           "questions that are not trained on",
                           c->item[i]->where, (*same)->where, (*same)->split);
    }
    return VS_OK;
}

static vs_status check_answers(const choice *c, bool allows_none, vs_error *err)
{
    for (size_t i = 0; i < c->n; i++) {
        const line_problem *p = c->item[i];
        const bool is_allowed = allows_none && strcmp(p->split, "train") == 0;
        if (!p->gold && !is_allowed)
            return VS_FAIL(err, VS_E_FORMAT,
                           "%s: missing key \"answer\", expected a string or an integer%s",
                           p->where,
                           strcmp(p->split, "train") == 0
                               ? ": only with a reward.model training problems may have none"
                               : "");
    }
    return VS_OK;
}

static vs_status check_choice(const choice *c, vs_error *err)
{
    line_problem **sorted = vs_alloc(c->n, ref_bytes);
    size_t n_seen = 0;
    vs_status st;

    if (!sorted) return VS_FAIL(err, VS_E_NOMEM, "problems: out of memory");
    while (n_seen < c->n && !is_test(c->item[n_seen])) n_seen++;
    memcpy(sorted, c->item, c->n * ref_bytes);
    VS_CHECK(check_contamination(c, sorted, n_seen, err));
    VS_CHECK(check_keys(sorted, c->n, err));
done:
    free(sorted);
    return st;
}

/* Moves the chosen lines' texts into problems. */
static vs_status hand_over(vs_problems *out, choice *c, vs_error *err)
{
    out->item = vs_alloc(c->n, sizeof *out->item);
    if (!out->item) return VS_FAIL(err, VS_E_NOMEM, "problems: out of memory");
    out->n = out->cap = c->n;
    for (size_t i = 0; i < c->n; i++) {
        line_problem *from = c->item[i];
        vs_problem *to = &out->item[i];
        strncpy(to->split, from->split, sizeof to->split - 1);
        to->key = from->key;
        to->question = from->question;
        to->gold = from->gold;
        to->reference = from->reference;
        from->key = from->question = from->gold = from->reference = NULL;
    }
    return VS_OK;
}

static vs_status find_source(const rows_source **out, const char *key, const char *kind,
                             vs_error *err)
{
    *out = rows_find(kind);
    if (*out) return VS_OK;
    return VS_FAIL(err, VS_E_INPUT,
                   "%s: found \"%s\", expected gsm8k, math, mbpp, humaneval, choice, jsonl%s", key,
                   kind, strcmp(key, "problems.source") == 0 ? ", bags, hard or addition" : "");
}

/* What can be known before a file is opened. */
static vs_status check_source(const vs_problem_source *src, const rows_source *train,
                              const rows_source *test, vs_error *err)
{
    const bool wants_validation = src->test_split && strcmp(src->test_split, "validation") == 0;

    if (!src->train_file)
        return VS_FAIL(err, VS_E_INPUT,
                       "problems.train_file: found none, source \"%s\" expects a file", src->kind);
    if (!src->test_file && src->n_test)
        return VS_FAIL(err, VS_E_INPUT,
                       "problems.test_file: found none, expected a file for problems.n_test = %zu",
                       src->n_test);
    if (train->is_test_only && !src->allows_test_set_training)
        return VS_FAIL(
            err, VS_E_INPUT,
            "problems.source: found %s, which is a test set: who trains on it can measure nothing "
            "by "
            "it; expected it as problems.test_source, or problems.allow_test_set_training: true",
            src->kind);
    if (wants_validation && !test->has_splits)
        return VS_FAIL(
            err, VS_E_INPUT,
            "problems.test_split: found validation, which source %s has not; expected test",
            test->name);
    return VS_OK;
}

static void say_left_out(const line_problems *p, const char *path)
{
    if (p->n_without_answer)
        vs_say("left out %zu problems of %s: their solutions have no answer", p->n_without_answer,
               path);
}

static vs_status load_files(vs_problems *out, const vs_problem_source *src, vs_error *err)
{
    const char *sft_path = src->sft_file ? src->sft_file : src->train_file;
    const char *kind = src->kind ? src->kind : "";
    const rows_source *train = NULL, *test = NULL;
    choice c = {0};
    vs_status st;

    VS_TRY(find_source(&train, "problems.source", kind, err));
    VS_TRY(find_source(&test, "problems.test_source", src->test_kind ? src->test_kind : src->kind,
                       err));
    VS_TRY(check_source(src, train, test, err));
    if (src->sft_file) VS_CHECK(lines_read(&c.sft, src->sft_file, "sft", train, err));
    VS_CHECK(lines_read(&c.train, src->train_file, "train", train, err));
    if (src->test_file)
        VS_CHECK(lines_read(&c.test, src->test_file, src->test_split ? src->test_split : "test",
                            test, err));
    say_left_out(&c.train, src->train_file);
    say_left_out(&c.test, src->test_file);
    c.item = vs_alloc(c.sft.n + c.train.n + c.test.n, ref_bytes);
    if (!c.item) {
        st = VS_FAIL(err, VS_E_NOMEM, "problems: out of memory");
        goto done;
    }
    VS_CHECK(take_sft(&c, src->sft_file ? &c.sft : &c.train, sft_path, src->n_sft, err));
    VS_CHECK(take_train(&c, src->train_file, src->n_train, err));
    if (src->test_file) VS_CHECK(take_test(&c, src->test_file, src->n_test, err));
    VS_CHECK(check_answers(&c, src->allows_no_answer, err));
    VS_CHECK(check_choice(&c, err));
    VS_CHECK(hand_over(out, &c, err));
done:
    choice_free(&c);
    return st;
}

static vs_status load_kind(vs_problems *out, const vs_problem_source *src, vs_error *err)
{
    const char *kind = src->kind ? src->kind : "";

    if (strcmp(kind, "bags") == 0) return builtin_load(out, src, false, err);
    if (strcmp(kind, "hard") == 0) return builtin_load(out, src, true, err);
    if (strcmp(kind, "addition") == 0) return addition_load(out, src, err);
    return load_files(out, src, err);
}

/* Gives problem number i (from 0) its id and its prompt. */
static vs_status finish_problem(vs_problem *p, size_t i, const char *prompt, vs_error *err)
{
    vs_buf text = {0};
    vs_status st;

    p->id = (int64_t)i + 1;
    VS_CHECK(vs_prompt_render(&text, prompt, p->question, err));
    p->prompt = vs_strdup_n(text.data, text.len);
    if (!p->prompt) st = VS_FAIL(err, VS_E_NOMEM, "problems.prompt: out of memory");
done:
    vs_buf_free(&text);
    return st;
}

vs_status vs_problems_load(vs_problems *out, const vs_problem_source *src, vs_error *err)
{
    vs_problems loaded = {0};
    vs_status st;

    if (!src->prompt)
        return VS_FAIL(err, VS_E_INPUT, "problems.prompt: found none, expected a template with %s",
                       placeholder);
    VS_CHECK(load_kind(&loaded, src, err));
    for (size_t i = 0; i < loaded.n; i++)
        VS_CHECK(finish_problem(&loaded.item[i], i, src->prompt, err));
    *out = loaded;
    loaded = (vs_problems){0};
done:
    vs_problems_free(&loaded);
    return st;
}

vs_status vs_examples_load(vs_problems *out, const vs_problem_source *src, const char *path,
                           size_t n, vs_error *err)
{
    const rows_source *source = NULL;
    line_problems lines = {0};
    choice c = {0};
    vs_problems loaded = {0};
    vs_status st;

    source = rows_find(src->kind ? src->kind : "");
    if (!source)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: problems.source %s has no files, expected no examples_file", path,
                       src->kind ? src->kind : "");
    VS_CHECK(lines_read(&lines, path, "example", source, err));
    c.item = vs_alloc(n, ref_bytes);
    if (!c.item) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", path);
        goto done;
    }
    for (size_t i = 0; i < lines.n && c.n < n; i++)
        if (lines.item[i].reference) take(&c, &lines.item[i], "example");
    if (c.n < n) {
        st = VS_FAIL(err, VS_E_INPUT, "%s: found %zu solved problems, expected %zu", path, c.n, n);
        goto done;
    }
    VS_CHECK(hand_over(&loaded, &c, err));
    for (size_t i = 0; i < n; i++) VS_CHECK(finish_problem(&loaded.item[i], i, src->prompt, err));
    *out = loaded;
    loaded = (vs_problems){0};
done:
    vs_problems_free(&loaded);
    free(c.item);
    lines_free(&lines);
    return st;
}
