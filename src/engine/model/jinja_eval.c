/* jinja_eval.c - expressions. */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "engine/model/jinja_value.h"

static vs_status undefined_error(jinja *j, jinja_value x, vs_error *err)
{
    return jinja_fail(j, err, "\"%.*s\" is undefined", (int)(x.len < 60 ? x.len : 60), x.text);
}

static void find_name(const jinja *j, jinja_value *out, const jinja_node *n)
{
    for (const jinja_frame *f = j->frame; f; f = f->parent) {
        const jinja_value *v = jinja_map_find(&f->names, n->text, n->len);
        if (v) {
            *out = *v;
            return;
        }
    }
    *out = jinja_undefined(n->text, n->len);
}

static vs_status eval_list(jinja *j, jinja_value *out, const jinja_node *n, vs_error *err)
{
    jinja_value v;

    VS_TRY(jinja_list_new(j, out, n->op == OP_TUPLE ? JINJA_TUPLE : JINJA_LIST, err));
    for (const jinja_node *k = n->kids; k; k = k->next) {
        VS_TRY(jinja_eval(j, &v, k, err));
        VS_TRY(jinja_list_add(j, *out, v, err));
    }
    return VS_OK;
}

static vs_status eval_map(jinja *j, jinja_value *out, const jinja_node *n, vs_error *err)
{
    jinja_value key, v;

    VS_TRY(jinja_map_new(j, out, JINJA_MAP, err));
    for (const jinja_node *k = n->kids; k; k = k->next) {
        VS_TRY(jinja_eval(j, &key, k->a, err));
        VS_TRY(jinja_eval(j, &v, k->b, err));
        VS_TRY(jinja_map_set(j, out->map, key, v, err));
    }
    return VS_OK;
}

static vs_status eval_slice(jinja *j, jinja_value *out, const jinja_node *n, vs_error *err)
{
    jinja_value x, bound[3];
    size_t i = 0;

    VS_TRY(jinja_eval(j, &x, n->a, err));
    for (const jinja_node *k = n->kids; k; k = k->next) VS_TRY(jinja_eval(j, &bound[i++], k, err));
    return jinja_slice(j, out, x, bound, err);
}

/* ---- calls ---- */

typedef struct args_room {
    jinja_args *args;
    size_t cap;
} args_room;

static vs_status add_arg(jinja *j, args_room *r, jinja_value v, const char *key, size_t len,
                         vs_error *err)
{
    jinja_args *a = r->args, more = *a;

    if (!key && a->n > a->n_pos)
        return jinja_fail(j, err, "found an argument by position after one by name");
    if (a->n == r->cap) {
        r->cap = r->cap * 2 + 4;
        VS_TRY(jinja_alloc(j, &more.item, r->cap, sizeof *more.item, err));
        VS_TRY(jinja_alloc(j, &more.key, r->cap, sizeof *more.key, err));
        VS_TRY(jinja_alloc(j, &more.key_len, r->cap, sizeof *more.key_len, err));
        for (size_t i = 0; i < a->n; i++) {
            more.item[i] = a->item[i];
            more.key[i] = a->key[i];
            more.key_len[i] = a->key_len[i];
        }
        *a = more;
    }
    for (size_t i = 0; key && i < a->n; i++)
        if (a->key[i] && a->key_len[i] == len && memcmp(a->key[i], key, len) == 0)
            return jinja_fail(j, err, "the argument \"%.*s\" is given twice", (int)len, key);
    a->item[a->n] = v;
    a->key[a->n] = key;
    a->key_len[a->n] = len;
    a->n++;
    a->n_pos += !key;
    return VS_OK;
}

