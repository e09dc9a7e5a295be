/* tokenizer_parts.c - normalizer, pre_tokenizer, decoder and post_processor of tokenizer.json into
 * steps. A type, key or value that is not listed here is refused by name. Meaning:
 * huggingface/tokenizers, src/{normalizers,pre_tokenizers, decoders,processors}. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "engine/model/tokenizer_impl.h"

/* GPT-2's split, in huggingface/tokenizers pre_tokenizers/byte_level.rs. */
static const char gpt2_pattern[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
/* Rust's char::is_numeric; is_ascii_punctuation or a punctuation category. */
static const char digit_pattern[] = "\\p{N}";
static const char punctuation_pattern[] = "[\\p{P}\\$\\+<=>\\^`\\|~]";
static const char metaspace_default[] = "\xE2\x96\x81"; /* U+2581 */

/* One part of the file while it is read. */
typedef struct reader {
    tok_ops *ops;
    vs_error *err;
} reader;

void tok_where(char where[TOK_WHERE_BYTES], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(where, TOK_WHERE_BYTES, format, args); /* a message's prefix may be cut */
    va_end(args);
}

/* Whether key is one of the words of list, which single spaces separate. */
static bool is_listed(const char *key, const char *list)
{
    const size_t len = strlen(key);

    while (*list) {
        const size_t word = strcspn(list, " ");

        if (word == len && memcmp(list, key, len) == 0) return true;
        list += word + (list[word] == ' ');
    }
    return false;
}

vs_status tok_known_keys(const json_t *obj, const char *known, const char *where, vs_error *err)
{
    const char *key;
    json_t *value;

    if (!json_is_object(obj))
        return VS_FAIL(err, VS_E_FORMAT, "%s: found %s, expected an object with the keys %s", where,
                       vs_json_kind(obj), known);
    json_object_foreach((json_t *)(uintptr_t)obj, key, value)
    {
        if (!is_listed(key, known))
            return VS_FAIL(err, VS_E_INPUT, "%s: found the key \"%s\", supported: %s", where, key,
                           known);
    }
    return VS_OK;
}

static vs_status fail_value(const char *where, const char *key, const char *found,
                            const char *supported, vs_error *err)
{
    return VS_FAIL(err, VS_E_INPUT, "%s: \"%s\": found \"%s\", supported: %s", where, key, found,
                   supported);
}

static vs_status new_op(tok_op **out, tok_ops *ops, tok_kind kind, const char *where, vs_error *err)
{
    if (ops->n == TOK_MAX_OPS)
        return VS_FAIL(err, VS_E_LIMIT, "%s: more than %d steps", where, (int)TOK_MAX_OPS);
    *out = &ops->item[ops->n++];
    (*out)->kind = kind;
    return VS_OK;
}

static vs_status set_text(char **out, size_t *len, const char *text, const char *where,
                          vs_error *err)
{
    *len = strlen(text);
    if (*len > TOK_MAX_TOKEN_BYTES)
        return VS_FAIL(err, VS_E_LIMIT, "%s: a text of %zu bytes, the limit is %d", where, *len,
                       (int)TOK_MAX_TOKEN_BYTES);
    *out = vs_strdup_n(text, *len);
    return *out ? VS_OK : VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", where);
}

static vs_status add_split(tok_ops *ops, const char *pattern, bool literal, tok_behavior behavior,
                           const char *where, vs_error *err)
{
    tok_op *op = NULL;

    if (strlen(pattern) > TOK_MAX_TOKEN_BYTES)
        return VS_FAIL(err, VS_E_LIMIT, "%s: a pattern of %zu bytes, the limit is %d", where,
                       strlen(pattern), (int)TOK_MAX_TOKEN_BYTES);
    if (!*pattern)
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: found an empty pattern, supported: one that matches text", where);
    VS_TRY(new_op(&op, ops, TOK_SPLIT, where, err));
    op->behavior = behavior;
    return tok_regex_compile(&op->code, pattern, strlen(pattern), literal, where, err);
}

static vs_status add_replace(tok_ops *ops, const char *from, const char *to, const char *where,
                             vs_error *err)
{
    tok_op *op = NULL;

    if (!*from) return VS_FAIL(err, VS_E_INPUT, "%s: found an empty text to replace", where);
    VS_TRY(new_op(&op, ops, TOK_REPLACE, where, err));
    VS_TRY(set_text(&op->from, &op->from_len, from, where, err));
    return set_text(&op->to, &op->to_len, to, where, err);
}

static vs_status add_prepend(tok_ops *ops, const char *text, tok_when when, const char *where,
                             vs_error *err)
{
    tok_op *op = NULL;

    VS_TRY(new_op(&op, ops, TOK_PREPEND, where, err));
    op->when = when;
    return set_text(&op->to, &op->to_len, text, where, err);
}

/* *text and *literal of {"String": text} or {"Regex": text}. */
static vs_status pattern_member(const char **text, bool *literal, const json_t *obj,
                                const char *where, vs_error *err)
{
    const json_t *pattern = json_object_get(obj, "pattern");
    char inner[TOK_WHERE_BYTES];

    tok_where(inner, "%s.pattern", where);
    VS_TRY(tok_known_keys(pattern, "String Regex", inner, err));
    if (json_object_size(pattern) != 1)
        return VS_FAIL(err, VS_E_FORMAT, "%s: expected one key, String or Regex", inner);
    *literal = json_object_get(pattern, "String") != NULL;
    return vs_json_get_str(text, pattern, *literal ? "String" : "Regex", inner, err);
}

static vs_status parse_replace(reader *r, const json_t *obj, const char *where)
{
    const char *from, *to;
    bool literal;

    VS_TRY(tok_known_keys(obj, "type pattern content", where, r->err));
    VS_TRY(pattern_member(&from, &literal, obj, where, r->err));
    if (!literal)
        return VS_FAIL(r->err, VS_E_INPUT,
                       "%s.pattern: found \"Regex\", supported in Replace: String", where);
    VS_TRY(vs_json_get_str(&to, obj, "content", where, r->err));
    return add_replace(r->ops, from, to, where, r->err);
}

typedef vs_status parse_part(reader *r, const char *type, const json_t *obj, const char *where);

/* One part, or the parts of a Sequence (under the key `list`) in order. */
static vs_status parse_nested(reader *r, const json_t *obj, const char *list, parse_part *parse,
                              const char *where, size_t depth)
{
    const json_t *items, *item;
    const char *type;
    char inner[TOK_WHERE_BYTES];
    size_t i;

    VS_TRY(vs_json_get_str(&type, obj, "type", where, r->err));
    if (strcmp(type, "Sequence") != 0) return parse(r, type, obj, where);
    if (depth == TOK_MAX_NESTING)
        return VS_FAIL(r->err, VS_E_LIMIT, "%s: Sequences nested deeper than %d", where,
                       (int)TOK_MAX_NESTING);
    tok_where(inner, "type %s", list);
    VS_TRY(tok_known_keys(obj, inner, where, r->err));
    items = json_object_get(obj, list);
    if (!json_is_array(items))
        return VS_FAIL(r->err, VS_E_FORMAT, "%s: \"%s\": found %s, expected an array", where, list,
                       vs_json_kind(items));
    json_array_foreach(items, i, item)
    {
        tok_where(inner, "%s.%s[%zu]", where, list, i);
        VS_TRY(parse_nested(r, item, list, parse, inner, depth + 1));
    }
    return VS_OK;
}

static vs_status parse_list(vs_tokenizer *t, tok_ops *ops, const json_t *part, const char *key,
                            const char *list, parse_part *parse, vs_error *err)
{
    reader r = {.ops = ops, .err = err};
    char where[TOK_WHERE_BYTES];

    if (!part || json_is_null(part)) return VS_OK;
    tok_where(where, "%s: %s", t->name, key);
    return parse_nested(&r, part, list, parse, where, 0);
}

static vs_status normalizer_part(reader *r, const char *type, const json_t *obj, const char *where)
{
    tok_op *op = NULL;

    if (strcmp(type, "NFC") == 0) {
        VS_TRY(tok_known_keys(obj, "type", where, r->err));
        return new_op(&op, r->ops, TOK_NFC, where, r->err);
    }
    if (strcmp(type, "Prepend") == 0) {
        const char *text;

        VS_TRY(tok_known_keys(obj, "type prepend", where, r->err));
        VS_TRY(vs_json_get_str(&text, obj, "prepend", where, r->err));
        return add_prepend(r->ops, text, TOK_ALWAYS, where, r->err);
    }
    if (strcmp(type, "Replace") == 0) return parse_replace(r, obj, where);
    return fail_value(where, "type", type, "NFC, Prepend, Replace, Sequence", r->err);
}

vs_status tok_parse_normalizer(vs_tokenizer *t, const json_t *part, vs_error *err)
{
    return parse_list(t, &t->normalizer, part, "normalizer", "normalizers", normalizer_part, err);
}

static vs_status behavior_member(tok_behavior *out, const json_t *obj, const char *where,
                                 vs_error *err)
{
    static const char *const names[] = {"Isolated", "Removed", "MergedWithPrevious",
                                        "MergedWithNext", "Contiguous"};
    const char *name = names[*out];

    VS_TRY(vs_json_opt_str(&name, obj, "behavior", where, err));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) != 0) continue;
        *out = (tok_behavior)i;
        return VS_OK;
    }
    return fail_value(where, "behavior", name,
                      "Isolated, Removed, MergedWithPrevious, MergedWithNext, Contiguous", err);
}

