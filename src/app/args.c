#include "app/args.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/threads.h"

enum {
    NAME_MAX_CHARS = 40, /* longer words have no near name */
    NEAR_EDITS = 3,
    MAX_NAMES = 64,
};

void vs_str_list_free(vs_str_list *l)
{
    free(l->item);
    *l = (vs_str_list){0};
}

bool vs_parse_u64(uint64_t *out, const char *text)
{
    char *end;

    if (text[0] < '0' || text[0] > '9') return false;
    errno = 0;
    const unsigned long long x = strtoull(text, &end, 10);
    if (errno || *end) return false;
    *out = x;
    return true;
}

bool vs_parse_num(double *out, const char *text)
{
    char *end;

    if (!text[0] || strchr(" \t\n", text[0])) return false;
    const double x = strtod(text, &end);
    if (*end || !isfinite(x)) return false;
    *out = x;
    return true;
}

/* Levenshtein distance by one row of the table. */
static size_t edit_distance(const char *a, const char *b)
{
    const size_t n_a = strlen(a), n_b = strlen(b);
    size_t row[NAME_MAX_CHARS + 1];

    if (n_a > NAME_MAX_CHARS || n_b > NAME_MAX_CHARS) return NAME_MAX_CHARS;
    for (size_t j = 0; j <= n_b; j++) row[j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            const size_t replace = diagonal + (a[i - 1] != b[j - 1]);
            const size_t other = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replace < other ? replace : other;
        }
    }
    return row[n_b];
}

const char *vs_nearest(const char *text, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t least = NEAR_EDITS + 1;

    for (size_t i = 0; i < n; i++) {
        const size_t d = edit_distance(text, names[i]);
        if (d < least && d < strlen(names[i])) {
            least = d;
            best = names[i];
        }
    }
    return best;
}

static void print_help(const vs_cmd *c)
{
    printf("usage: vstar %s %s\n\n%s\n\noptions:\n", c->verb, c->usage, c->about);
    for (size_t i = 0; i < c->n_opts; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s %s", c->opts[i].name,
                 c->opts[i].value ? c->opts[i].value : "");
        printf("  %-24s %s\n", left, c->opts[i].help);
    }
    printf("  %-24s %s\n  %-24s %s\n\nexample:\n%s\n", "--threads N",
           "threads; results do not depend on it (VSTAR_THREADS, else all cores)", "--help",
           "this text", c->example);
}

static vs_status unknown_option(const vs_cmd *c, const char *name, vs_error *err)
{
    const char *names[MAX_NAMES];
    size_t n = 0;

    for (size_t i = 0; i < c->n_opts && n < MAX_NAMES - 2; i++) names[n++] = c->opts[i].name;
    names[n++] = "--threads";
    names[n++] = "--help";
    const char *near = vs_nearest(name, names, n);
    if (near) return VS_FAIL(err, VS_E_USAGE, "unknown option %.60s; did you mean %s?", name, near);
    return VS_FAIL(err, VS_E_USAGE, "unknown option %.60s; see vstar %s --help", name, c->verb);
}

static vs_status set_number(const vs_opt *o, const char *text, vs_error *err)
{
    const bool is_whole = o->type != VS_OPT_NUM, is_bounded = o->min != 0.0 || o->max != 0.0;
    uint64_t whole = 0;
    double x = 0.0;

    if (is_whole ? !vs_parse_u64(&whole, text) : !vs_parse_num(&x, text))
        return VS_FAIL(err, VS_E_USAGE, "%s: found '%.60s', expected a %snumber", o->name, text,
                       is_whole ? "whole " : "");
    if (is_whole) x = (double)whole;
    if (is_bounded ? x < o->min || x > o->max : x < 0.0)
        return is_bounded
                   ? VS_FAIL(err, VS_E_USAGE, "%s: found %.60s, expected %g to %g", o->name, text,
                             o->min, o->max)
                   : VS_FAIL(err, VS_E_USAGE, "%s: found %.60s, expected 0 or more", o->name, text);
    if (o->type == VS_OPT_SIZE) *(size_t *)o->out = (size_t)whole;
    if (o->type == VS_OPT_U64) *(uint64_t *)o->out = whole;
    if (o->type == VS_OPT_NUM) *(double *)o->out = x;
    return VS_OK;
}