/* The arguments that * and ** bring. */
static vs_status spread(jinja *j, args_room *r, jinja_value v, bool is_map, vs_error *err)
{
    const jinja_value *item;
    size_t n;

    if (!is_map) {
        VS_TRY(jinja_items(j, &item, &n, v, err));
        for (size_t i = 0; i < n; i++) VS_TRY(add_arg(j, r, item[i], NULL, 0, err));
        return VS_OK;
    }
    if (v.type != JINJA_MAP) return jinja_fail(j, err, "** before %s", jinja_type_name(v));
    for (size_t i = 0; i < v.map->n; i++) {
        const jinja_pair *p = &v.map->pair[i];
        if (p->key.type != JINJA_TEXT) return jinja_fail(j, err, "** with a key that is no text");
        VS_TRY(add_arg(j, r, p->value, p->key.text, p->key.len, err));
    }
    return VS_OK;
}

vs_status jinja_eval_args(jinja *j, jinja_args *out, const jinja_node *kids,
                          const jinja_value *caller, vs_error *err)
{
    args_room room = {.args = out};
    jinja_value v;

    *out = (jinja_args){0};
    for (const jinja_node *k = kids; k; k = k->next) {
        VS_TRY(jinja_eval(j, &v, k->a, err));
        if (k->how)
            VS_TRY(spread(j, &room, v, k->how == 'd', err));
        else
            VS_TRY(add_arg(j, &room, v, k->text, k->len, err));
    }
    return caller ? add_arg(j, &room, *caller, "caller", 6, err) : VS_OK;
}

vs_status jinja_call(jinja *j, jinja_value *out, jinja_value f, const jinja_args *args,
                     vs_error *err)
{
    switch (f.type) {
    case JINJA_UNDEFINED:
        if (jinja_is(f.text, f.len, "strftime_now"))
            return jinja_fail(j, err,
                              "the template asks for today's date, with which no prompt could be "
                              "repeated: give the variable \"strftime_now\" a day, \"2025-07-31\"");
        return undefined_error(j, f, err);
    case JINJA_FUNCTION:
        return jinja_apply(j, out, f.function, f, args, err);
    case JINJA_METHOD:
        return jinja_apply(j, out, f.method->row, f.method->self, args, err);
    case JINJA_MACRO:
        return jinja_macro_call(j, out, f.macro, args, err);
    case JINJA_LOOP:
        if (args->n != 1) return jinja_fail(j, err, "loop(..): expected one list");
        return jinja_loop_again(j, out, f.loop, args->item[0], err);
    case JINJA_JOINER:
        *out = f.list->at++ ? f.list->item[0] : jinja_text("", 0);
        return VS_OK;
    default:
        return jinja_fail(j, err, "a call of %s", jinja_type_name(f));
    }
}

static vs_status eval_call(jinja *j, jinja_value *out, const jinja_node *n, vs_error *err)
{
    jinja_value f;
    jinja_args args;

    VS_TRY(jinja_eval(j, &f, n->a, err));
    VS_TRY(jinja_eval_args(j, &args, n->kids, NULL, err));
    j->line = n->line;
    return jinja_call(j, out, f, &args, err);
}

static vs_status eval_filter(jinja *j, jinja_value *out, const jinja_node *n, vs_error *err)
{
    jinja_args args;
    jinja_value x = n->value; /* of a block: what it printed */

    if (n->a) VS_TRY(jinja_eval(j, &x, n->a, err));
    VS_TRY(jinja_eval_args(j, &args, n->kids, NULL, err));
    j->line = n->line;
    return jinja_filter(j, out, n->text, n->len, x, &args, err);
}

static vs_status eval_test(jinja *j, jinja_value *out, const jinja_node *n, vs_error *err)
{
    jinja_args args;
    jinja_value x;
    bool yes;

    VS_TRY(jinja_eval(j, &x, n->a, err));
    VS_TRY(jinja_eval_args(j, &args, n->kids, NULL, err));
    VS_TRY(jinja_test(j, &yes, n->text, n->len, x, &args, err));
    *out = jinja_bool(yes);
    return VS_OK;
}

/* ---- operators ---- */

