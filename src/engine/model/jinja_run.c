/* jinja_run.c - statements. Loops, macros, calls, with and the bodies of set and filter have a frame of names of their own; if has not. */
#include <string.h>

#include "engine/model/jinja_value.h"

static vs_status push_frame(jinja *j, jinja_frame *parent, vs_error *err)
{
    jinja_frame *frame;

    VS_TRY(jinja_alloc(j, &frame, 1, sizeof *frame, err));
    frame->parent = parent;
    j->frame = frame;
    return VS_OK;
}

/* Names in `target` take the value; a tuple of them takes its items. */
static vs_status assign(jinja *j, const jinja_node *target, jinja_value v, vs_error *err)
{
    const jinja_value *item;
    size_t n, i = 0;

    if (target->op == OP_NAME)
        return jinja_map_set(j, &j->frame->names, jinja_text(target->text, target->len), v, err);
    if (target->op == OP_ATTR) {
        jinja_value space;
        VS_TRY(jinja_eval(j, &space, target->a, err));
        if (space.type != JINJA_NAMESPACE)
            return jinja_fail(j, err, "set of a member of %s, expected a namespace",
                              jinja_type_name(space));
        return jinja_map_set(j, space.map, jinja_text(target->text, target->len), v, err);
    }
    VS_TRY(jinja_items(j, &item, &n, v, err));
    for (const jinja_node *k = target->kids; k; k = k->next, i++) {
        if (i >= n) break;
        VS_TRY(assign(j, k, item[i], err));
        if (!k->next && i + 1 == n) return VS_OK;
    }
    return jinja_fail(j, err, "found %zu values, expected as many as names before them", n);
}

/* What the body prints, as a value, in a frame of its own. */
static vs_status capture(jinja *j, jinja_value *out, const jinja_node *body, vs_error *err)
{
    vs_buf text = {0}, *outer = j->out;
    const size_t begin = j->begin;
    vs_status st;

    j->out = &text;
    j->begin = 0;
    st = jinja_run(j, body, err);
    j->out = outer;
    j->begin = begin;
    if (st == VS_OK) return jinja_take(j, out, &text, err);
    vs_buf_free(&text);
    return st;
}

/* The same, in a frame of its own. */
static vs_status capture_framed(jinja *j, jinja_value *out, const jinja_node *body, vs_error *err)
{
    jinja_frame *frame = j->frame;

    VS_TRY(push_frame(j, frame, err));
    VS_TRY(capture(j, out, body, err));
    j->frame = frame;
    return VS_OK;
}

/* A chain of filters over what a block printed: the innermost one reads it. */
static vs_status filter_block(jinja *j, jinja_value *out, jinja_node *filters, vs_error *err)
{
    jinja_node *first = filters;

    while (first->a) first = first->a;
    first->value = *out;
    return jinja_eval(j, out, filters, err);
}

static vs_status run_set(jinja *j, const jinja_node *n, vs_error *err)
{
    jinja_value v;

    if (n->how == 'b') {
        VS_TRY(capture_framed(j, &v, n->body, err));
        if (j->flow != FLOW_ON) return VS_OK;
        if (n->b) VS_TRY(filter_block(j, &v, n->b, err));
    } else {
        VS_TRY(jinja_eval(j, &v, n->b, err));
    }
    return assign(j, n->a, v, err);
}

static vs_status run_if(jinja *j, const jinja_node *n, vs_error *err)
{
    jinja_value v;

    for (const jinja_node *k = n->kids; k; k = k->next) {
        if (k->a) VS_TRY(jinja_eval(j, &v, k->a, err));
        if (!k->a || jinja_is_true(v)) return jinja_run(j, k->body, err);
    }
    return VS_OK;
}

/* ---- loops ---- */

/* Items for which the condition holds. */
static vs_status filter_items(jinja *j, const jinja_node *n, const jinja_value **item,
                              size_t *n_items, vs_error *err)
{
    jinja_frame *frame = j->frame;
    jinja_value kept, v;

    VS_TRY(jinja_list_new(j, &kept, JINJA_LIST, err));
    for (size_t i = 0; i < *n_items; i++) {
        VS_TRY(push_frame(j, frame, err));
        VS_TRY(assign(j, n->a, (*item)[i], err));
        VS_TRY(jinja_eval(j, &v, n->c, err));
        if (jinja_is_true(v)) VS_TRY(jinja_list_add(j, kept, (*item)[i], err));
    }
    j->frame = frame;
    *item = kept.list->item;
    *n_items = kept.list->n;
    return VS_OK;
}

static vs_status run_items(jinja *j, const jinja_node *n, jinja_loop *loop, vs_error *err)
{
    const jinja_value value = {.type = JINJA_LOOP, .loop = loop};

    for (loop->i = 0; loop->i < loop->n && j->flow != FLOW_BREAK; loop->i++) {
        j->flow = FLOW_ON;
        VS_TRY(push_frame(j, loop->frame, err));
        VS_TRY(jinja_map_set(j, &j->frame->names, jinja_text("loop", 4), value, err));
        VS_TRY(assign(j, n->a, loop->item[loop->i], err));
        VS_TRY(jinja_run(j, n->body, err));
    }
    j->flow = FLOW_ON;
    return VS_OK;
}

