/* report_html.c - the report's page: headline, table, charts, rounds, examples, recipe. All text is
 * escaped. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/page.h"
#include "app/report.h"

enum { MAX_SYSTEMS = 24, CHART_POINTS = 300 };

static void put_number(vs_buf *b, double x)
{
    if (isfinite(x))
        vs_buf_printf(b, "%.6g", x);
    else
        vs_buf_str(b, "null");
}

/* -- metrics -- */

static const char *const curve_keys[] = {"pass", "majority", "best_of", "weighted"};
enum { N_CURVES = sizeof curve_keys / sizeof *curve_keys };

static bool is_metric(const vs_metric *m, const char *system, const char *curve)
{
    return strcmp(m->system, system) == 0 && strcmp(m->curve, curve) == 0;
}

static bool is_difference(const vs_metric *m)
{
    return strcmp(m->curve, "difference") == 0;
}

/* Names of systems, in order of first appearance; differences between systems are none. */
static size_t list_systems(const char **out, const vs_report *r)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_metrics; i++) {
        size_t j = 0;
        if (is_difference(&r->metrics[i])) continue;
        while (j < n && strcmp(out[j], r->metrics[i].system) != 0) j++;
        if (j == n && n < MAX_SYSTEMS) out[n++] = r->metrics[i].system;
    }
    return n;
}

/* -- headline -- */

static void put_tiles(vs_buf *b, const vs_report *r)
{
    vs_buf_str(b, "<div class=\"tiles\">");
    for (size_t i = 0; i < VS_HEADLINES; i++) {
        const vs_headline *h = &vs_headlines[i];
        const vs_metric *m = vs_headline_find(r->metrics, r->n_metrics, h, r->headline_k);
        if (!m) continue;
        vs_buf_printf(b, "<div class=\"tile%s\"><div class=\"what\">%s, %s%u</div>",
                      h->is_lead ? " lead" : "", h->what, h->measure, m->k);
        vs_buf_printf(b, "<div class=\"value num\">%.1f<small> %%</small></div>", m->value * 100.0);
        vs_buf_printf(b, "<div class=\"range num\">%.1f to %.1f</div></div>\n", m->low * 100.0,
                      m->high * 100.0);
    }
    vs_buf_str(b, "</div>\n");
}

static void put_share(vs_buf *b, const vs_metric *m)
{
    if (m)
        vs_buf_printf(b, "<td class=\"n\">%.1f<small>%.1f\xe2\x80\x93%.1f</small></td>",
                      m->value * 100.0, m->low * 100.0, m->high * 100.0);
    else
        vs_buf_str(b, "<td class=\"n soft\">\xe2\x80\x93</td>");
}

static uint32_t largest_k(const vs_report *r, size_t at_most)
{
    uint32_t k = 1;

    for (size_t i = 0; i < r->n_metrics; i++)
        if (r->metrics[i].k > k && r->metrics[i].k <= at_most) k = r->metrics[i].k;
    return k;
}

static void put_differences(vs_buf *b, const vs_report *r)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_metrics; i++) {
        const vs_metric *m = &r->metrics[i];
        if (!is_difference(m)) continue;
        if (n++ == 0)
            vs_buf_str(b, "<h3 class=\"gap\">Differences on the same problems</h3>\n<div "
                          "class=\"scroll\"><table class=\"narrow\"><tbody>\n");
        vs_buf_str(b, "<tr><th>");
        vs_page_text(b, m->system);
        vs_buf_printf(b,
                      ", k = %u</th><td class=\"n\">%+.1f points<small>%+.1f to "
                      "%+.1f</small></td><td>%s</td></tr>\n",
                      m->k, m->value * 100.0, m->low * 100.0, m->high * 100.0,
                      m->low > 0.0    ? "first is ahead"
                      : m->high < 0.0 ? "first is behind"
                                      : "not settled: the interval holds 0");
    }
    if (n) vs_buf_str(b, "</tbody></table></div>\n");
}