static vs_status set_option(const vs_opt *o, const char *text, vs_error *err)
{
    vs_str_list *list = o->out;

    switch (o->type) {
    case VS_OPT_FLAG:
        *(bool *)o->out = true;
        return VS_OK;
    case VS_OPT_STR:
        if (!text[0]) return VS_FAIL(err, VS_E_USAGE, "%s: the value is empty", o->name);
        *(const char **)o->out = text;
        return VS_OK;
    case VS_OPT_LIST:
        if (!text[0]) return VS_FAIL(err, VS_E_USAGE, "%s: the value is empty", o->name);
        if (!vs_grow(&list->item, &list->cap, list->n + 1, sizeof *list->item))
            return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", o->name);
        list->item[list->n++] = text;
        return VS_OK;
    default:
        return set_number(o, text, err);
    }
}

/* "--name", "--name=value" or "-n": which option, and its value if it is part of the word. */
static const vs_opt *find_option(const vs_opt *opts, size_t n, const char *word, const char **value)
{
    const char *equals = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;
    const size_t len = equals ? (size_t)(equals - word) : strlen(word);

    *value = equals ? equals + 1 : NULL;
    for (size_t i = 0; i < n; i++)
        if (strlen(opts[i].name) == len && memcmp(opts[i].name, word, len) == 0) return &opts[i];
    return NULL;
}

static vs_status check_required(const vs_cmd *c, const bool *given, vs_error *err)
{
    for (size_t i = 0; i < c->n_opts; i++)
        if (c->opts[i].is_required && !given[i])
            return VS_FAIL(err, VS_E_USAGE, "%s %s is missing; see vstar %s --help",
                           c->opts[i].name, c->opts[i].value ? c->opts[i].value : "", c->verb);
    if (c->n_words < c->min_words)
        return VS_FAIL(err, VS_E_USAGE, "%zu word(s) given, %zu needed: vstar %s %s", c->n_words,
                       c->min_words, c->verb, c->usage);
    return VS_OK;
}

static vs_status parse_option(vs_cmd *c, int *i, int argc, char **argv, bool *given, vs_error *err)
{
    static size_t threads;
    static const vs_opt common = {
        .name = "--threads", .type = VS_OPT_SIZE, .out = &threads, .min = 1, .max = 4096};
    const char *value;
    const vs_opt *o = find_option(c->opts, c->n_opts, argv[*i], &value);
    const bool is_common = !o && (o = find_option(&common, 1, argv[*i], &value)) != NULL;

    if (!o) return unknown_option(c, argv[*i], err);
    if (o->type == VS_OPT_FLAG && value)
        return VS_FAIL(err, VS_E_USAGE, "%s takes no value", o->name);
    if (o->type != VS_OPT_FLAG && !value) {
        if (*i + 1 >= argc) return VS_FAIL(err, VS_E_USAGE, "%s: a value is missing", o->name);
        value = argv[++*i];
    }
    if (!is_common && given[o - c->opts] && o->type != VS_OPT_LIST)
        return VS_FAIL(err, VS_E_USAGE, "%s is given twice", o->name);
    VS_TRY(set_option(o, value ? value : "", err));
    if (is_common)
        vs_threads_set(threads);
    else
        given[o - c->opts] = true;
    return VS_OK;
}

vs_status vs_args_parse(vs_cmd *c, int argc, char **argv, vs_error *err)
{
    bool given[MAX_NAMES] = {false};
    bool is_rest = false; /* after "--" all is words */

    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(c);
            c->is_help = true;
            return VS_OK;
        } else if (strcmp(argv[i], "--") == 0) {
            break;
        }
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (!is_rest && strcmp(word, "--") == 0) {
            is_rest = true;
        } else if (!is_rest && word[0] == '-' && word[1]) {
            VS_TRY(parse_option(c, &i, argc, argv, given, err));
        } else {
            if (c->n_words >= c->max_words || c->n_words >= sizeof c->words / sizeof *c->words)
                return VS_FAIL(err, VS_E_USAGE, "one word too many: '%.60s'; usage: vstar %s %s",
                               word, c->verb, c->usage);
            c->words[c->n_words++] = word;
        }
    }
    return check_required(c, given, err);
}
