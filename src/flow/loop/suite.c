#include "flow/loop/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/file.h"
#include "base/mem.h"
#include "flow/verifier/verifier.h"

enum { MAX_SUITE_BYTES = 1 << 20 };

typedef struct reader {
    yaml_document_t doc;
    const char *path;
    vs_suite *out;
} reader;

/* -- nodes -- */

static size_t line_of(const yaml_node_t *n)
{
    return n->start_mark.line + 1;
}

static vs_status refuse(const reader *r, const yaml_node_t *at, const char *what,
                        const char *expected, vs_error *err)
{
    return VS_FAIL(err, VS_E_INPUT, "%s:%zu: %s: expected %s", r->path, line_of(at), what,
                   expected);
}

static const char *text_of(const yaml_node_t *n)
{
    return n && n->type == YAML_SCALAR_NODE &&
                   strlen((const char *)n->data.scalar.value) == n->data.scalar.length
               ? (const char *)n->data.scalar.value
               : NULL;
}

static yaml_node_t *node(reader *r, int index)
{
    return yaml_document_get_node(&r->doc, index);
}

/* Takes the value of a key, or an entry of its list, into a field. */
typedef vs_status take_fn(reader *r, yaml_node_t *value, const char *key, void *into,
                          vs_error *err);

/* A key of a mapping: what takes its value, and the field's place in the record. */
typedef struct key {
    const char *name;
    take_fn *take;
    size_t offset;
} key;

/* -- mappings and lists -- */

/* Calls take for each entry of a list of at most VS_SUITE_MAX. */
static vs_status each_entry(reader *r, const yaml_node_t *list, const char *name, take_fn *take,
                            void *into, vs_error *err)
{
    if (list->type != YAML_SEQUENCE_NODE) return refuse(r, list, name, "a list", err);
    if (list->data.sequence.items.top - list->data.sequence.items.start > VS_SUITE_MAX)
        return VS_FAIL(err, VS_E_LIMIT, "%s:%zu: %s: found more than %d entries", r->path,
                       line_of(list), name, VS_SUITE_MAX);
    for (const yaml_node_item_t *i = list->data.sequence.items.start;
         i < list->data.sequence.items.top; i++)
        VS_TRY(take(r, node(r, *i), name, into, err));
    return VS_OK;
}

static vs_status refuse_key(const reader *r, const yaml_node_t *name, const char *what,
                            bool is_twice, const key *keys, size_t n_keys, vs_error *err)
{
    const char *text = text_of(name);
    vs_buf known = {0};
    vs_status st;

    for (size_t k = 0; k < n_keys; k++) vs_buf_printf(&known, "%s%s", k ? ", " : "", keys[k].name);
    st = VS_FAIL(err, VS_E_INPUT, "%s:%zu: %s: found %s \"%.60s\", expected one of %s", r->path,
                 line_of(name), what, is_twice ? "twice" : "the unknown key", text ? text : "?",
                 known.failed ? "few" : known.data);
    vs_buf_free(&known);
    return st;
}

static vs_status each_key(reader *r, const yaml_node_t *map, const char *what, const key *keys,
                          size_t n_keys, void *record, vs_error *err)
{
    unsigned seen = 0;

    if (map->type != YAML_MAPPING_NODE) return refuse(r, map, what, "keys with values", err);
    for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
         p++) {
        const yaml_node_t *name = node(r, p->key);
        const char *text = text_of(name);
        size_t i = 0;
        while (i < n_keys && (!text || strcmp(keys[i].name, text) != 0)) i++;
        if (i == n_keys || seen >> i & 1u)
            return refuse_key(r, name, what, i < n_keys, keys, n_keys, err);
        seen |= 1u << i;
        VS_TRY(
            keys[i].take(r, node(r, p->value), keys[i].name, (char *)record + keys[i].offset, err));
    }
    return VS_OK;
}

/* -- values -- */

static vs_status take_text(reader *r, yaml_node_t *n, const char *name, void *into, vs_error *err)
{
    char **out = into;
    const char *text = text_of(n);

    if (!text || !*text) return refuse(r, n, name, "a text", err);
    *out = vs_strdup_n(text, strlen(text));
    return *out ? VS_OK : VS_FAIL(err, VS_E_NOMEM, "%s", r->path);
}

static vs_status add_text(reader *r, yaml_node_t *n, const char *name, void *into, vs_error *err)
{
    vs_suite_texts *texts = into;

    return take_text(r, n, name, &texts->item[texts->n++], err);
}

static vs_status take_texts(reader *r, yaml_node_t *n, const char *name, void *into, vs_error *err)
{
    return each_entry(r, n, name, add_text, into, err);
}