/* The largest standard error of what was drawn in part, if anything was. */
static void put_errors(vs_buf *b, const vs_report *r)
{
    const vs_metric *most = NULL;

    for (size_t i = 0; i < r->n_metrics; i++)
        if (strstr(r->metrics[i].curve, "_error") && (!most || r->metrics[i].value > most->value))
            most = &r->metrics[i];
    if (!most) return;
    vs_buf_str(b, "<p class=\"note\">Drawn in part, for its search would be too long: the largest "
                  "standard error is that of ");
    vs_page_text(b, most->system);
    vs_buf_printf(b, ", %s at k = %u: %.3f points.</p>\n",
                  strncmp(most->curve, "top", 3) == 0 ? "vote of the top" : "weighted vote",
                  most->k, 100 * most->value);
}

static void put_table(vs_buf *b, const vs_report *r)
{
    const char *systems[MAX_SYSTEMS];
    const size_t n = list_systems(systems, r);
    const unsigned most = largest_k(r, UINT32_MAX), k = largest_k(r, r->headline_k);

    vs_buf_printf(b,
                  "<h2>Results</h2>\n<div class=\"scroll\"><table><thead><tr><th>System</th><th "
                  "class=\"n\">Pass@1</th>"
                  "<th class=\"n\">Maj@%u</th><th class=\"n\">Best-of-%u</th><th "
                  "class=\"n\">Weighted vote</th>"
                  "<th class=\"n\">Pass@%u</th></tr></thead><tbody>\n",
                  k, k, k);
    for (size_t i = 0; i < n; i++) {
        vs_buf_str(b, "<tr><th>");
        vs_page_text(b, systems[i]);
        vs_buf_str(b, "</th>");
        put_share(b, vs_find_metric(r->metrics, r->n_metrics, systems[i], "pass", 1));
        put_share(b, vs_find_metric(r->metrics, r->n_metrics, systems[i], "majority", k));
        put_share(b, vs_find_metric(r->metrics, r->n_metrics, systems[i], "best_of", k));
        put_share(b, vs_find_metric(r->metrics, r->n_metrics, systems[i], "weighted", k));
        put_share(b, vs_find_metric(r->metrics, r->n_metrics, systems[i], "pass", k));
        vs_buf_str(b, "</tr>\n");
    }
    vs_buf_printf(b,
                  "</tbody></table></div>\n<p class=\"note\">Per cent of %zu test problems, "
                  "computed exactly from %u candidates"
                  " for each; below each value its 95&nbsp;%% interval, over "
                  "problems. The same candidates serve every"
                  " column, so differences within a row are smaller in error than the intervals "
                  "suggest.</p>\n",
                  r->test.n, most);
}

/* -- charts -- */

static void put_figure(vs_buf *b, const char *id, size_t number, const char *title,
                       const char *caption)
{
    vs_buf_str(b, "<figure><h3>");
    vs_page_text(b, title);
    vs_buf_str(b, "</h3><div class=\"plot\"><canvas role=\"img\" id=\"");
    vs_buf_str(b, id);
    if (number != SIZE_MAX) vs_buf_printf(b, "%zu", number);
    vs_buf_str(b, "\" aria-label=\"");
    vs_page_text(b, title);
    vs_buf_str(b, "\"></canvas></div><figcaption>");
    vs_buf_str(b, caption);
    vs_buf_str(b, "</figcaption></figure>\n");
}

static size_t count_k(const vs_report *r, const char *system)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_metrics; i++)
        n += strcmp(r->metrics[i].system, system) == 0 && r->metrics[i].k > 1;
    return n;
}

static void put_curves(vs_buf *b, const vs_report *r)
{
    const char *systems[MAX_SYSTEMS];
    const size_t n = list_systems(systems, r);

    vs_buf_str(b, "<h2>More candidates</h2>\n<p>What the same candidates are worth when k of them "
                  "are drawn: Best-of-k takes the one"
                  " with the highest score, Maj@k the most frequent answer (ties share evenly), "
                  "Pass@k asks whether any is right,"
                  " which no way of choosing can exceed. All are exact, except votes "
                  "whose standard error is given below.</p>\n<div class=\"charts\">\n");
    for (size_t i = 0; i < n; i++) {
        char caption[256];
        const vs_metric *last =
            vs_find_metric(r->metrics, r->n_metrics, systems[i], "best_of", SIZE_MAX);
        if (!last) last = vs_find_metric(r->metrics, r->n_metrics, systems[i], "pass", SIZE_MAX);
        if (!count_k(r, systems[i])) continue;
        snprintf(caption, sizeof caption,
                 "Expected share of %zu test problems answered right, over all choices of k from "
                 "%u candidates each."
                 " Bands: 95&nbsp;%% intervals of Best-of-k and Maj@k over problems.",
                 r->test.n, last ? last->k : 1);
        put_figure(b, "curve-", i, systems[i], caption);
    }
    vs_buf_str(b, "</div>\n");
    put_errors(b, r);
}

