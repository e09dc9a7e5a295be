#include "vs_test.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "flow/loop/recipe.h"

static vs_status parse(vs_recipe *r, const char *text, vs_error *err)
{
    return vs_recipe_parse(r, text, strlen(text), "x.yaml", err);
}

static void read_text(vs_recipe *r, const char *text)
{
    vs_error err;

    CHECK_OK(parse(r, text, &err));
}

/* malloc'd */
static char *written(const vs_recipe *r)
{
    vs_error err;
    vs_buf b = {0};

    CHECK_OK(vs_recipe_write(&b, r, &err));
    return b.data;
}

TEST(recipe, has_the_papers_settings_by_default)
{
    vs_recipe r;

    vs_recipe_defaults(&r);
    CHECK(r.rounds == 3 && r.sample.k == 16 && r.eval.n == 128 && r.sft_first_epochs == 2);
    CHECK(r.gen_data.cap == 0 && !r.gen_data.dedupe && r.ver_data.dedupe && r.eval.baselines);
    CHECK(r.sft.lr == 2e-5 && r.dpo.lr == 1e-5 && r.dpo.beta == 0.1 && r.sft.beta == 0);
    CHECK(r.sft.schedule == VS_COSINE && r.dpo.schedule == VS_LINEAR && r.dpo.warmup == 150);
    CHECK(r.sft.lora.rank == 16 && r.sft.lora.alpha == 32 && r.sft.lora.targets == 0x7f);
    CHECK(r.problems.train_file == NULL && r.sample.n_stop == 0);
    CHECK_STR(r.problems.prompt, "{question}\n");
    vs_recipe_free(&r);
}

TEST(recipe, reads_each_type_of_value)
{
    vs_recipe r;

    read_text(
        &r,
        "name: 17\nseed: 18446744073709551615\nsample:\n  temperature: 0\n  stop: [\"\\n\\n\", "
        "'Q:']\n"
        "gen_data: {dedupe: texts}\nproblems:\n  train_file: a b.jsonl\n  prompt: 'Q: {question}'\n"
        "sft:\n  lora:\n    rank: 4\n    targets: [v_proj, q_proj]\n  lr: 1e-3\n"
        "dpo: {pairs: sampled(5), schedule: constant}\n");
    CHECK_STR(r.name, "17");
    CHECK(r.seed == UINT64_MAX && r.sample.temperature == 0 && r.gen_data.dedupe == 1);
    CHECK(r.sample.n_stop == 2);
    CHECK_STR(r.sample.stop[0], "\n\n");
    CHECK_STR(r.sample.stop[1], "Q:");
    CHECK_STR(r.problems.train_file, "a b.jsonl");
    CHECK(r.sft.lora.rank == 4 && r.sft.lora.targets == (1u << VS_Q | 1u << VS_V) &&
          r.sft.lr == 1e-3);
    CHECK(r.dpo.lora.rank == 16 && r.dpo.sampled_pairs == 5 && r.dpo.schedule == VS_CONSTANT);
    vs_recipe_free(&r);
    read_text(&r, "problems: {train_file: null}\ndpo: {pairs: all}\n");
    CHECK(r.problems.train_file == NULL && r.dpo.sampled_pairs == 0);
    vs_recipe_free(&r);
}