static vs_status parse_split(reader *r, const json_t *obj, const char *where)
{
    const char *pattern;
    bool literal, invert = false;
    tok_behavior behavior = TOK_ISOLATED;

    VS_TRY(tok_known_keys(obj, "type pattern behavior invert", where, r->err));
    VS_TRY(pattern_member(&pattern, &literal, obj, where, r->err));
    VS_TRY(behavior_member(&behavior, obj, where, r->err));
    VS_TRY(vs_json_opt_bool(&invert, obj, "invert", where, r->err));
    VS_TRY(add_split(r->ops, pattern, literal, behavior, where, r->err));
    r->ops->item[r->ops->n - 1].invert = invert;
    return VS_OK;
}

/* trim_offsets is about positions in the text, which this code does not give. */
static vs_status parse_byte_level(reader *r, const json_t *obj, bool *prefix, bool *use_regex,
                                  const char *where)
{
    bool trim;

    *prefix = true;
    *use_regex = true;
    VS_TRY(tok_known_keys(obj, "type add_prefix_space trim_offsets use_regex", where, r->err));
    VS_TRY(vs_json_opt_bool(prefix, obj, "add_prefix_space", where, r->err));
    VS_TRY(vs_json_opt_bool(&trim, obj, "trim_offsets", where, r->err));
    return vs_json_opt_bool(use_regex, obj, "use_regex", where, r->err);
}