static bool is_pairwise(const vs_train_row *t)
{
    return !isnan(t->margin);
}

static bool has_training(const vs_report *r, bool pairwise)
{
    for (size_t i = 0; i < r->n_train; i++)
        if (is_pairwise(&r->train[i]) == pairwise) return true;
    return false;
}

static void put_training(vs_buf *b, const vs_report *r)
{
    if (!r->n_train) return;
    vs_buf_str(b, "<h2>Training</h2>\n<div class=\"charts\">\n");
    if (has_training(r, false))
        put_figure(b, "train-generators", SIZE_MAX, "Generators: loss",
                   "Mean negative log-prob of a completion token in each step. Every generator "
                   "starts from the base. A verifier that learns from no pairs is drawn here, by "
                   "its own loss.");
    if (has_training(r, true)) {
        put_figure(b, "train-loss", SIZE_MAX, "Verifier: loss",
                   "Loss over the step\xe2\x80\x99s pairs of a right and a wrong solution; of "
                   "DPO\xe2\x80\x99s sigmoid, ln 2 = 0.693 is a coin toss.");
        put_figure(
            b, "train-margin", SIZE_MAX, "Verifier: reward margin",
            "Mean over pairs of beta times the difference of log-prob gains over the reference.");
        put_figure(b, "train-accuracy", SIZE_MAX, "Verifier: accuracy",
                   "Share of the step\xe2\x80\x99s pairs in which the right solution has the "
                   "higher reward.");
        put_figure(b, "train-logp", SIZE_MAX, "Verifier: log-probs",
                   "Mean log-prob of right and of wrong solutions in the step, whole solutions.");
    }
    vs_buf_str(b, "</div>\n<p class=\"note\">Long trainings are drawn as means over equal runs of "
                  "steps.</p>\n");
}

static void put_curve_json(vs_buf *b, const vs_report *r, const char *system, const char *curve)
{
    bool is_first = true;

    for (size_t i = 0; i < r->n_metrics; i++) {
        const vs_metric *m = &r->metrics[i];
        if (!is_metric(m, system, curve)) continue;
        vs_buf_printf(b, "%s[%u,%.6g,%.6g,%.6g]", is_first ? "" : ",", m->k, m->value, m->low,
                      m->high);
        is_first = false;
    }
}

static void put_systems_json(vs_buf *b, const vs_report *r)
{
    const char *systems[MAX_SYSTEMS];
    const size_t n = list_systems(systems, r);

    vs_buf_str(b, "\"systems\":[");
    for (size_t i = 0; i < n; i++) {
        bool is_first = true;
        vs_buf_str(b, i ? ",\n{\"name\":" : "\n{\"name\":");
        vs_page_string(b, systems[i]);
        vs_buf_str(b, ",\"curves\":{");
        for (size_t c = 0; c < N_CURVES; c++) {
            if (!vs_find_metric(r->metrics, r->n_metrics, systems[i], curve_keys[c], SIZE_MAX))
                continue;
            vs_buf_printf(b, "%s\"%s\":[", is_first ? "" : ",", curve_keys[c]);
            put_curve_json(b, r, systems[i], curve_keys[c]);
            vs_buf_str(b, "]");
            is_first = false;
        }
        vs_buf_str(b, "}}");
    }
    vs_buf_str(b, "]");
}

/* Steps [begin, end) as one point: means. */
static void put_train_point(vs_buf *b, const vs_train_row *t, size_t begin, size_t end)
{
    double sum[5] = {0.0};
    const double n = (double)(end - begin);

    for (size_t i = begin; i < end; i++) {
        sum[0] += t[i].loss;
        sum[1] += t[i].margin;
        sum[2] += t[i].accuracy;
        sum[3] += t[i].logp_right;
        sum[4] += t[i].logp_wrong;
    }
    vs_buf_printf(b, "[%u", t[begin + (end - begin) / 2].step + 1);
    for (int i = 0; i < 5; i++) {
        vs_buf_str(b, ",");
        put_number(b, sum[i] / n);
    }
    vs_buf_str(b, "]");
}

