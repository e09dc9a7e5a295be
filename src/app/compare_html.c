/* compare_html.c - a comparison as one page: results, claims, curves, rounds, calibration. */
#include "app/compare.h"
#include "app/page.h"

static void put_cell(vs_buf *b, const vs_interval *p)
{
    if (p)
        vs_buf_printf(b, "<td class=\"n\">%.1f<small>%.1f&ndash;%.1f</small></td>", 100 * p->value,
                      100 * p->low, 100 * p->high);
    else
        vs_buf_str(b, "<td class=\"n\">&ndash;</td>");
}

static void put_results(vs_buf *b, const vs_comparison *c)
{
    vs_buf_printf(b,
                  "<h2>Results</h2>\n<div class=\"scroll\"><table><thead><tr><th>System</th>"
                  "<th class=\"n\">Pass@1</th><th class=\"n\">Maj@%zu</th>"
                  "<th class=\"n\">Best-of-%zu</th><th class=\"n\">Weighted vote</th>"
                  "<th class=\"n\">Pass@%zu</th></tr></thead><tbody>\n",
                  c->headline_k, c->headline_k, c->headline_k);
    for (size_t i = 0; i < c->n_lines; i++) {
        const vs_compare_line *l = &c->line[i];
        vs_buf_str(b, "<tr><th>");
        vs_page_text(b, l->name);
        vs_buf_str(b, "</th>");
        put_cell(b, vs_compare_point(l, VS_CURVE_PASS, 1));
        put_cell(b, vs_compare_point(l, VS_CURVE_MAJORITY, c->headline_k));
        put_cell(b, vs_compare_point(l, VS_CURVE_BEST_OF, c->headline_k));
        put_cell(b, vs_compare_point(l, VS_CURVE_WEIGHTED, c->headline_k));
        put_cell(b, vs_compare_point(l, VS_CURVE_PASS, c->headline_k));
        vs_buf_str(b, "</tr>\n");
    }
    vs_buf_printf(b,
                  "</tbody></table></div>\n<p class=\"note\">Per cent of %zu test problems in each "
                  "of %zu seeds, mean over seeds; below, the 95 %% interval over seeds and "
                  "problems.</p>\n",
                  c->n_problems, c->suite->n_seeds);
}

static void put_claims(vs_buf *b, const vs_comparison *c)
{
    static const char *const mark[3] = {"right", "wrong", "soft"};

    if (!c->n_claims) return;
    vs_buf_str(b, "<h2>Claims</h2>\n<div class=\"scroll\"><table><thead><tr><th>Claim</th>"
                  "<th class=\"n\">k</th><th class=\"n\">Difference, points</th><th>Each "
                  "seed</th><th></th></tr></thead><tbody>\n");
    for (size_t i = 0; i < c->n_claims; i++) {
        const vs_compare_claim *x = &c->claim[i];
        vs_buf_str(b, "<tr><th>");
        vs_page_text(b, x->claim->name);
        if (x->is_missing) {
            vs_buf_printf(b,
                          "</th><td class=\"n\">%u</td><td></td><td></td><td class=\"soft\">not "
                          "measured</td></tr>\n",
                          x->k);
            continue;
        }
        vs_buf_printf(b,
                      "</th><td class=\"n\">%u</td><td class=\"n\">%+.1f<small>%+.1f to "
                      "%+.1f</small></td><td class=\"soft num\">",
                      x->k, 100 * x->difference.value, 100 * x->difference.low,
                      100 * x->difference.high);
        for (size_t g = 0; g < c->suite->n_seeds; g++) vs_buf_printf(b, "%+.1f ", 100 * x->seed[g]);
        vs_buf_printf(b, "</td><td class=\"%s\">%s</td></tr>\n", mark[x->held],
                      vs_held_name[x->held]);
    }
    vs_buf_str(b, "</tbody></table></div>\n<p class=\"note\">Paired: the same problems under both "
                  "systems. Held: the 95 % interval lies above 0; undecided: it holds 0.</p>\n");
}

static void put_plot(vs_buf *b, const char *id, const char *title, const char *caption)
{
    vs_buf_printf(b,
                  "<figure><h3>%s</h3><div class=\"plot tall\"><canvas id=\"%s\"></canvas></div>"
                  "<figcaption>%s</figcaption></figure>\n",
                  title, id, caption);
}