static vs_status add_byte_level(reader *r, const json_t *obj, const char *where)
{
    bool prefix, use_regex;
    tok_op *op = NULL;

    VS_TRY(parse_byte_level(r, obj, &prefix, &use_regex, where));
    if (prefix) VS_TRY(add_prepend(r->ops, " ", TOK_IF_ABSENT, where, r->err));
    if (use_regex) VS_TRY(add_split(r->ops, gpt2_pattern, false, TOK_ISOLATED, where, r->err));
    return new_op(&op, r->ops, TOK_BYTES, where, r->err);
}

typedef struct metaspace {
    const char *replacement;
    bool never, first, split;
} metaspace;

/* add_prefix_space is the spelling before prepend_scheme; str_rep its old companion. */
static vs_status parse_metaspace(metaspace *m, const json_t *obj, const char *where, vs_error *err)
{
    const char *scheme = NULL, *unused;
    bool prefix = true;

    *m = (metaspace){.replacement = metaspace_default, .split = true};
    VS_TRY(tok_known_keys(obj, "type replacement prepend_scheme add_prefix_space split str_rep",
                          where, err));
    VS_TRY(vs_json_opt_str(&m->replacement, obj, "replacement", where, err));
    VS_TRY(vs_json_opt_str(&scheme, obj, "prepend_scheme", where, err));
    VS_TRY(vs_json_opt_str(&unused, obj, "str_rep", where, err));
    VS_TRY(vs_json_opt_bool(&prefix, obj, "add_prefix_space", where, err));
    VS_TRY(vs_json_opt_bool(&m->split, obj, "split", where, err));
    m->never = scheme ? strcmp(scheme, "never") == 0 : !prefix;
    m->first = scheme && strcmp(scheme, "first") == 0;
    if (scheme && !m->never && !m->first && strcmp(scheme, "always") != 0)
        return fail_value(where, "prepend_scheme", scheme, "always, first, never", err);
    return VS_OK;
}

static vs_status add_metaspace(reader *r, const json_t *obj, const char *where)
{
    metaspace m;

    VS_TRY(parse_metaspace(&m, obj, where, r->err));
    VS_TRY(add_replace(r->ops, " ", m.replacement, where, r->err));
    if (!m.never)
        VS_TRY(add_prepend(r->ops, m.replacement, m.first ? TOK_IF_ABSENT_AT_START : TOK_IF_ABSENT,
                           where, r->err));
    return m.split ? add_split(r->ops, m.replacement, true, TOK_MERGED_WITH_NEXT, where, r->err)
                   : VS_OK;
}