static void put_train_json(vs_buf *b, const vs_report *r)
{
    vs_buf_str(b, ",\n\"train\":[");
    for (size_t i = 0, end; i < r->n_train; i = end) {
        for (end = i; end < r->n_train && strcmp(r->train[end].model, r->train[i].model) == 0;)
            end++;
        const size_t n = end - i, width = (n + CHART_POINTS - 1) / CHART_POINTS;
        vs_buf_str(b, i ? ",\n{\"model\":" : "\n{\"model\":");
        vs_page_string(b, r->train[i].model);
        vs_buf_printf(b, ",\"pairs\":%s,\"rows\":[", is_pairwise(&r->train[i]) ? "true" : "false");
        for (size_t j = 0; j < n; j += width) {
            if (j) vs_buf_str(b, ",");
            put_train_point(b, r->train + i, j, j + width < n ? j + width : n);
        }
        vs_buf_str(b, "]}");
    }
    vs_buf_str(b, "]");
}

static bool is_drawn_curve(const vs_metric *m)
{
    for (size_t c = 0; c < N_CURVES; c++)
        if (strcmp(m->curve, curve_keys[c]) == 0) return true;
    return false;
}

/* Where the curves' share axis begins: a tenth below the lowest value. */
static double axis_floor(const vs_report *r)
{
    double low = 1.0;

    for (size_t i = 0; i < r->n_metrics; i++)
        if (is_drawn_curve(&r->metrics[i]) && r->metrics[i].low < low) low = r->metrics[i].low;
    return low > 0.1 ? floor(low * 10.0) / 10.0 : 0.0;
}

/* -- rounds -- */

static double percent(size_t part, size_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0.0;
}

static void put_rounds(vs_buf *b, const vs_report *r)
{
    if (!r->n_rounds) return;
    vs_buf_str(
        b, "<h2>Samples per round</h2>\n<div class=\"scroll\"><table><thead><tr><th>Round</th><th "
           "class=\"n\">Drawn</th>"
           "<th class=\"n\">Unique</th><th class=\"n\">Right</th><th class=\"n\">Not gradable</th>"
           "<th class=\"n\">Truncated</th><th class=\"n\">Newly solved</th><th class=\"n\">Never "
           "solved</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < r->n_rounds; i++) {
        const vs_round_stats *x = &r->round[i];
        const double right = percent(x->n_right, x->n_drawn);
        vs_buf_str(b, "<tr><th>");
        vs_page_text(b, x->set);
        vs_buf_printf(b, "</th><td class=\"n\">%zu</td><td class=\"n\">%.1f %%</td>", x->n_drawn,
                      percent(x->n_unique, x->n_drawn));
        vs_buf_printf(b,
                      "<td class=\"n\"><span class=\"meter\"><i "
                      "style=\"width:%.1f%%\"></i></span>%.1f %%</td>",
                      right, right);
        vs_buf_printf(b,
                      "<td class=\"n\">%zu</td><td class=\"n\">%zu</td><td class=\"n\">%zu</td><td "
                      "class=\"n\">%zu</td></tr>\n",
                      x->n_ungradable, x->n_truncated, x->n_newly_solved, x->n_never_solved);
    }
    vs_buf_printf(b,
                  "</tbody></table></div>\n<p class=\"note\">Samples of %zu training problems. "
                  "Unique: distinct token sequences of a"
                  " problem. Newly solved: problems with a right sample for the first time; never "
                  "solved: problems without"
                  " one up to and with the round. Truncated: cut by the token limit.</p>\n",
                  r->round[0].n_problems);
}

/* -- examples -- */