static void put_calibration(vs_buf *b, const vs_comparison *c)
{
    vs_buf_str(b, "<h2>Verifiers</h2>\n<div class=\"scroll\"><table><thead><tr><th>Run, its "
                  "verifier</th><th class=\"n\">AUC within problems</th><th class=\"n\">Brier</th>"
                  "<th class=\"n\">of the base rate</th><th class=\"n\">Score with length</th>"
                  "<th class=\"n\">Right with length</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < c->n_runs; i++) {
        const vs_calibration *x = &c->run[i].calibration;
        if (!c->run[i].is_calibrated) continue;
        vs_buf_str(b, "<tr><th>");
        vs_page_text(b, c->run[i].slug);
        vs_buf_str(b, ", ");
        vs_page_text(b, c->run[i].verifier);
        vs_buf_printf(
            b,
            "</th><td class=\"n\">%.3f</td><td class=\"n\">%.4f</td><td "
            "class=\"n\">%.4f</td><td class=\"n\">%+.2f</td><td class=\"n\">%+.2f</td></tr>\n",
            x->auc, x->brier, x->brier_base, x->score_length, x->right_length);
    }
    vs_buf_str(b,
               "</tbody></table></div>\n<p class=\"note\">AUC: how often a right candidate of a "
               "problem scores above a wrong one. Brier: mean square error of the score as a "
               "probability, after a logistic fit on the other half of the problems. Correlations "
               "within problems.</p>\n");
}

static void put_curves_json(vs_buf *b, const vs_comparison *c)
{
    bool is_first = true;

    vs_buf_str(b, "\"curves\":[");
    for (size_t i = 0; i < c->n_lines; i++) {
        const vs_compare_curve *x = &c->line[i].curve[VS_CURVE_BEST_OF];
        if (!x->n) continue;
        vs_buf_str(b, is_first ? "\n{\"name\":" : ",\n{\"name\":");
        is_first = false;
        vs_page_string(b, c->line[i].name);
        vs_buf_str(b, ",\"points\":[");
        for (size_t k = 0; k < x->n; k++)
            vs_buf_printf(b, "%s[%u,%.6f]", k ? "," : "", x->ks[k], x->point[k].value);
        vs_buf_str(b, "]}");
    }
    vs_buf_str(b, "]");
}

static void put_runs_json(vs_buf *b, const vs_comparison *c)
{
    vs_buf_str(b, ",\"runs\":[");
    for (size_t i = 0; i < c->n_runs; i++) {
        const vs_compare_run *r = &c->run[i];
        vs_buf_str(b, i ? ",\n{\"name\":" : "\n{\"name\":");
        vs_page_string(b, r->slug);
        vs_buf_str(b, ",\"rounds\":[");
        for (size_t t = 0; t < r->n_rounds; t++)
            vs_buf_printf(b, "%s[%zu,%.6f]", t ? "," : "", t + 1, r->round[t]);
        vs_buf_str(b, "],\"bins\":[");
        for (size_t k = 0, n = 0; r->is_calibrated && k < VS_CALIBRATION_BINS; k++) {
            if (!r->calibration.bin[k].n) continue;
            vs_buf_printf(b, "%s[%.6f,%.6f,%zu]", n++ ? "," : "", r->calibration.bin[k].p,
                          r->calibration.bin[k].right, r->calibration.bin[k].n);
        }
        vs_buf_str(b, "]}");
    }
    vs_buf_str(b, "]");
}

vs_status vs_comparison_page(vs_buf *b, const vs_comparison *c, vs_error *err)
{
    vs_page_open(b, c->suite->name, "comparison");
    vs_buf_printf(b,
                  "<p class=\"soft\">%zu systems over %zu seeds, %zu runs a seed; %zu test "
                  "problems in each.</p></header>\n",
                  c->n_lines, c->suite->n_seeds, c->n_runs, c->n_problems);
    put_results(b, c);
    put_claims(b, c);
    vs_buf_str(b, "<h2>Curves</h2>\n<div class=\"charts\">\n");
    put_plot(b, "best-of", "Best-of-k", "Expected share right of the best-scored of k candidates.");
    put_plot(b, "rounds", "Rounds", "Right samples of each round on training problems.");
    put_plot(b, "reliability", "Reliability",
             "Share of right candidates among those whose score means a chance of about so much.");
    vs_buf_str(b, "</div>\n");
    put_calibration(b, c);
    vs_page_data(b, "");
    put_curves_json(b, c);
    put_runs_json(b, c);
    vs_page_close(b, "report/compare.js");
    return vs_buf_ok(b, "comparison", err);
}
