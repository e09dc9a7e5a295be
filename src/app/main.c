/* main.c - the verbs, the one exit code list, and what signals mean. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "base/progress.h"
#include "base/stop.h"
#include "base/threads.h"

static const struct verb {
    const char *name, *about;
    vs_verb_fn run;
    bool resumes; /* the same command goes on where it was stopped */
} verbs[] = {
    {"demo", "the whole loop on built-in problems, minutes on two cores, ends in report.html",
     vs_verb_demo, true},
    {"run", "start or resume a run from a recipe", vs_verb_run, true},
    {"compare", "several systems over several seeds, with paired differences", vs_verb_compare,
     true},
    {"status", "where a run stands", vs_verb_status, false},
    {"report", "a run's report as one HTML file", vs_verb_report, false},
    {"ask", "answer a new question with a run's generator and verifier", vs_verb_ask, false},
    {"export", "a run's generator, verifier, data sets or pairs", vs_verb_export, false},
    {"regrade", "grade a run's stored samples again; which labels flip", vs_verb_regrade, false},
    {"audit", "where graders disagree about a run's stored samples", vs_verb_audit, false},
    {"import", "a GGUF file becomes a Hugging Face folder", vs_verb_import, false},
    {"inspect", "a model, a data file or a run, explained", vs_verb_inspect, false},
    {"tokenize", "texts to token ids, and back", vs_verb_tokenize, false},
    {"logprobs", "log-probabilities of completions", vs_verb_logprobs, false},
    {"generate", "sample completions of prompts", vs_verb_generate, false},
    {"rank", "score and order candidates", vs_verb_rank, false},
    {"grade", "right, wrong or not gradable", vs_verb_grade, false},
    {"metrics", "Pass@k, Best-of-k, Maj@k, weighted vote, with intervals", vs_verb_metrics, false},
    {"train", "train sft | dpo | orm on files, without a run", vs_verb_train, true},
    {"bench", "how fast the engine is, against this machine's peak", vs_verb_bench, false},
};
enum { N_VERBS = sizeof verbs / sizeof *verbs };

static volatile sig_atomic_t stopped_by; /* the first signal that asked to stop; 0: none */

/* Asks the work to save and stop; asked twice, the program ends at once. */
static void on_stop(int signal_number)
{
    static const char text[] =
        "\nvstar: stopping; finished work is saved (a second signal stops at once)\n";

    if (vs_stop_wanted()) _exit(128 + signal_number);
    stopped_by = signal_number;
    vs_stop_request();
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
}

/* SIGINT from a terminal, SIGTERM from schedulers and `timeout`, SIGHUP from a terminal that closes (left alone under
 * nohup). A file past its size limit is an error of its write, not the end of the program. */
static void watch_signals(void)
{
    static const int stopping[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_stop, .sa_flags = SA_RESTART}, before;

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof stopping / sizeof *stopping; i++) {
        const bool is_nohup = stopping[i] == SIGHUP && sigaction(SIGHUP, NULL, &before) == 0 &&
                              before.sa_handler == SIG_IGN;
        if (!is_nohup) sigaction(stopping[i], &action, NULL);
    }
    signal(SIGXFSZ, SIG_IGN);
}

static void print_verbs(FILE *out)
{
    fputs("usage: vstar VERB [options]       vstar VERB --help shows a worked example of each\n\n",
          out);
    for (size_t i = 0; i < N_VERBS; i++)
        fprintf(out, "  %-10s %s\n", verbs[i].name, verbs[i].about);
    fputs(
        "\nData goes to standard output, everything else to standard error.\n"
        "Exit code: 0 done, 1 failed, 2 wrong usage, 128 + N stopped by signal N (130: Ctrl-C).\n",
        out);
}

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < N_VERBS; i++)
        if (strcmp(verbs[i].name, name) == 0) return &verbs[i];
    return NULL;
}

static int unknown_verb(const char *name)
{
    const char *names[N_VERBS];

    for (size_t i = 0; i < N_VERBS; i++) names[i] = verbs[i].name;
    const char *near = vs_nearest(name, names, N_VERBS);
    if (near)
        fprintf(stderr, "vstar: unknown verb '%.60s'; did you mean %s?\n", name, near);
    else
        fprintf(stderr, "vstar: unknown verb '%.60s'; see vstar --help\n", name);
    return 2;
}

/* VSTAR_THREADS holds for every verb; --threads overrides it. */
static vs_status threads_from_environment(vs_error *err)
{
    const char *text = getenv("VSTAR_THREADS");
    uint64_t n = 0;

    if (!text || !text[0]) return VS_OK;
    if (!vs_parse_u64(&n, text) || n < 1 || n > 4096)
        return VS_FAIL(err, VS_E_USAGE, "VSTAR_THREADS: found '%.60s', expected 1 to 4096", text);
    vs_threads_set((size_t)n);
    return VS_OK;
}

static int finish(const struct verb *verb, vs_status st, const vs_error *err)
{
    vs_progress_output(NULL);
    if (fflush(stdout) != 0 && st == VS_OK) {
        fprintf(stderr, "vstar %s: standard output cannot be written\n", verb->name);
        return 1;
    }
    if (st == VS_OK) return 0;
    fprintf(stderr, "vstar %s: %s%s\n", verb->name, err->text,
            st == VS_E_STOPPED && verb->resumes ? "; run the same command to go on" : "");
    if (st == VS_E_STOPPED && stopped_by) return 128 + stopped_by;
    return st == VS_E_USAGE ? 2 : 1;
}

static int run_verb(const struct verb *verb, int argc, char **argv)
{
    vs_error err = {.code = VS_OK};

    watch_signals();
    vs_progress_output(stderr);
    vs_status st = threads_from_environment(&err);
    if (st == VS_OK) st = verb->run(argc, argv, &err);
    return finish(verb, st, &err);
}

static bool is_one_of(const char *text, const char *a, const char *b)
{
    return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

int main(int argc, char **argv)
{
    static char help[] = "--help";
    const bool asks_verb = argc > 2 && strcmp(argv[1], "help") == 0; /* vstar help VERB */

    if (argc < 2) {
        print_verbs(stderr);
        return 2;
    }
    if (!asks_verb && (is_one_of(argv[1], "--help", "-h") || strcmp(argv[1], "help") == 0)) {
        print_verbs(stdout);
        return 0;
    }
    if (is_one_of(argv[1], "--version", "-V")) {
        puts("vstar " VSTAR_VERSION);
        return 0;
    }
    const char *name = argv[asks_verb ? 2 : 1];
    const struct verb *verb = find_verb(name);
    if (!verb) return unknown_verb(name);
    if (asks_verb) return run_verb(verb, 2, (char *[]){argv[2], help, NULL});
    return run_verb(verb, argc - 1, argv + 1);
}