static vs_status pre_tokenizer_part(reader *r, const char *type, const json_t *obj,
                                    const char *where)
{
    tok_behavior behavior = TOK_ISOLATED;

    if (strcmp(type, "ByteLevel") == 0) return add_byte_level(r, obj, where);
    if (strcmp(type, "Split") == 0) return parse_split(r, obj, where);
    if (strcmp(type, "Metaspace") == 0) return add_metaspace(r, obj, where);
    if (strcmp(type, "Digits") == 0) {
        bool individual = false;

        VS_TRY(tok_known_keys(obj, "type individual_digits", where, r->err));
        VS_TRY(vs_json_opt_bool(&individual, obj, "individual_digits", where, r->err));
        behavior = individual ? TOK_ISOLATED : TOK_CONTIGUOUS;
        return add_split(r->ops, digit_pattern, false, behavior, where, r->err);
    }
    if (strcmp(type, "Punctuation") == 0) {
        VS_TRY(tok_known_keys(obj, "type behavior", where, r->err));
        VS_TRY(behavior_member(&behavior, obj, where, r->err));
        return add_split(r->ops, punctuation_pattern, false, behavior, where, r->err);
    }
    return fail_value(where, "type", type,
                      "ByteLevel, Digits, Metaspace, Punctuation, Sequence, Split", r->err);
}

vs_status tok_parse_pre_tokenizer(vs_tokenizer *t, const json_t *part, vs_error *err)
{
    return parse_list(t, &t->pre_tokenizer, part, "pre_tokenizer", "pretokenizers",
                      pre_tokenizer_part, err);
}

static vs_status add_strip(reader *r, const json_t *obj, const char *where)
{
    const char *content;
    tok_op *op = NULL;

    VS_TRY(tok_known_keys(obj, "type content start stop", where, r->err));
    VS_TRY(vs_json_get_str(&content, obj, "content", where, r->err));
    if (!*content) return fail_value(where, "content", content, "one character", r->err);
    VS_TRY(new_op(&op, r->ops, TOK_STRIP, where, r->err));
    VS_TRY(vs_json_get_size(&op->start, obj, "start", 0, TOK_MAX_TOKEN_BYTES, where, r->err));
    VS_TRY(vs_json_get_size(&op->stop, obj, "stop", 0, TOK_MAX_TOKEN_BYTES, where, r->err));
    return set_text(&op->from, &op->from_len, content, where, r->err);
}

static vs_status add_metaspace_decoder(reader *r, const json_t *obj, const char *where)
{
    metaspace m;
    tok_op *op = NULL;

    VS_TRY(parse_metaspace(&m, obj, where, r->err));
    VS_TRY(new_op(&op, r->ops, TOK_METASPACE, where, r->err));
    op->keep_first = m.never;
    VS_TRY(set_text(&op->to, &op->to_len, " ", where, r->err));
    return set_text(&op->from, &op->from_len, m.replacement, where, r->err);
}

static vs_status decoder_part(reader *r, const char *type, const json_t *obj, const char *where)
{
    tok_op *op = NULL;

    if (strcmp(type, "ByteLevel") == 0) {
        bool prefix, use_regex; /* both say nothing about decoding */

        VS_TRY(parse_byte_level(r, obj, &prefix, &use_regex, where));
        return new_op(&op, r->ops, TOK_UNBYTES, where, r->err);
    }
    if (strcmp(type, "Replace") == 0) return parse_replace(r, obj, where);
    if (strcmp(type, "Strip") == 0) return add_strip(r, obj, where);
    if (strcmp(type, "Metaspace") == 0) return add_metaspace_decoder(r, obj, where);
    if (strcmp(type, "ByteFallback") == 0 || strcmp(type, "Fuse") == 0) {
        VS_TRY(tok_known_keys(obj, "type", where, r->err));
        return new_op(&op, r->ops, *type == 'F' ? TOK_FUSE : TOK_BYTE_FALLBACK, where, r->err);
    }
    return fail_value(where, "type", type,
                      "ByteFallback, ByteLevel, Fuse, Metaspace, Replace, Sequence, Strip", r->err);
}

vs_status tok_parse_decoder(vs_tokenizer *t, const json_t *part, vs_error *err)
{
    return parse_list(t, &t->decoder, part, "decoder", "decoders", decoder_part, err);
}

/* A template's ids before and after the text. */
typedef struct template_ids {
    vs_ids before, after;
    bool seen_text;
} template_ids;

