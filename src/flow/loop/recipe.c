#include "flow/loop/recipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "flow/loop/recipe_keys.h"
#include "flow/loop/recipe_yaml.h"
#include "flow/problems/problems.h"
#include "flow/verifier/verifier.h"

enum { RECIPE_MAX_BYTES = 1 << 20 };

void vs_recipe_defaults(vs_recipe *r)
{
    vs_key_ref ref;

    *r = (vs_recipe){0};
    for (size_t i = 0; vs_key_at(&ref, i); i++) {
        /* Texts are quoted, so that an empty one is not null. Only memory can run out: see
         * is_whole. */
        const bool is_plain = ref.key->type != VS_KEY_TEXT;
        if (ref.value && vs_key_set_scalar(r, &ref, ref.value, is_plain, "defaults", NULL) != VS_OK)
            return;
    }
    r->dpo.lora = r->orm.lora = r->generative.lora = r->sft.lora;
}

/* Whether memory sufficed for the defaults. */
static bool is_whole(const vs_recipe *r)
{
    return r->name && r->base && r->grader && r->problems.source && r->problems.prompt &&
           r->problems.test_split && r->eval.base_separator && r->rationalize.prompt &&
           r->ask_verifier.question && r->ask_verifier.yes && r->ask_verifier.no;
}

void vs_recipe_free(vs_recipe *r)
{
    vs_key_ref ref;

    for (size_t i = 0; vs_key_at(&ref, i); i++) vs_key_release(r, &ref);
}

vs_status vs_recipe_parse(vs_recipe *out, const char *text, size_t len, const char *where,
                          vs_error *err)
{
    vs_recipe r;
    vs_status st;

    vs_recipe_defaults(&r);
    st = is_whole(&r) ? vs_recipe_yaml(&r, text, len, where, err)
                      : VS_FAIL(err, VS_E_NOMEM, "%s: recipe", where);
    if (st == VS_OK)
        *out = r;
    else
        vs_recipe_free(&r);
    return st;
}

vs_status vs_recipe_read(vs_recipe *out, const char *path, vs_error *err)
{
    vs_status st;
    char *text;
    size_t len;

    VS_TRY(vs_file_read(&text, &len, path, RECIPE_MAX_BYTES, err));
    st = vs_recipe_parse(out, text, len, path, err);
    free(text);
    return st;
}

/* record: what the section's keys count their offset from; section NULL: name is the whole key. */
static vs_status set(void *record, const char *section, const char *assignment, const char *where,
                     vs_error *err)
{
    const size_t len = strcspn(assignment, "=");
    char name[2 * VS_RECIPE_NAME_BYTES];
    vs_buf known = {0};
    vs_key_ref ref;
    bool is_known;

    if (assignment[len] != '=')
        return VS_FAIL(err, VS_E_INPUT, "%s: found \"%.80s\", expected key=value", where,
                       assignment);
    snprintf(name, sizeof name, "%s%s%.*s", section ? section : "", section ? "." : "",
             len < VS_RECIPE_NAME_BYTES ? (int)len : VS_RECIPE_NAME_BYTES - 1, assignment);
    is_known = len < VS_RECIPE_NAME_BYTES && vs_key_find(&ref, name);
    if (section) is_known = is_known && ref.base > 0; /* a trainer's own key */
    if (!is_known) {
        vs_status st;
        vs_key_list(&known, section ? section : "");
        st = VS_FAIL(err, VS_E_INPUT, "%s: found the unknown key %s, expected one of %s", where,
                     name, known.failed ? "docs/RECIPE.md" : known.data);
        vs_buf_free(&known);
        return st;
    }
    if (section) ref.base = 0;
    if (ref.key->type == VS_KEY_TEXTS ||
        (ref.key->type == VS_KEY_TARGETS && assignment[len + 1] == '['))
        return vs_key_set_yaml(record, &ref, assignment + len + 1, where, err);
    return vs_key_set_scalar(record, &ref, assignment + len + 1, true, where, err);
}