static vs_status run_loop(jinja *j, const jinja_node *n, jinja_value items, size_t depth,
                          vs_error *err)
{
    jinja_frame *frame = j->frame;
    jinja_loop *loop;

    VS_TRY(jinja_alloc(j, &loop, 1, sizeof *loop, err));
    *loop = (jinja_loop){.node = n, .frame = frame, .depth = depth};
    VS_TRY(jinja_items(j, &loop->item, &loop->n, items, err));
    if (n->c) VS_TRY(filter_items(j, n, &loop->item, &loop->n, err));
    VS_TRY(run_items(j, n, loop, err));
    if (loop->n == 0) {
        VS_TRY(push_frame(j, frame, err));
        VS_TRY(jinja_run(j, n->other, err));
    }
    j->frame = frame;
    return VS_OK;
}

static vs_status run_for(jinja *j, const jinja_node *n, vs_error *err)
{
    jinja_value items;

    VS_TRY(jinja_eval(j, &items, n->b, err));
    return run_loop(j, n, items, 0, err);
}

vs_status jinja_loop_again(jinja *j, jinja_value *out, const jinja_loop *loop, jinja_value items,
                           vs_error *err)
{
    jinja_frame *frame = j->frame;
    vs_buf text = {0}, *outer = j->out;
    const size_t begin = j->begin;
    vs_status st;

    if (loop->node->how != 'r')
        return jinja_fail(j, err, "loop(..) in a loop that is not recursive");
    j->frame = loop->frame;
    j->out = &text;
    j->begin = 0;
    st = run_loop(j, loop->node, items, loop->depth + 1, err);
    j->frame = frame;
    j->out = outer;
    j->begin = begin;
    if (st == VS_OK) return jinja_take(j, out, &text, err);
    vs_buf_free(&text);
    return st;
}

/* ---- macros ---- */

static vs_status make_macro(jinja *j, jinja_value *out, const jinja_node *n, vs_error *err)
{
    out->type = JINJA_MACRO;
    VS_TRY(jinja_alloc(j, &out->macro, 1, sizeof *out->macro, err));
    *out->macro = (jinja_macro){n, j->frame};
    return VS_OK;
}

/* The argument of that name; it is marked as taken. */
static bool take_named(jinja_value *out, const jinja_args *args, bool *taken, const char *name,
                       size_t len)
{
    for (size_t i = args->n_pos; i < args->n; i++)
        if (!taken[i] && args->key_len[i] == len && memcmp(args->key[i], name, len) == 0) {
            taken[i] = true;
            *out = args->item[i];
            return true;
        }
    return false;
}

/* varargs, kwargs and caller for bodies that read them; elsewhere what is left over is an error. */
static vs_status bind_rest(jinja *j, const jinja_node *n, const jinja_args *args, bool *taken,
                           vs_error *err)
{
    jinja_value rest, named, caller = jinja_undefined("caller", 6);

    if (n->uses & USES_CALLER) {
        (void)take_named(&caller, args, taken, "caller", 6);
        VS_TRY(jinja_map_set(j, &j->frame->names, jinja_text("caller", 6), caller, err));
    }
    VS_TRY(jinja_list_new(j, &rest, JINJA_TUPLE, err));
    VS_TRY(jinja_map_new(j, &named, JINJA_MAP, err));
    for (size_t i = 0; i < args->n; i++) {
        if (taken[i]) continue;
        if (args->key[i])
            VS_TRY(jinja_map_set(j, named.map, jinja_text(args->key[i], args->key_len[i]),
                                 args->item[i], err));
        else
            VS_TRY(jinja_list_add(j, rest, args->item[i], err));
    }
    if (rest.list->n && !(n->uses & USES_VARARGS))
        return jinja_fail(j, err, "the macro \"%.*s\" takes fewer arguments", (int)n->len, n->text);
    if (named.map->n && !(n->uses & USES_KWARGS))
        return jinja_fail(j, err, "the macro \"%.*s\" takes no argument \"%.*s\"", (int)n->len,
                          n->text, (int)named.map->pair[0].key.len, named.map->pair[0].key.text);
    if (n->uses & USES_VARARGS)
        VS_TRY(jinja_map_set(j, &j->frame->names, jinja_text("varargs", 7), rest, err));
    if (n->uses & USES_KWARGS)
        VS_TRY(jinja_map_set(j, &j->frame->names, jinja_text("kwargs", 6), named, err));
    return VS_OK;
}

