#include "flow/problems/overlap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "flow/problems/lines.h"

/* A text's hash and the test problem that has it. */
typedef struct entry {
    uint64_t hash;
    size_t index;
} entry;

typedef struct table {
    entry *entry; /* sorted by hash once it is whole */
    size_t n, cap;
} table;

static bool add_entry(table *t, uint64_t hash, size_t index)
{
    if (!vs_grow(&t->entry, &t->cap, t->n + 1, sizeof *t->entry)) return false;
    t->entry[t->n++] = (entry){hash, index};
    return true;
}

static int by_hash(const void *a, const void *b)
{
    const entry *x = a, *y = b;

    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* The first entry of that hash; NULL: none. */
static const entry *find_entry(const table *t, uint64_t hash)
{
    size_t low = 0, high = t->n;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (t->entry[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low < t->n && t->entry[low].hash == hash ? &t->entry[low] : NULL;
}

/* -- texts -- */

/* What normalising keeps of a byte; 0: nothing. Bytes of other scripts stay. */
static char kept(char c)
{
    if (c >= 'A' && c <= 'Z') return (char)(c - 'A' + 'a');
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80 ? c : '\0';
}

/* Words in lower case, letters and digits alone, with one blank between them (or none). */
static void normalise(vs_buf *out, const char *text, bool with_blanks)
{
    bool is_open = false; /* a word has begun */

    vs_buf_clear(out);
    for (; *text; text++) {
        const char c = kept(*text);
        if (c) vs_buf_add(out, &c, 1);
        is_open |= c != '\0';
        if (!c && rows_is_space(*text) && is_open && with_blanks) {
            vs_buf_str(out, " ");
            is_open = false;
        }
    }
}

static uint64_t hash_of(const vs_buf *b)
{
    return vs_hash64(b->data ? b->data : "", b->len);
}

/* Calls visit for each window of VS_OVERLAP_WORDS words of the normalised text until it says stop.
 */
static bool each_window(const vs_buf *words, bool (*visit)(void *ctx, uint64_t hash), void *ctx)
{
    size_t begin[VS_OVERLAP_WORDS + 1] = {0}, n = 0;

    for (size_t i = 0; i <= words->len; i++) {
        if (i < words->len && words->data[i] != ' ') continue;
        if (i == begin[n % (VS_OVERLAP_WORDS + 1)]) continue; /* a blank at the end: no word */
        /* a word ends at i; its window began VS_OVERLAP_WORDS - 1 words ago */
        n++;
        if (n >= VS_OVERLAP_WORDS) {
            const size_t from = begin[(n - VS_OVERLAP_WORDS) % (VS_OVERLAP_WORDS + 1)];
            if (i > from && visit(ctx, vs_hash64(words->data + from, i - from))) return true;
        }
        begin[n % (VS_OVERLAP_WORDS + 1)] = i + 1;
    }
    return false;
}

/* -- their side -- */

typedef struct tables {
    table exact, normalised, words;
    vs_buf text;
    size_t index; /* of the problem whose windows are added */
    bool failed;
} tables;

static bool add_window(void *ctx, uint64_t hash)
{
    tables *t = ctx;

    t->failed |= !add_entry(&t->words, hash, t->index);
    return t->failed;
}

static vs_status fill(tables *t, const vs_problems *theirs, vs_error *err)
{
    for (size_t i = 0; i < theirs->n && !t->failed; i++) {
        const char *question = theirs->item[i].question;
        t->index = i;
        rows_fold(&t->text, question);
        t->failed |= !add_entry(&t->exact, hash_of(&t->text), i);
        normalise(&t->text, question, false);
        t->failed |= !add_entry(&t->normalised, hash_of(&t->text), i);
        normalise(&t->text, question, true);
        each_window(&t->text, add_window, t);
        t->failed |= t->text.failed;
    }
    if (t->failed) return VS_FAIL(err, VS_E_NOMEM, "contamination check: out of memory");
    if (t->exact.n) qsort(t->exact.entry, t->exact.n, sizeof(entry), by_hash);
    if (t->normalised.n) qsort(t->normalised.entry, t->normalised.n, sizeof(entry), by_hash);
    if (t->words.n) qsort(t->words.entry, t->words.n, sizeof(entry), by_hash);
    return VS_OK;
}

/* -- our side -- */

typedef struct search {
    const table *words;
    const entry *found;
} search;

static bool find_window(void *ctx, uint64_t hash)
{
    search *s = ctx;

    s->found = find_entry(s->words, hash);
    return s->found != NULL;
}

static const entry *find_words(tables *t, const char *text)
{
    search s = {.words = &t->words};

    normalise(&t->text, text, true);
    each_window(&t->text, find_window, &s);
    return s.found;
}

static void compare(vs_overlap *out, tables *t, const vs_problem *p, const vs_problems *theirs)
{
    const entry *exact, *normalised, *words;

    rows_fold(&t->text, p->question);
    exact = find_entry(&t->exact, hash_of(&t->text));
    normalise(&t->text, p->question, false);
    normalised = exact ? exact : find_entry(&t->normalised, hash_of(&t->text));
    words = normalised ? normalised : find_words(t, p->question);
    if (!words && p->reference) words = find_words(t, p->reference);
    out->n_exact += exact != NULL;
    out->n_normalised += normalised != NULL;
    out->n_words += words != NULL;
    if (!words || out->n_shown == VS_OVERLAP_SHOWN) return;
    snprintf(out->shown[out->n_shown].ours, sizeof out->shown->ours, "%s", p->key);
    snprintf(out->shown[out->n_shown].theirs, sizeof out->shown->theirs, "%s",
             theirs->item[words->index].key);
    out->shown[out->n_shown++].how = exact ? "exact" : normalised ? "normalised" : "words";
}

vs_status vs_overlap_find(vs_overlap *out, const vs_problems *ours, const vs_problems *theirs,
                          vs_error *err)
{
    vs_overlap found = {.n_theirs = theirs->n};
    tables t = {.failed = false};
    vs_status st;

    VS_CHECK(fill(&t, theirs, err));
    for (size_t i = 0; i < ours->n; i++) {
        if (strcmp(ours->item[i].split, "test") == 0) continue;
        found.n_ours++;
        compare(&found, &t, &ours->item[i], theirs);
    }
    if (t.text.failed)
        st = VS_FAIL(err, VS_E_NOMEM, "contamination check: out of memory");
    else
        *out = found;
done:
    free(t.exact.entry);
    free(t.normalised.entry);
    free(t.words.entry);
    vs_buf_free(&t.text);
    return st;
}

vs_status vs_overlap_read(vs_problems *out, const char *name, vs_error *err)
{
    const char *colon = strchr(name, ':');
    char kind[32];
    const rows_source *source;
    line_problems lines = {0};
    vs_problems p = {0};
    vs_status st;

    snprintf(kind, sizeof kind, "%.*s", colon ? (int)(colon - name) : 0, name);
    source = rows_find(kind);
    if (!colon || !source)
        return VS_FAIL(err, VS_E_INPUT,
                       "problems.check_files: found \"%.80s\", expected SOURCE:PATH with a source "
                       "of files, such as "
                       "humaneval:HumanEval.jsonl.gz",
                       name);
    VS_CHECK(lines_read(&lines, colon + 1, NULL, source, err));
    p.item = vs_alloc(lines.n, sizeof *p.item);
    if (!p.item) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", name);
        goto done;
    }
    p.n = p.cap = lines.n;
    for (size_t i = 0; i < p.n; i++) { /* key and question are moved */
        p.item[i].key = lines.item[i].where;
        p.item[i].question = lines.item[i].question;
        lines.item[i].where = lines.item[i].question = NULL;
    }
    *out = p;
done:
    lines_free(&lines);
    return st;
}