vs_status vs_recipe_set(vs_recipe *r, const char *assignment, const char *where, vs_error *err)
{
    return set(r, NULL, assignment, where, err);
}

vs_status vs_train_options_set(vs_train_options *o, const char *section, const char *assignment,
                               vs_error *err)
{
    /* An adapter's shape is a key of section sft alone: in a run, the verifier takes its start's.
     */
    if (strncmp(assignment, "lora.", 5) == 0) section = "sft";
    return set(o, section, assignment, "--set", err);
}

/* -- rules that need more than one key -- */

static vs_status check_problems(const vs_recipe *r, const char *path, vs_error *err)
{
    const vs_recipe_problems *p = &r->problems;
    const bool is_built_in = strcmp(p->source, "bags") == 0 || strcmp(p->source, "hard") == 0 ||
                             strcmp(p->source, "addition") == 0;

    if (!strstr(p->prompt, "{question}"))
        return VS_FAIL(err, VS_E_INPUT, "%s: problems.prompt: found no {question}, expected one",
                       path);
    if (is_built_in) {
        if (p->test_source)
            return VS_FAIL(
                err, VS_E_INPUT,
                "%s: problems.test_source: found %s, expected null: source %s is built in", path,
                p->test_source, p->source);
        if (p->train_file || p->test_file || p->sft_file)
            return VS_FAIL(err, VS_E_INPUT,
                           "%s: problems: found a file, expected none: source %s is built in", path,
                           p->source);
        if (!p->n_sft || !p->n_test)
            return VS_FAIL(err, VS_E_INPUT,
                           "%s: problems: found n_sft %zu and n_test %zu, expected both above 0: "
                           "source %s has no file to take all of",
                           path, p->n_sft, p->n_test, p->source);
        return VS_OK;
    }
    if (!p->train_file || !p->test_file)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: problems.%s: found null, expected a file for source %s", path,
                       p->train_file ? "test_file" : "train_file", p->source);
    return VS_OK;
}

static const double MAX_STEPS = 1e9; /* of one training: what sft.steps may be too */

static vs_status check_graders(const vs_recipe *r, const char *path, vs_error *err)
{
    const char *test = r->eval.grader ? r->eval.grader : r->grader;
    const bool is_external = strcmp(r->grader, "external") == 0 || strcmp(test, "external") == 0;

    if (is_external && r->n_grader_command == 0)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: grader_command: found none, expected the words of a command for grader "
                       "external",
                       path);
    if (!is_external && r->n_grader_command)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: grader_command: found \"%.80s\", expected none: the grader is %s", path,
                       r->grader_command[0], r->grader);
    return VS_OK;
}

static vs_status check_trainer(const vs_train_options *o, const char *section, const char *path,
                               vs_error *err)
{
    if (!o->epochs && !o->steps)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: %s: found epochs 0 and steps 0, expected one of them above 0", path,
                       section);
    if (o->steps && o->warmup > o->steps)
        return VS_FAIL(err, VS_E_INPUT, "%s: %s.warmup: found %zu, expected at most the %zu steps",
                       path, section, o->warmup, o->steps);
    return VS_OK;
}

static vs_status check_room(const vs_train_options *o, const char *section, const char *path,
                            vs_error *err)
{
    if (o->max_solutions != 1 && (!o->max_solutions || o->max_right < o->max_solutions))
        return VS_OK;
    return VS_FAIL(
        err, VS_E_INPUT,
        "%s: %s.max_right: found %zu of max_solutions %zu, expected room for a wrong one", path,
        section, o->max_right, o->max_solutions);
}