/* Parameters by position, then by name, then their defaults, which see those before them. */
static vs_status bind_params(jinja *j, const jinja_node *n, const jinja_args *args, vs_error *err)
{
    bool *taken;
    size_t i = 0;

    VS_TRY(jinja_alloc(j, &taken, args->n + 1, sizeof *taken, err));
    for (const jinja_node *k = n->kids; k; k = k->next, i++) {
        jinja_value v = jinja_undefined(k->text, k->len);
        const bool is_given = i < args->n_pos || take_named(&v, args, taken, k->text, k->len);

        if (i < args->n_pos) {
            v = args->item[i];
            taken[i] = true;
        }
        if (!is_given && k->a) VS_TRY(jinja_eval(j, &v, k->a, err));
        VS_TRY(jinja_map_set(j, &j->frame->names, jinja_text(k->text, k->len), v, err));
    }
    return bind_rest(j, n, args, taken, err);
}

vs_status jinja_macro_call(jinja *j, jinja_value *out, const jinja_macro *macro,
                           const jinja_args *args, vs_error *err)
{
    jinja_frame *frame = j->frame;

    VS_TRY(push_frame(j, macro->frame, err));
    VS_TRY(bind_params(j, macro->node, args, err));
    VS_TRY(capture(j, out, macro->node->body, err));
    j->frame = frame;
    return VS_OK;
}

static vs_status run_macro(jinja *j, const jinja_node *n, vs_error *err)
{
    jinja_value macro;

    VS_TRY(make_macro(j, &macro, n, err));
    return jinja_map_set(j, &j->frame->names, jinja_text(n->text, n->len), macro, err);
}

/* {% call f(..) %}: f gets the body as the macro "caller". */
static vs_status run_caller(jinja *j, const jinja_node *n, vs_error *err)
{
    jinja_value f, caller, v;
    jinja_args args;

    VS_TRY(make_macro(j, &caller, n, err));
    VS_TRY(jinja_eval(j, &f, n->a->a, err));
    VS_TRY(jinja_eval_args(j, &args, n->a->kids, &caller, err));
    j->line = n->line;
    VS_TRY(jinja_call(j, &v, f, &args, err));
    return jinja_print(j, j->out, v, err);
}

/* ---- the rest ---- */

static vs_status run_block(jinja *j, const jinja_node *n, vs_error *err)
{
    jinja_value v;

    VS_TRY(capture_framed(j, &v, n->body, err));
    if (n->a && j->flow == FLOW_ON) VS_TRY(filter_block(j, &v, n->a, err));
    return n->a && j->flow != FLOW_ON ? VS_OK : jinja_print(j, j->out, v, err);
}

static vs_status run_with(jinja *j, const jinja_node *n, vs_error *err)
{
    jinja_frame *frame = j->frame, *inner;
    jinja_value v;

    VS_TRY(push_frame(j, frame, err));
    inner = j->frame;
    for (const jinja_node *k = n->kids; k; k = k->next) {
        j->frame = frame; /* the values see the names outside */
        VS_TRY(jinja_eval(j, &v, k->b, err));
        j->frame = inner;
        VS_TRY(assign(j, k->a, v, err));
    }
    VS_TRY(jinja_run(j, n->body, err));
    j->frame = frame;
    return VS_OK;
}

static vs_status run_print(jinja *j, const jinja_node *n, vs_error *err)
{
    jinja_value v;

    VS_TRY(jinja_eval(j, &v, n->a, err));
    return jinja_print(j, j->out, v, err);
}

static vs_status run_one(jinja *j, const jinja_node *n, vs_error *err)
{
    switch (n->op) {
    case OP_TEXT:
        vs_buf_add(j->out, n->text, n->len);
        return VS_OK;
    case OP_PRINT:
        return run_print(j, n, err);
    case OP_IF:
        return run_if(j, n, err);
    case OP_FOR:
        return run_for(j, n, err);
    case OP_SET:
        return run_set(j, n, err);
    case OP_MACRO:
        return run_macro(j, n, err);
    case OP_CALLER:
        return run_caller(j, n, err);
    case OP_BLOCK:
        return run_block(j, n, err);
    case OP_WITH:
        return run_with(j, n, err);
    default:
        j->flow = n->op == OP_BREAK ? FLOW_BREAK : FLOW_CONTINUE;
        return VS_OK;
    }
}

vs_status jinja_run(jinja *j, const jinja_node *n, vs_error *err)
{
    if (++j->depth > JINJA_MAX_DEPTH)
        return VS_FAIL(err, VS_E_LIMIT, "%s:%zu: calls and blocks nest deeper than %d", j->where,
                       j->line, (int)JINJA_MAX_DEPTH);
    for (; n && j->flow == FLOW_ON; n = n->next) {
        j->line = n->line;
        VS_TRY(jinja_step(j, 1, err));
        VS_TRY(run_one(j, n, err));
        if (j->out->len - j->begin > JINJA_MAX_OUTPUT)
            return VS_FAIL(err, VS_E_LIMIT, "%s:%zu: more than %d bytes of output", j->where,
                           n->line, (int)JINJA_MAX_OUTPUT);
    }
    j->depth--;
    return VS_OK;
}
