/* main.c - the verbs, the one exit code list, and what SIGINT means. */
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
} verbs[] = {
    {"demo", "the whole loop on built-in problems, minutes on two cores, ends in report.html",
     vs_verb_demo},
    {"run", "start or resume a run from a recipe", vs_verb_run},
    {"compare", "several systems over several seeds, with paired differences", vs_verb_compare},
    {"status", "where a run stands", vs_verb_status},
    {"report", "a run's report as one HTML file", vs_verb_report},
    {"ask", "answer a new question with a run's generator and verifier", vs_verb_ask},
    {"export", "a run's generator, verifier, data sets or pairs", vs_verb_export},
    {"regrade", "grade a run's stored samples again; which labels flip", vs_verb_regrade},
    {"audit", "where graders disagree about a run's stored samples", vs_verb_audit},
    {"import", "a GGUF file becomes a Hugging Face folder", vs_verb_import},
    {"inspect", "a model, a data file or a run, explained", vs_verb_inspect},
    {"tokenize", "texts to token ids, and back", vs_verb_tokenize},
    {"logprobs", "log-probabilities of completions", vs_verb_logprobs},
    {"generate", "sample completions of prompts", vs_verb_generate},
    {"rank", "score and order candidates", vs_verb_rank},
    {"grade", "right, wrong or not gradable", vs_verb_grade},
    {"metrics", "Pass@k, Best-of-k, Maj@k, weighted vote, with intervals", vs_verb_metrics},
    {"train", "train sft | dpo | orm on files, without a run", vs_verb_train},
    {"bench", "how fast the engine is, against this machine's peak", vs_verb_bench},
};
enum { N_VERBS = sizeof verbs / sizeof *verbs };

static void on_interrupt(int signal_number)
{
    static const char text[] =
        "\nvstar: stopping; finished work is saved (Ctrl-C again stops at once)\n";

    (void)signal_number;
    if (vs_stop_wanted()) _exit(130);
    vs_stop_request();
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
}

static void watch_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};

    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, NULL);
}

static void print_verbs(FILE *out)
{
    fputs("usage: vstar VERB [options]       vstar VERB --help shows a worked example of each\n\n",
          out);
    for (size_t i = 0; i < N_VERBS; i++)
        fprintf(out, "  %-10s %s\n", verbs[i].name, verbs[i].about);
    fputs("\nData goes to standard output, everything else to standard error.\n"
          "Exit code: 0 done, 1 failed, 2 wrong usage.\n",
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

static int finish(const char *verb, vs_status st, const vs_error *err)
{
    vs_progress_output(NULL);
    if (fflush(stdout) != 0 && st == VS_OK) {
        fprintf(stderr, "vstar %s: standard output cannot be written\n", verb);
        return 1;
    }
    if (st == VS_OK) return 0;
    fprintf(stderr, "vstar %s: %s\n", verb, err->text);
    return st == VS_E_USAGE ? 2 : 1;
}

int main(int argc, char **argv)
{
    vs_error err = {.code = VS_OK};

    if (argc < 2) {
        print_verbs(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_verbs(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("vstar " VSTAR_VERSION);
        return 0;
    }
    const struct verb *verb = find_verb(argv[1]);
    if (!verb) return unknown_verb(argv[1]);
    watch_interrupts();
    vs_progress_output(stderr);
    vs_status st = threads_from_environment(&err);
    if (st == VS_OK) st = verb->run(argc - 1, argv + 1, &err);
    return finish(verb->name, st, &err);
}