static vs_status take_number(uint64_t *out, const reader *r, const yaml_node_t *n, const char *name,
                             vs_error *err)
{
    const char *text = text_of(n);

    if (!text || !*text || strlen(text) > 18 || strspn(text, "0123456789") != strlen(text))
        return refuse(r, n, name, "a number from 0 on", err);
    *out = strtoull(text, NULL, 10);
    return VS_OK;
}

static vs_status take_k(reader *r, yaml_node_t *n, const char *name, void *into, vs_error *err)
{
    uint64_t k;

    VS_TRY(take_number(&k, r, n, name, err));
    if (k == 0 || k > VS_METRICS_MAX_SAMPLES)
        return refuse(r, n, name, "a number of candidates", err);
    *(uint32_t *)into = (uint32_t)k;
    return VS_OK;
}

static vs_status add_k(reader *r, yaml_node_t *n, const char *name, void *into, vs_error *err)
{
    vs_suite_ks *ks = into;

    return take_k(r, n, name, &ks->item[ks->n++], err);
}

static vs_status take_ks(reader *r, yaml_node_t *n, const char *name, void *into, vs_error *err)
{
    return each_entry(r, n, name, add_k, into, err);
}

static vs_status take_curve(reader *r, yaml_node_t *n, const char *name, void *into, vs_error *err)
{
    const char *text = text_of(n);

    for (vs_curve c = 0; text && c < VS_CURVES; c++)
        if (strcmp(vs_curve_name(c), text) == 0) {
            *(vs_curve *)into = c;
            return VS_OK;
        }
    return refuse(r, n, name, "pass, best_of, majority, weighted or top_vote", err);
}

/* A system above, by name, as its place. */
static vs_status take_place(reader *r, yaml_node_t *n, const char *name, void *into, vs_error *err)
{
    const char *text = text_of(n);

    for (size_t i = 0; i < r->out->n_systems; i++)
        if (text && strcmp(r->out->system[i].name, text) == 0) {
            *(size_t *)into = i;
            return VS_OK;
        }
    return VS_FAIL(err, VS_E_INPUT,
                   "%s:%zu: %s: found \"%.60s\", expected the name of a system above", r->path,
                   line_of(n), name, text ? text : "?");
}

/* -- records; into: the suite -- */

static vs_status add_seed(reader *r, yaml_node_t *n, const char *name, void *into, vs_error *err)
{
    vs_suite *s = into;

    return take_number(&s->seeds[s->n_seeds++], r, n, name, err);
}

static vs_status take_seeds(reader *r, yaml_node_t *n, const char *name, void *into, vs_error *err)
{
    return each_entry(r, n, name, add_seed, into, err);
}

static vs_status add_system(reader *r, yaml_node_t *n, const char *name, void *into, vs_error *err)
{
    static const key keys[] = {{"name", take_text, offsetof(vs_suite_system, name)},
                               {"set", take_texts, offsetof(vs_suite_system, set)},
                               {"row", take_text, offsetof(vs_suite_system, row)}};
    vs_suite *suite = into;
    vs_suite_system *s = &suite->system[suite->n_systems++];

    s->line = line_of(n);
    VS_TRY(each_key(r, n, name, keys, sizeof keys / sizeof *keys, s, err));
    if (!s->name) return refuse(r, n, name, "a name", err);
    for (const vs_suite_system *other = suite->system; other < s; other++)
        if (strcmp(other->name, s->name) == 0)
            return VS_FAIL(err, VS_E_INPUT,
                           "%s:%zu: found a second \"%.60s\", expected names to differ", r->path,
                           s->line, s->name);
    return VS_OK;
}

static vs_status take_systems(reader *r, yaml_node_t *n, const char *name, void *into,
                              vs_error *err)
{
    return each_entry(r, n, name, add_system, into, err);
}

static vs_status add_claim(reader *r, yaml_node_t *n, const char *name, void *into, vs_error *err)
{
    static const key keys[] = {{"name", take_text, offsetof(vs_suite_claim, name)},
                               {"left", take_place, offsetof(vs_suite_claim, left)},
                               {"right", take_place, offsetof(vs_suite_claim, right)},
                               {"curve", take_curve, offsetof(vs_suite_claim, left_curve)},
                               {"right_curve", take_curve, offsetof(vs_suite_claim, right_curve)},
                               {"k", take_ks, offsetof(vs_suite_claim, k)},
                               {"right_k", take_k, offsetof(vs_suite_claim, right_k)}};
    vs_suite *suite = into;
    vs_suite_claim *c = &suite->claim[suite->n_claims++];

    *c = (vs_suite_claim){.left = SIZE_MAX,
                          .right = SIZE_MAX,
                          .left_curve = VS_CURVE_BEST_OF,
                          .right_curve = VS_CURVES};
    VS_TRY(each_key(r, n, name, keys, sizeof keys / sizeof *keys, c, err));
    if (!c->name || c->left == SIZE_MAX || c->right == SIZE_MAX || c->k.n == 0)
        return refuse(r, n, name, "name, left, right and k", err);
    if (c->right_curve == VS_CURVES) c->right_curve = c->left_curve;
    return VS_OK;
}