static void put_candidate(vs_buf *b, const vs_example_sample *x, const char *role)
{
    static const char *const verdict[] = {"wrong", "right", "not gradable"};
    const int v = x->sample->verdict;

    vs_buf_printf(b, "<div class=\"cand\"><div class=\"meta\"><span class=\"role\">%s</span>",
                  role);
    if (v >= 0 && v <= 2)
        vs_buf_printf(b, "<span class=\"%s\">%s %s</span>", v == 1 ? "right" : "wrong",
                      v == 1 ? "\xe2\x9c\x93" : "\xe2\x9c\x97", verdict[v]);
    if (!isnan(x->score)) vs_buf_printf(b, "<span class=\"num\">score %.3f</span>", x->score);
    vs_buf_str(b, "<span>answer ");
    vs_page_text(b, x->sample->normal && x->sample->normal[0] ? x->sample->normal : "none");
    vs_buf_printf(b, ", given %zu time%s</span></div><pre>", x->n_same, x->n_same == 1 ? "" : "s");
    vs_page_text(b, x->sample->text);
    vs_buf_str(b, "</pre></div>\n");
}

static void put_examples(vs_buf *b, const vs_report *r)
{
    if (!r->n_examples) return;
    vs_buf_str(b, "<h2>Examples</h2>\n<p>Test problems on which the final generator\xe2\x80\x99s "
                  "candidates disagree: the first ones of"
                  " each kind, not the best-looking. A score is what the verifier says of the "
                  "whole solution: DPO\xe2\x80\x99s its log-prob.</p>\n");
    for (size_t i = 0; i < r->n_examples; i++) {
        const vs_example_problem *e = &r->example[i];
        vs_buf_printf(b, "<section class=\"example\"><h3>%s</h3><div class=\"q\">", e->why);
        vs_page_text(b, e->problem->question);
        vs_buf_str(b, "</div><div class=\"soft\">Right answer ");
        vs_page_text(b, e->problem->gold);
        vs_buf_printf(b, "; %zu of %zu candidates are right.</div>\n", e->n_right, e->n_candidates);
        for (size_t j = 0; j < e->n_shown; j++) put_candidate(b, &e->shown[j], e->role[j]);
        vs_buf_str(b, "</section>\n");
    }
}

/* -- the page -- */

static void put_row(vs_buf *b, const char *name, const char *text, const char *class)
{
    vs_buf_str(b, "<tr><th>");
    vs_page_text(b, name);
    vs_buf_printf(b, "</th><td class=\"%s\">", class);
    vs_page_text(b, text);
    vs_buf_str(b, "</td></tr>\n");
}

static void put_recipe(vs_buf *b, const vs_report *r)
{
    vs_buf_str(b, "<h2>What ran</h2>\n<div class=\"scroll\"><table><tbody>\n");
    for (size_t i = 0; i < r->n_notes; i++) put_row(b, r->note[i].name, r->note[i].text, "soft");
    for (size_t i = 0; i < r->n_hashes; i++) put_row(b, r->hash[i].name, r->hash[i].hex, "hash");
    vs_buf_str(b, "</tbody></table></div>\n<p class=\"note\">SHA-256 of contents: equal "
                  "hashes, equal numbers.</p>\n");
    if (!r->recipe) return;
    vs_buf_str(
        b, "<details><summary>The recipe, every value written out</summary><pre class=\"recipe\">");
    vs_page_text(b, r->recipe);
    vs_buf_str(b, "</pre></details>\n");
}

static void put_head(vs_buf *b, const vs_report *r, const char *title)
{
    vs_page_open(b, title, "report");
    vs_buf_printf(b,
                  "<p class=\"soft\">V-STaR (arXiv 2402.06457): a generator that learns from "
                  "its own right answers, a verifier that"
                  " learns from right against wrong. %zu test problems, up to %u candidates "
                  "each.</p></header>\n",
                  r->test.n, (unsigned)largest_k(r, UINT32_MAX));
}

vs_status vs_report_page(vs_buf *out, const vs_report *r, vs_error *err)
{
    put_head(out, r, r->name ? r->name : "A run");
    if (r->n_metrics) {
        put_tiles(out, r);
        put_table(out, r);
        put_differences(out, r);
        put_curves(out, r);
    } else {
        vs_buf_str(out,
                   "<p>This run has no results yet: its evaluation has not been reached.</p>\n");
    }
    put_rounds(out, r);
    put_training(out, r);
    put_examples(out, r);
    put_recipe(out, r);
    vs_page_data(out, " from run.db alone.");
    put_systems_json(out, r);
    put_train_json(out, r);
    vs_buf_printf(out, ",\n\"floor\":%.2f", axis_floor(r));
    vs_page_close(out, "report/report.js");
    return vs_buf_ok(out, "report", err);
}