TEST(recipe, refuses_what_it_does_not_know_with_line_key_found_and_expected)
{
    static const struct {
        const char *text, *at, *found, *expected;
    } bad[] = {
        {"", "x.yaml", "no keys", "a recipe"},
        {"# only a comment\n", "x.yaml", "no keys", "a recipe"},
        {"just text\n", "x.yaml:1", "a value", "keys"},
        {"- a\n- b\n", "x.yaml:1", "a list", "keys"},
        {"name: a\nsampel:\n  k: 3\n", "x.yaml:2", "sampel",
         "name, seed, base, compute, rounds, grader, grader_command, grader_timeout, weak_sandbox, "
         "problems, sample"},
        {"sample:\n  k: 3\n  temprature: 1\n", "x.yaml:3", "temprature", "k, temperature, top_p"},
        {"sft:\n  lora:\n    r: 8\n", "x.yaml:3", "unknown key r",
         "rank, alpha, targets in sft.lora"},
        {"sft.lr: 1e-3\n", "x.yaml:1", "sft.lr", "name, seed"},
        {"dpo: {first_epochs: 3}\n", "x.yaml:1", "first_epochs", "lr, lr_end"},
        {"sft: {beta: 0.1}\n", "x.yaml:1", "unknown key beta", "lr, lr_end"},
        {"sample:\n  k: many\n", "x.yaml:2: sample.k", "many", "an integer from 1 to 65536"},
        {"sample:\n  k: \"16\"\n", "x.yaml:2: sample.k", "the text \"16\"", "an integer"},
        {"sample:\n  k: 0\n", "x.yaml:2: sample.k", "found 0", "from 1 to"},
        {"sample:\n  k: -3\n", "sample.k", "-3", "from 1 to"},
        {"sample:\n  k: 1.5\n", "sample.k", "1.5", "an integer"},
        {"sample:\n  k: 99999999999999999999\n", "sample.k", "9999", "an integer"},
        {"sample:\n  k:\n", "x.yaml:2: sample.k", "nothing", "an integer"},
        {"sample:\n  k: [1, 2]\n", "x.yaml:2: sample.k", "a list", "an integer"},
        {"sample:\n  k: {a: 1}\n", "x.yaml:2: sample.k", "a section", "an integer"},
        {"sample: 5\n", "x.yaml:1: sample", "a value", "a section of keys"},
        {"sample:\n", "x.yaml:1: sample", "a value", "a section of keys"},
        {"seed: 18446744073709551616\n", "seed", "18446744073709551616", "2^64 - 1"},
        {"sft:\n  lr: nan\n", "x.yaml:2: sft.lr", "nan", "a number from 0 to 100"},
        {"sft:\n  lr: 0x10\n", "sft.lr", "0x10", "a number"},
        {"sft:\n  lr: 1e999\n", "sft.lr", "1e999", "a number"},
        {"sample:\n  top_p: 1.01\n", "sample.top_p", "1.01", "to 1"},
        {"gen_data:\n  dedupe: true\n", "x.yaml:2: gen_data.dedupe", "true",
         "none, texts or equations"},
        {"ver_data:\n  dedupe: yes\n", "x.yaml:2: ver_data.dedupe", "yes", "true or false"},
        {"sft:\n  schedule: step\n", "sft.schedule", "step", "constant, linear or cosine"},
        {"dpo:\n  pairs: sampled(0)\n", "dpo.pairs", "sampled(0)", "all or sampled(m)"},
        {"dpo:\n  pairs: sampled(3\n", "dpo.pairs", "sampled(3", "all or sampled(m)"},
        {"dpo:\n  pairs: sampled()\n", "dpo.pairs", "sampled()", "all or sampled(m)"},
        {"problems:\n  source: gsm\n", "x.yaml:2: problems.source", "found gsm",
         "bags, hard or addition"},
        {"problems:\n  source: or\n", "problems.source", "found or", "gsm8k"},
        {"grader: exact\n", "x.yaml:1: grader", "exact", "arithmetic"},
        {"name: null\n", "x.yaml:1: name", "null", "a text"},
        {"sft:\n  lora:\n    targets: [q_proj, w_proj]\n", "x.yaml:3: sft.lora.targets", "w_proj",
         "q_proj, k_proj"},
        {"sft:\n  lora:\n    targets: []\n", "sft.lora.targets", "an empty list", "all or a list"},
        {"sft:\n  lora:\n    targets: q_proj\n", "sft.lora.targets", "q_proj", "all or a list"},
        {"sample:\n  stop: end\n", "x.yaml:2: sample.stop", "end", "a list"},
        {"sample:\n  stop: [a, [b]]\n", "sample.stop", "a list in a list", "a text"},
        {"sample:\n  stop: ['']\n", "sample.stop", "an empty text", "a list"},
        {"sample:\n  stop: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]\n", "sample.stop",
         "more than 16", "at most"},
        {"name: a\nseed: 1\nname: b\n", "x.yaml:3: name", "a second time", "line 1"},
        {"sft: {lr: 1}\nsft: {lr: 2}\n", "x.yaml:2: sft.lr", "a second time", "line 1"},
        {"name: &a b\nbase: *a\n", "x.yaml:2: base", "an alias", "a text"},
        {"sample: {k: !!int 3}\n", "sample.k", "a tagged value", "an integer"},
        {"name: \"a\\0b\"\n", "name", "a value", "a text"},
        {"? [a]\n: b\n", "x.yaml:1", "a list", "a key"},
        {"name: a\n---\nname: b\n", "x.yaml:2", "a second document", "one"},
        {"name: a\n  seed: [\n", "x.yaml:2", "not YAML", "key: value"},
        {"name: a\nsample: {k: 3\n", "x.yaml:", "not YAML", "key: value"},
        {"name: a\nbase: \xff\xfe\n", "x.yaml:2", "not YAML", "key: value"},
        {"name: a\n\tk: 3\n", "x.yaml:2", "not YAML", "key: value"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        vs_error err = {0};
        vs_recipe r = {.seed = 77};

        if (parse(&r, bad[i].text, &err) == VS_OK) fail_msg("accepted: %s", bad[i].text);
        if (!strstr(err.text, bad[i].at) || !strstr(err.text, bad[i].found) ||
            !strstr(err.text, bad[i].expected) || !strstr(err.text, "found") ||
            !strstr(err.text, "expected"))
            fail_msg("unclear for %s: %s", bad[i].text, err.text);
        CHECK(r.seed == 77); /* nothing is handed over on failure */
    }
}

TEST(recipe, names_a_missing_file_and_refuses_a_huge_one)
{
    vs_error err;
    vs_recipe r;
    char path[400], *text = malloc(2 << 20);

    snprintf(path, sizeof path, "%s/r.yaml", vs_test_dir());
    CHECK(vs_recipe_read(&r, path, &err) == VS_E_IO && strstr(err.text, path));
    memset(text, '#', 2 << 20);
    CHECK_OK(vs_file_replace(path, text, 2 << 20, &err));
    CHECK(vs_recipe_read(&r, path, &err) == VS_E_LIMIT && strstr(err.text, path));
    free(text);
}

TEST(recipe, sets_keys_by_dotted_name_with_the_files_types_and_ranges)
{
    vs_error err;
    vs_recipe r;

    vs_recipe_defaults(&r);
    CHECK_OK(vs_recipe_set(&r, "sft.lr=1e-3", "--set", &err));
    CHECK_OK(vs_recipe_set(&r, "sft.lora.targets=[q_proj]", "--set", &err));
    CHECK_OK(vs_recipe_set(&r, "sample.stop=[a, \"b=c\"]", "--set", &err));
    CHECK_OK(vs_recipe_set(&r, "problems.prompt=Q: {question}\nA: ", "--set", &err));
    CHECK_OK(vs_recipe_set(&r, "problems.test_file=x.jsonl", "--set", &err));
    CHECK_OK(vs_recipe_set(&r, "problems.train_file=", "--set", &err));
    CHECK_OK(vs_recipe_set(&r, "sft.first_epochs=9", "--set", &err));
    CHECK(r.sft.lr == 1e-3 && r.sft.lora.targets == 1u && r.sample.n_stop == 2 &&
          r.sft_first_epochs == 9);
    CHECK_STR(r.sample.stop[1], "b=c");
    CHECK_STR(r.problems.prompt, "Q: {question}\nA: ");
    CHECK_STR(r.problems.test_file, "x.jsonl");
    CHECK_OK(vs_recipe_set(&r, "sample.stop=[]", "--set", &err));
    CHECK(r.sample.n_stop == 0);
    CHECK(vs_recipe_set(&r, "sft.lr=fast", "--set", &err) == VS_E_INPUT);
    CHECK_STR(err.text, "--set: sft.lr: found fast, expected a number from 0 to 100");
    CHECK(vs_recipe_set(&r, "sft=3", "--set", &err) == VS_E_INPUT &&
          strstr(err.text, "unknown key sft"));
    CHECK(vs_recipe_set(&r, "lr=3", "--set", &err) == VS_E_INPUT && strstr(err.text, "name, seed"));
    CHECK(vs_recipe_set(&r, "sft.lr", "--set", &err) == VS_E_INPUT &&
          strstr(err.text, "key=value"));
    CHECK(vs_recipe_set(&r, "sample.stop=[a", "--set", &err) == VS_E_FORMAT &&
          strstr(err.text, "--set"));
    CHECK(vs_recipe_set(&r, "name=\xff", "--set", &err) == VS_E_INPUT && strstr(err.text, "UTF-8"));
    CHECK(r.sft.lr == 1e-3 && r.sample.n_stop == 0);
    CHECK(vs_recipe_set(&r, "sample.stop=[a] b", "--set", &err) == VS_E_FORMAT);
    vs_recipe_free(&r);
}

TEST(recipe, sets_a_trainers_own_keys_alone)
{
    vs_error err;
    vs_train_options o = {0};

    CHECK_OK(vs_train_options_set(&o, "sft", "lr=1e-3", &err));
    CHECK_OK(vs_train_options_set(&o, "dpo", "beta=0.25", &err));
    CHECK_OK(vs_train_options_set(&o, "dpo", "lora.rank=8", &err));
    CHECK_OK(vs_train_options_set(&o, "dpo", "lora.targets=[v_proj]", &err));
    CHECK(o.lr == 1e-3 && o.beta == 0.25 && o.lora.rank == 8 && o.lora.targets == 1u << VS_V);
    CHECK(vs_train_options_set(&o, "sft", "beta=0.25", &err) == VS_E_INPUT);
    CHECK(vs_train_options_set(&o, "sft", "first_epochs=3", &err) == VS_E_INPUT);
    CHECK(vs_train_options_set(&o, "sft", "sample.k=3", &err) == VS_E_INPUT);
}

TEST(recipe, reads_back_what_it_writes)
{
    vs_error err;
    vs_recipe r, again;
    char *first, *second;

    read_text(&r,
              "name: \"tab\\t quote\\\" back\\\\ \\x7f \\u2028 \\u0085 \\U0001F600 "
              "\xc3\xa9\"\nseed: 12345678901234567890\n"
              "sample: {temperature: 0.1, top_p: 0.30000000000000004, stop: [\"a, b]\", \"\\n\"]}\n"
              "sft: {eps: 1.2345678901234567e-9, lora: {targets: [k_proj, down_proj]}}\n"
              "dpo: {pairs: sampled(12), schedule: cosine}\nproblems: {sft_file: null, test_file: "
              "'null'}\n");
    first = written(&r);
    CHECK_OK(parse(&again, first, &err));
    second = written(&again);
    CHECK_STR(first, second);
    CHECK_STR(r.name, again.name);
    CHECK_STR(again.problems.test_file, "null");
    CHECK(r.seed == again.seed && r.sample.top_p == again.sample.top_p &&
          r.sft.eps == again.sft.eps);
    CHECK_STR(again.sample.stop[0], "a, b]");
    CHECK(again.sft.lora.targets == (1u << VS_K | 1u << VS_DOWN) && again.dpo.sampled_pairs == 12);
    free(first);
    free(second);
    vs_recipe_free(&r);
    vs_recipe_free(&again);
}

TEST(recipe, checks_rules_between_keys)
{
    static const struct {
        const char *set[3], *says;
    } bad[] = {
        {{"base="}, "base: found"},
        {{"name=a/b"}, "name: found"},
        {{"name=.."}, "name: found"},
        {{"problems.prompt=Q: "}, "no {question}"},
        {{"problems.test_file=a"}, "source bags is built in"},
        {{"problems.n_sft=0"}, "both above 0"},
        {{"problems.source=jsonl"}, "problems.train_file: found null"},
        {{"problems.source=gsm8k", "problems.train_file=a"}, "problems.test_file: found null"},
        {{"sft.epochs=0"}, "sft: found epochs 0 and steps 0"},
        {{"dpo.steps=3", "dpo.warmup=4"}, "dpo.warmup: found 4"},
        {{"dpo.max_right=8", "dpo.max_solutions=8"}, "dpo.max_right"},
        {{"dpo.max_right=0", "dpo.max_solutions=1"}, "room for a wrong one"},
        {{"ver_data.cap=1"}, "ver_data.cap"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        vs_error err = {0};
        vs_recipe r;
        vs_status st = VS_OK;

        CHECK_OK(vs_recipe_read(&r, VSTAR_SOURCE_DIR "/recipes/tiny.yaml", &err));
        for (int s = 0; s < 3 && bad[i].set[s] && st == VS_OK; s++)
            st = vs_recipe_set(&r, bad[i].set[s], "--set", &err);
        if (st == VS_OK) st = vs_recipe_check(&r, "r.yaml", &err);
        if (st != VS_E_INPUT || !strstr(err.text, bad[i].says) || !strstr(err.text, "expected"))
            fail_msg("%s: %s", bad[i].set[0], err.text);
        vs_recipe_free(&r);
    }
}

TEST(recipe, reads_and_checks_every_recipe_of_the_project)
{
    static const char *const names[] = {"demo", "demo-hard", "gsm8k", "tiny"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        vs_error err = {0};
        char path[400], first_line[80], *text = NULL;
        size_t len = 0;
        vs_recipe r;

        snprintf(path, sizeof path, VSTAR_SOURCE_DIR "/recipes/%s.yaml", names[i]);
        snprintf(first_line, sizeof first_line, "# vstar run recipes/%s.yaml", names[i]);
        CHECK_OK(vs_file_read(&text, &len, path, 1 << 20, &err));
        CHECK(strncmp(text, first_line, strlen(first_line)) == 0);
        free(text);
        CHECK_OK(vs_recipe_read(&r, path, &err));
        CHECK_OK(vs_recipe_check(&r, path, &err));
        CHECK_STR(r.name, names[i]);
        vs_recipe_free(&r);
    }
}

TEST(recipe, two_differ_by_the_first_key_that_changes_the_result)
{
    static const char free_keys[] =
        "sample: {rows: 7}\nsft: {micro_tokens: 7, keep_mb: 7, checkpoint_steps: 7}\n"
        "dpo: {micro_tokens: 8, keep_mb: 8, checkpoint_steps: 8}\n"
        "orm: {micro_tokens: 9, keep_mb: 9, checkpoint_steps: 9}\n"
        "generative: {micro_tokens: 6, keep_mb: 6.5, checkpoint_steps: 6}\n";
    vs_recipe plain, other;
    vs_buf difference = {0};
    vs_error err;
    char *a, *b;

    read_text(&plain, "sample: {temperature: 1}\n");
    read_text(&other, free_keys);
    CHECK_OK(vs_recipe_difference(&difference, &plain, &plain, &err));
    CHECK(difference.len == 0);
    CHECK_OK(vs_recipe_difference(&difference, &other, &plain, &err));
    CHECK_STR(difference.data, "sample.temperature: found 0.7, expected 1");
    other.sample.temperature = 1;
    CHECK_OK(vs_recipe_difference(&difference, &other, &plain, &err));
    CHECK(difference.len == 0);
    CHECK_OK(vs_recipe_take_free(&plain, &other, &err));
    a = written(&plain);
    b = written(&other);
    CHECK_STR(a, b);
    free(a);
    free(b);
    vs_buf_free(&difference);
    vs_recipe_free(&plain);
    vs_recipe_free(&other);
}

TEST(recipe, has_every_key_in_its_documentation)
{
    const char *path = VSTAR_SOURCE_DIR "/docs/RECIPE.md";
    vs_error err = {0};
    vs_buf tables = {0}, whole = {0};
    char *text = NULL, *mark;
    size_t len = 0;

    CHECK_OK(vs_recipe_document(&tables, &err));
    CHECK_OK(vs_file_read(&text, &len, path, 1 << 20, &err));
    mark = strstr(text, "writes it. -->\n");
    CHECK(mark != NULL);
    mark += strlen("writes it. -->\n");
    if (getenv("VSTAR_WRITE_DOCS")) {
        vs_buf_add(&whole, text, (size_t)(mark - text));
        vs_buf_str(&whole, tables.data);
        CHECK_OK(vs_file_replace(path, whole.data, whole.len, &err));
        vs_buf_free(&whole);
    } else if (strcmp(mark, tables.data) != 0) {
        fail_msg("%s is behind the table of keys; VSTAR_WRITE_DOCS=1 test_recipe writes it", path);
    }
    free(text);
    vs_buf_free(&tables);
}

TEST(recipe, survives_running_out_of_memory_at_any_allocation)
{
    const char *text =
        "name: abc\nsample: {stop: [a, b]}\nsft: {lr: 1e-3, lora: {targets: [q_proj]}}\n";
    long n = 0;

    for (vs_status st = VS_E_NOMEM; st != VS_OK; n++) {
        vs_error err = {0};
        vs_recipe r;

        vs_alloc_fail_after(n);
        st = parse(&r, text, &err);
        vs_alloc_fail_after(-1);
        if (st == VS_OK)
            vs_recipe_free(&r);
        else
            CHECK(st == VS_E_NOMEM);
        CHECK(n < 1000);
    }
    CHECK(n > 8);
}