static vs_status take_claims(reader *r, yaml_node_t *n, const char *name, void *into, vs_error *err)
{
    return each_entry(r, n, name, add_claim, into, err);
}

static vs_status read_document(reader *r, vs_error *err)
{
    static const key keys[] = {{"name", take_text, offsetof(vs_suite, name)},
                               {"recipe", take_text, offsetof(vs_suite, recipe)},
                               {"seeds", take_seeds, 0},
                               {"set", take_texts, offsetof(vs_suite, set)},
                               {"systems", take_systems, 0},
                               {"claims", take_claims, 0}};
    const yaml_node_t *root = yaml_document_get_root_node(&r->doc);

    if (!root) return VS_FAIL(err, VS_E_FORMAT, "%s: found nothing, expected a suite", r->path);
    VS_TRY(each_key(r, root, "suite", keys, sizeof keys / sizeof *keys, r->out, err));
    if (!r->out->name || !r->out->recipe || r->out->n_seeds == 0 || r->out->n_systems == 0)
        return refuse(r, root, "suite", "name, recipe, seeds and systems", err);
    if (r->out->name[0] == '.' || strchr(r->out->name, '/'))
        return refuse(r, root, "name", "the name of a folder", err);
    for (size_t i = 0; i < r->out->n_seeds; i++)
        for (size_t k = 0; k < i; k++)
            if (r->out->seeds[i] == r->out->seeds[k])
                return refuse(r, root, "seeds", "seeds that differ", err);
    return VS_OK;
}

vs_status vs_suite_read(vs_suite **out, const char *path, vs_error *err)
{
    yaml_parser_t parser;
    reader r = {.path = path};
    char *text = NULL;
    size_t len;
    vs_status st;
    bool has_parser = false, has_document = false;

    r.out = vs_alloc(1, sizeof *r.out);
    if (!r.out) return VS_FAIL(err, VS_E_NOMEM, "%s", path);
    VS_CHECK(vs_file_read(&text, &len, path, MAX_SUITE_BYTES, err));
    has_parser = yaml_parser_initialize(&parser);
    if (has_parser) yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    has_document = has_parser && yaml_parser_load(&parser, &r.doc);
    if (!has_document) {
        st = VS_FAIL(err, VS_E_FORMAT, "%s:%zu: found text that is not YAML (%s), expected a suite",
                     path, has_parser ? parser.problem_mark.line + 1 : 1,
                     has_parser && parser.problem ? parser.problem : "unreadable");
        goto done;
    }
    VS_CHECK(read_document(&r, err));
    *out = r.out;
    r.out = NULL;
done:
    if (has_document) yaml_document_delete(&r.doc);
    if (has_parser) yaml_parser_delete(&parser);
    free(text);
    vs_suite_free(r.out);
    return st;
}

static void free_texts(vs_suite_texts *t)
{
    for (size_t i = 0; i < t->n; i++) free(t->item[i]);
}

void vs_suite_free(vs_suite *s)
{
    if (!s) return;
    free(s->name);
    free(s->recipe);
    free_texts(&s->set);
    for (size_t i = 0; i < s->n_systems; i++) {
        free(s->system[i].name);
        free(s->system[i].row);
        free_texts(&s->system[i].set);
    }
    for (size_t i = 0; i < s->n_claims; i++) free(s->claim[i].name);
    free(s);
}

static vs_status apply(vs_recipe *r, const vs_suite_texts *set, const char *where, vs_error *err)
{
    for (size_t i = 0; i < set->n; i++) VS_TRY(vs_recipe_set(r, set->item[i], where, err));
    return VS_OK;
}

vs_status vs_suite_recipe(vs_recipe *out, const vs_suite *s, size_t system, uint64_t seed,
                          const char *path, vs_error *err)
{
    vs_recipe r = {0};
    char where[300];
    vs_status st;

    snprintf(where, sizeof where, "%.200s:%zu: %.60s", path, s->system[system].line,
             s->system[system].name);
    VS_TRY(vs_recipe_read(&r, s->recipe, err));
    VS_CHECK(apply(&r, &s->set, path, err));
    VS_CHECK(apply(&r, &s->system[system].set, where, err));
    r.seed = seed;
    VS_CHECK(vs_recipe_check(&r, where, err));
    *out = r;
    r = (vs_recipe){0};
done:
    if (st != VS_OK) vs_recipe_free(&r);
    return st;
}

const char *vs_suite_row(const vs_suite_system *system, const vs_recipe *r)
{
    return system->row ? system->row : vs_verifier_title(r->verifier.kind);
}