static vs_status eval_unary(jinja *j, jinja_value *out, const jinja_node *n, vs_error *err)
{
    jinja_value x;
    int64_t i;

    VS_TRY(jinja_eval(j, &x, n->a, err));
    if (n->how == '!') {
        *out = jinja_bool(!jinja_is_true(x));
        return VS_OK;
    }
    if (x.type == JINJA_UNDEFINED) return undefined_error(j, x, err);
    if (!jinja_is_number(x))
        return jinja_fail(j, err, "\"%c\" before %s", n->how, jinja_type_name(x));
    if (x.type == JINJA_REAL) {
        *out = jinja_real(n->how == '-' ? -x.x : x.x);
        return VS_OK;
    }
    (void)jinja_as_integer(&i, x);
    if (n->how == '-' && i == INT64_MIN) return jinja_fail(j, err, "an integer overflows");
    *out = jinja_integer(n->how == '-' ? -i : i);
    return VS_OK;
}

/* // and % round down, as Python's. */
static vs_status integers(jinja *j, jinja_value *out, char how, int64_t a, int64_t b, vs_error *err)
{
    int64_t x = 0;
    bool over = false;

    if ((how == 'f' || how == '%') && b == -1) {
        over = how == 'f' && __builtin_sub_overflow((int64_t)0, a, &x);
    } else if (how == 'f' || how == '%') {
        const int64_t rest = a % b, fix = rest != 0 && (rest < 0) != (b < 0);
        x = how == '%' ? rest + (fix ? b : 0) : a / b - fix;
    } else if (how == '+') {
        over = __builtin_add_overflow(a, b, &x);
    } else if (how == '-') {
        over = __builtin_sub_overflow(a, b, &x);
    } else if (how == '*') {
        over = __builtin_mul_overflow(a, b, &x);
    } else { /* a ** b by squaring; beyond 63 squarings only -1, 0, 1 are left */
        int64_t base = a;
        x = 1;
        for (uint64_t e = (uint64_t)b; e && !over; e >>= 1) {
            if (e & 1) over = __builtin_mul_overflow(x, base, &x);
            if (e > 1) over |= __builtin_mul_overflow(base, base, &base);
        }
    }
    if (over) return jinja_fail(j, err, "an integer overflows");
    *out = jinja_integer(x);
    return VS_OK;
}

static vs_status arithmetic(jinja *j, jinja_value *out, char how, jinja_value a, jinja_value b,
                            vs_error *err)
{
    const double x = jinja_number(a), y = jinja_number(b);
    int64_t i, k;

    if ((how == 'f' || how == '%' || how == '/') && y == 0.0)
        return jinja_fail(j, err, "division by 0");
    if (how == 'p' && x == 0.0 && y < 0.0) return jinja_fail(j, err, "division by 0");
    if (how != '/' && jinja_as_integer(&i, a) && jinja_as_integer(&k, b) && (how != 'p' || k >= 0))
        return integers(j, out, how, i, k, err);
    if (how == 'p' && x < 0.0 && y != floor(y))
        return jinja_fail(j, err, "a power that is a complex number");
    const double rest = how == 'f' || how == '%' ? fmod(x, y) : 0.0;
    const double fix = rest != 0.0 && (rest < 0.0) != (y < 0.0) ? y : 0.0;
    *out = jinja_real(how == '+'   ? x + y
                      : how == '-' ? x - y
                      : how == '*' ? x * y
                      : how == '/' ? x / y
                      : how == '%' ? (rest == 0.0 ? copysign(0.0, y) : rest + fix)
                      : how == 'f' ? floor((x - rest - fix) / y + 0.5)
                                   : pow(x, y));
    return VS_OK;
}

static vs_status concat(jinja *j, jinja_value *out, jinja_value a, jinja_value b, vs_error *err)
{
    vs_buf text = {0};
    vs_status st;

    VS_CHECK(jinja_print(j, &text, a, err));
    VS_CHECK(jinja_print(j, &text, b, err));
    return jinja_take(j, out, &text, err);
done:
    vs_buf_free(&text);
    return st;
}