/* Keys that mean nothing without another. */
static vs_status check_choice(const vs_recipe *r, const char *path, vs_error *err)
{
    if (r->ver_data.keep && !r->verifier.every_round)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: ver_data.keep: found %zu, expected 0 without verifier.every_round: "
                       "nothing ranks the samples",
                       path, r->ver_data.keep);
    if (r->verifier.every_round && r->verifier.kind == VS_VERIFIER_NONE)
        return VS_FAIL(err, VS_E_INPUT, "%s: verifier.every_round: found true with kind none",
                       path);
    if (r->rationalize.share > 0.0) {
        vs_buf hinted = {0};
        const vs_status st =
            vs_hint_render(&hinted, r->rationalize.prompt, "question", "answer", err);
        vs_buf_free(&hinted);
        VS_TRY(st);
    }
    if (r->ver_data.keep && r->rationalize.share > 0.0)
        return VS_FAIL(
            err, VS_E_INPUT,
            "%s: ver_data.keep: found %zu with rationalize.share %g, expected 0: nothing "
            "ranks rationales",
            path, r->ver_data.keep, r->rationalize.share);
    if (r->reward.model && r->rationalize.share > 0.0)
        return VS_FAIL(
            err, VS_E_INPUT,
            "%s: rationalize.share: found %g with reward.model, expected 0: there may be "
            "no answer to hint at",
            path, r->rationalize.share);
    if (r->reward.threshold > 0.0 && r->reward.score != VS_REWARD_VALUE &&
        r->reward.score != VS_REWARD_YES)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: reward.threshold: found %g with a log-prob for a score, expected 0",
                       path, r->reward.threshold);
    if (r->reward.keep == 0 && r->reward.threshold == 0.0)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: reward.keep: found 0 without a threshold: all would be right", path);
    if (r->sft_growth != 1.0 && !r->sft.steps)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: sft.growth: found %g without sft.steps, expected 1: epochs do not grow",
                       path, r->sft_growth);
    return VS_OK;
}

static vs_status check_growth(const vs_recipe *r, const char *path, vs_error *err)
{
    double steps = (double)r->sft.steps;

    for (size_t t = 1; t < r->rounds; t++) steps *= r->sft_growth;
    if (steps <= MAX_STEPS) return VS_OK;
    return VS_FAIL(err, VS_E_INPUT,
                   "%s: sft.growth: found %g, which makes %.3g steps after %zu rounds, expected at "
                   "most %.0f",
                   path, r->sft_growth, steps, r->rounds, MAX_STEPS);
}

vs_status vs_recipe_check(const vs_recipe *r, const char *path, vs_error *err)
{
    if (!is_whole(r)) return VS_FAIL(err, VS_E_NOMEM, "%s: recipe", path);
    if (!*r->name || r->name[0] == '.' || strchr(r->name, '/'))
        return VS_FAIL(err, VS_E_INPUT, "%s: name: found \"%.80s\", expected the name of a folder",
                       path, r->name);
    if (!*r->base)
        return VS_FAIL(err, VS_E_INPUT, "%s: base: found nothing, expected a model folder or demo",
                       path);
    VS_TRY(check_graders(r, path, err));
    VS_TRY(check_problems(r, path, err));
    VS_TRY(check_trainer(&r->sft, "sft", path, err));
    VS_TRY(check_trainer(&r->dpo, "dpo", path, err));
    VS_TRY(check_trainer(&r->orm, "orm", path, err));
    VS_TRY(check_trainer(&r->generative, "generative", path, err));
    VS_TRY(check_room(&r->dpo, "dpo", path, err));
    VS_TRY(check_room(&r->orm, "orm", path, err));
    VS_TRY(check_choice(r, path, err));
    VS_TRY(check_growth(r, path, err));
    if (r->problems.system && !r->problems.chat)
        return VS_FAIL(err, VS_E_INPUT, "%s: problems.system: found a text without problems.chat",
                       path);
    if (r->eval.base_shots && !r->eval.base)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: eval.base_shots: found %zu without eval.base: true, expected 0", path,
                       r->eval.base_shots);
    if (r->problems.chat && r->eval.base_shots)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: eval.base_shots: found %zu with problems.chat, expected 0: solved "
                       "problems would stand outside of the template",
                       path, r->eval.base_shots);
    if (r->eval.base_shots && !*r->eval.base_separator)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: eval.base_separator: found nothing, expected a text: it ends answers",
                       path);
    if (r->ver_data.cap == 1)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: ver_data.cap: found 1, expected 0 or at least 2: a pair needs two",
                       path);
    return VS_OK;
}