static vs_status add_template_special(template_ids *out, const vs_tokenizer *t, const json_t *table,
                                      const json_t *piece, const char *where, vs_error *err)
{
    const json_t *ids, *id;
    const char *name;
    size_t i;

    VS_TRY(tok_known_keys(piece, "id type_id", where, err));
    VS_TRY(vs_json_get_str(&name, piece, "id", where, err));
    ids = json_object_get(json_object_get(table, name), "ids");
    if (!json_is_array(ids))
        return VS_FAIL(err, VS_E_FORMAT, "%s: special_tokens has no \"ids\" for \"%s\"", where,
                       name);
    json_array_foreach(ids, i, id)
    {
        const json_int_t value = json_is_integer(id) ? json_integer_value(id) : -1;

        if (value < 0 || (size_t)value >= t->vocab.size || !t->vocab.entry[value].flags)
            return VS_FAIL(err, VS_E_INPUT, "%s: \"%s\": ids[%zu] is not an id of the vocabulary",
                           where, name, i);
        VS_TRY(vs_ids_add(out->seen_text ? &out->after : &out->before, (int32_t)value, err));
    }
    return VS_OK;
}

static vs_status add_template_piece(template_ids *out, const vs_tokenizer *t, const json_t *table,
                                    const json_t *piece, const char *where, vs_error *err)
{
    const json_t *special = json_object_get(piece, "SpecialToken"),
                 *text = json_object_get(piece, "Sequence");
    const char *id;

    VS_TRY(tok_known_keys(piece, "SpecialToken Sequence", where, err));
    if (special) return add_template_special(out, t, table, special, where, err);
    VS_TRY(tok_known_keys(text, "id type_id", where, err));
    VS_TRY(vs_json_get_str(&id, text, "id", where, err));
    if (strcmp(id, "A") != 0 || out->seen_text)
        return fail_value(where, "Sequence", id, "A, once", err);
    out->seen_text = true;
    return VS_OK;
}

/* ids of b after those of a. */
static vs_status append_ids(vs_ids *a, const vs_ids *b, vs_error *err)
{
    for (size_t i = 0; i < b->n; i++) VS_TRY(vs_ids_add(a, b->id[i], err));
    return VS_OK;
}

/* A later processor of a Sequence wraps what the earlier ones made. "pair" is not used: there is
 * one text. */
static vs_status add_template(vs_tokenizer *t, const json_t *obj, const char *where, vs_error *err)
{
    const json_t *single = json_object_get(obj, "single"),
                 *table = json_object_get(obj, "special_tokens"), *piece;
    template_ids ids = {0};
    vs_status st;
    char inner[TOK_WHERE_BYTES];
    size_t i;

    VS_CHECK(tok_known_keys(obj, "type single pair special_tokens", where, err));
    if (!json_is_array(single)) {
        st = VS_FAIL(err, VS_E_FORMAT, "%s: \"single\": found %s, expected an array", where,
                     vs_json_kind(single));
        goto done;
    }
    json_array_foreach(single, i, piece)
    {
        tok_where(inner, "%s.single[%zu]", where, i);
        VS_CHECK(add_template_piece(&ids, t, table, piece, inner, err));
    }
    if (!ids.seen_text) {
        st = VS_FAIL(err, VS_E_INPUT, "%s: \"single\" has no Sequence A", where);
        goto done;
    }
    VS_CHECK(append_ids(&ids.before, &t->prefix, err));
    VS_CHECK(append_ids(&t->suffix, &ids.after, err));
    vs_ids_free(&t->prefix);
    t->prefix = ids.before;
    ids.before = (vs_ids){0};
done:
    vs_ids_free(&ids.before);
    vs_ids_free(&ids.after);
    return st;
}

typedef struct post_reader {
    reader r;
    vs_tokenizer *t;
} post_reader;

static vs_status post_processor_part(reader *r, const char *type, const json_t *obj,
                                     const char *where)
{
    vs_tokenizer *t = ((post_reader *)r)->t;
    bool prefix, use_regex; /* ByteLevel only moves positions here */

    if (strcmp(type, "ByteLevel") == 0) return parse_byte_level(r, obj, &prefix, &use_regex, where);
    if (strcmp(type, "TemplateProcessing") == 0) return add_template(t, obj, where, r->err);
    return fail_value(where, "type", type, "ByteLevel, Sequence, TemplateProcessing", r->err);
}

vs_status tok_parse_post_processor(vs_tokenizer *t, const json_t *part, vs_error *err)
{
    post_reader r = {.r = {.err = err}, .t = t};
    char where[TOK_WHERE_BYTES];

    if (!part || json_is_null(part)) return VS_OK;
    tok_where(where, "%s: post_processor", t->name);
    return parse_nested(&r.r, part, "processors", post_processor_part, where, 0);
}