/* A safe text escapes the other one. */
static vs_status add_texts(jinja *j, jinja_value *out, jinja_value a, jinja_value b, vs_error *err)
{
    const bool is_safe = a.is_safe || b.is_safe;

    if (is_safe) VS_TRY(jinja_escape(j, &a, a, err));
    if (is_safe) VS_TRY(jinja_escape(j, &b, b, err));
    VS_TRY(concat(j, out, a, b, err));
    out->is_safe = is_safe;
    return VS_OK;
}

static vs_status concat_lists(jinja *j, jinja_value *out, jinja_value a, jinja_value b,
                              vs_error *err)
{
    VS_TRY(jinja_list_new(j, out, a.type, err));
    for (size_t i = 0; i < a.list->n; i++) VS_TRY(jinja_list_add(j, *out, a.list->item[i], err));
    for (size_t i = 0; i < b.list->n; i++) VS_TRY(jinja_list_add(j, *out, b.list->item[i], err));
    return VS_OK;
}

static vs_status repeat(jinja *j, jinja_value *out, jinja_value x, int64_t n, vs_error *err)
{
    vs_buf text = {0};

    if (x.type == JINJA_TEXT) {
        for (int64_t i = 0; x.len && i < n && text.len <= JINJA_MAX_OUTPUT; i++)
            vs_buf_add(&text, x.text, x.len);
        return jinja_take(j, out, &text, err);
    }
    VS_TRY(jinja_list_new(j, out, x.type, err));
    for (int64_t i = 0; x.list->n && i < n; i++)
        for (size_t k = 0; k < x.list->n; k++)
            VS_TRY(jinja_list_add(j, *out, x.list->item[k], err));
    return VS_OK;
}

static bool is_list(jinja_value v)
{
    return v.type == JINJA_LIST || v.type == JINJA_TUPLE;
}

static vs_status operate(jinja *j, jinja_value *out, char how, jinja_value a, jinja_value b,
                         vs_error *err)
{
    int64_t n;

    if (how == '~') return concat(j, out, a, b, err);
    if (a.type == JINJA_UNDEFINED) return undefined_error(j, a, err);
    if (how == '%' && a.type == JINJA_TEXT) return jinja_percent(j, out, a, b, err);
    if (b.type == JINJA_UNDEFINED) return undefined_error(j, b, err);
    if (jinja_is_number(a) && jinja_is_number(b)) return arithmetic(j, out, how, a, b, err);
    if (how == '+' && a.type == b.type && a.type == JINJA_TEXT) return add_texts(j, out, a, b, err);
    if (how == '+' && a.type == b.type && is_list(a)) return concat_lists(j, out, a, b, err);
    if (how == '*' && (a.type == JINJA_TEXT || is_list(a)) && jinja_as_integer(&n, b))
        return repeat(j, out, a, n, err);
    if (how == '*' && (b.type == JINJA_TEXT || is_list(b)) && jinja_as_integer(&n, a))
        return repeat(j, out, b, n, err);
    return jinja_fail(j, err, "\"%s\" between %s and %s",
                      how == 'f'   ? "//"
                      : how == 'p' ? "**"
                                   : (const char[]){how, '\0'},
                      jinja_type_name(a), jinja_type_name(b));
}

static vs_status eval_binary(jinja *j, jinja_value *out, const jinja_node *n, vs_error *err)
{
    jinja_value a, b;

    VS_TRY(jinja_eval(j, &a, n->a, err));
    VS_TRY(jinja_eval(j, &b, n->b, err));
    j->line = n->line;
    return operate(j, out, n->how, a, b, err);
}

/* The value of `and`, `or` is that of the side that decided; the other is not evaluated. */
static vs_status eval_logic(jinja *j, jinja_value *out, const jinja_node *n, vs_error *err)
{
    VS_TRY(jinja_eval(j, out, n->a, err));
    if (jinja_is_true(*out) == (n->how == '|')) return VS_OK;
    return jinja_eval(j, out, n->b, err);
}