/* -- out -- */

vs_status vs_recipe_write(vs_buf *out, const vs_recipe *r, vs_error *err)
{
    const char *section = "", *inner = "";
    vs_key_ref ref;

    vs_buf_str(out, "# Every key of the run; docs/RECIPE.md says what each means.\n");
    for (size_t i = 0; vs_key_at(&ref, i); i++) {
        const char *name = ref.key->name, *dot = strchr(name, '.');
        const size_t inner_len = dot ? (size_t)(dot - name) : 0;

        if (strcmp(section, ref.section) != 0) {
            vs_buf_printf(out, "%s:\n", ref.section);
            inner = "";
        }
        section = ref.section;
        if (inner_len && strncmp(inner, name, inner_len + 1) != 0)
            vs_buf_printf(out, "  %.*s:\n", (int)inner_len, name);
        inner = inner_len ? name : "";
        vs_buf_printf(out, "%s%s%s: ", *section ? "  " : "", inner_len ? "  " : "",
                      inner_len ? dot + 1 : name);
        vs_key_write(out, r, &ref);
        vs_buf_str(out, "\n");
    }
    return vs_buf_ok(out, "recipe", err);
}

vs_status vs_recipe_difference(vs_buf *out, const vs_recipe *found, const vs_recipe *expected,
                               vs_error *err)
{
    vs_buf mine = {0}, theirs = {0};
    vs_status st = VS_OK;
    vs_key_ref ref;

    vs_buf_clear(out);
    for (size_t i = 0; out->len == 0 && vs_key_at(&ref, i); i++) {
        if (ref.key->sections & VS_KEY_FREE) continue;
        vs_buf_clear(&mine);
        vs_buf_clear(&theirs);
        vs_key_write(&mine, found, &ref);
        vs_key_write(&theirs, expected, &ref);
        VS_CHECK(vs_buf_ok(&mine, ref.name, err));
        VS_CHECK(vs_buf_ok(&theirs, ref.name, err));
        if (strcmp(mine.data, theirs.data) != 0)
            vs_buf_printf(out, "%s: found %s, expected %s", ref.name, mine.data, theirs.data);
    }
    st = vs_buf_ok(out, "recipe", err);
done:
    vs_buf_free(&mine);
    vs_buf_free(&theirs);
    return st;
}

vs_status vs_recipe_take_free(vs_recipe *to, const vs_recipe *from, vs_error *err)
{
    vs_buf value = {0};
    vs_status st = VS_OK;
    vs_key_ref ref;

    for (size_t i = 0; vs_key_at(&ref, i); i++) {
        if (!(ref.key->sections & VS_KEY_FREE)) continue;
        vs_buf_clear(&value);
        vs_key_write(&value, from, &ref);
        VS_CHECK(vs_buf_ok(&value, ref.name, err));
        VS_CHECK(vs_key_set_scalar(to, &ref, value.data, true, "recipe", err));
    }
done:
    vs_buf_free(&value);
    return st;
}

vs_status vs_recipe_document(vs_buf *out, vs_error *err)
{
    const char *section = NULL;
    vs_recipe r;
    vs_key_ref ref;

    vs_recipe_defaults(&r);
    for (size_t i = 0; vs_key_at(&ref, i); i++) {
        if (!section || strcmp(section, ref.section) != 0) {
            vs_buf_printf(
                out,
                "\n## %s\n\n| key | type | default | meaning | source |\n|---|---|---|---|---|\n",
                *ref.section ? ref.section : "The run");
            section = ref.section;
        }
        vs_buf_printf(out, "| %s | ", ref.key->name);
        vs_key_expected(out, ref.key);
        vs_buf_str(out, " | `");
        vs_key_write(out, &r, &ref);
        vs_buf_printf(out, "` | %s%s | %s |\n", ref.key->meaning,
                      ref.key->sections & VS_KEY_FREE ? "; memory and speed, never the result" : "",
                      ref.key->source);
    }
    vs_recipe_free(&r);
    return vs_buf_ok(out, "docs/RECIPE.md", err);
}