static vs_status compare(jinja *j, bool *out, char how, jinja_value a, jinja_value b, vs_error *err)
{
    int sign;

    switch (how) {
    case '=':
    case '!':
        VS_TRY(jinja_equal(j, out, a, b, err));
        *out = *out == (how == '=');
        return VS_OK;
    case 'i':
    case 'n':
        VS_TRY(jinja_contains(j, out, b, a, err));
        *out = *out == (how == 'i');
        return VS_OK;
    default:
        if (a.type == JINJA_UNDEFINED) return undefined_error(j, a, err);
        if (b.type == JINJA_UNDEFINED) return undefined_error(j, b, err);
        VS_TRY(jinja_order(j, &sign, a, b, how == '<' || how == 'l' ? "<" : ">", err));
        *out = how == '<' ? sign < 0 : how == '>' ? sign > 0 : how == 'l' ? sign <= 0 : sign >= 0;
        return VS_OK;
    }
}

static vs_status eval_compare(jinja *j, jinja_value *out, const jinja_node *n, vs_error *err)
{
    jinja_value a, b;
    bool yes = true;

    VS_TRY(jinja_eval(j, &a, n->a, err));
    for (const jinja_node *k = n->kids; yes && k; k = k->next) {
        VS_TRY(jinja_eval(j, &b, k->a, err));
        j->line = k->line;
        VS_TRY(compare(j, &yes, k->how, a, b, err));
        a = b;
    }
    *out = jinja_bool(yes);
    return VS_OK;
}

static vs_status eval_choice(jinja *j, jinja_value *out, const jinja_node *n, vs_error *err)
{
    jinja_value c;

    VS_TRY(jinja_eval(j, &c, n->b, err));
    if (jinja_is_true(c)) return jinja_eval(j, out, n->a, err);
    if (n->c) return jinja_eval(j, out, n->c, err);
    *out = jinja_undefined("an if without else", strlen("an if without else"));
    return VS_OK;
}

static vs_status eval_member(jinja *j, jinja_value *out, const jinja_node *n, vs_error *err)
{
    jinja_value x, key = jinja_text(n->text, n->len);

    VS_TRY(jinja_eval(j, &x, n->a, err));
    if (n->op == OP_ITEM) VS_TRY(jinja_eval(j, &key, n->b, err));
    j->line = n->line;
    return n->op == OP_ITEM ? jinja_item(j, out, x, key, err) : jinja_attr(j, out, x, key, err);
}

static vs_status dispatch(jinja *j, jinja_value *out, const jinja_node *n, vs_error *err)
{
    switch (n->op) {
    case OP_LITERAL:
        *out = n->value;
        return VS_OK;
    case OP_NAME:
        find_name(j, out, n);
        return VS_OK;
    case OP_LIST:
    case OP_TUPLE:
        return eval_list(j, out, n, err);
    case OP_MAP:
        return eval_map(j, out, n, err);
    case OP_ATTR:
    case OP_ITEM:
        return eval_member(j, out, n, err);
    case OP_SLICE:
        return eval_slice(j, out, n, err);
    case OP_CALL:
        return eval_call(j, out, n, err);
    case OP_FILTER:
        return eval_filter(j, out, n, err);
    case OP_TEST:
        return eval_test(j, out, n, err);
    case OP_UNARY:
        return eval_unary(j, out, n, err);
    case OP_BINARY:
        return eval_binary(j, out, n, err);
    case OP_LOGIC:
        return eval_logic(j, out, n, err);
    case OP_COMPARE:
        return eval_compare(j, out, n, err);
    default:
        return eval_choice(j, out, n, err);
    }
}

vs_status jinja_eval(jinja *j, jinja_value *out, const jinja_node *n, vs_error *err)
{
    VS_TRY(jinja_step(j, 1, err));
    if (++j->depth > JINJA_MAX_DEPTH)
        return VS_FAIL(err, VS_E_LIMIT, "%s:%zu: calls and expressions nest deeper than %d",
                       j->where, n->line, (int)JINJA_MAX_DEPTH);
    j->line = n->line;
    VS_TRY(dispatch(j, out, n, err));
    j->depth--;
    return VS_OK;
}
