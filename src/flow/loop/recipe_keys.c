#include "flow/loop/recipe_keys.h"

#include <stdio.h>
#include <string.h>

#include "flow/answers/metrics.h"

enum {
    IN_RUN = 1,
    IN_PROBLEMS = 2,
    IN_SAMPLE = 4,
    IN_GEN = 8,
    IN_VER = 16,
    IN_SFT_RUN = 32, /* keys of section sft that are no trainer's */
    IN_SFT = 64,
    IN_DPO = 128,
    IN_EVAL = 256,
    IN_RATIONALIZE = 512,
    IN_VERIFIER = 1024,
    IN_ORM = 2048,
    IN_GENERATIVE_RUN = 4096, /* keys of section generative that are no trainer's */
    IN_GENERATIVE = 8192,
    IN_REWARD = 16384,
    IN_TRAINER = IN_SFT | IN_DPO | IN_ORM | IN_GENERATIVE,
    BY_PROBLEM = IN_DPO | IN_ORM, /* trainers whose batch is of problems: they share defaults */
};

static const struct {
    const char *name;
    unsigned bit;
    size_t base;
} sections[] = {
    {"", IN_RUN, 0},
    {"problems", IN_PROBLEMS, 0},
    {"sample", IN_SAMPLE, 0},
    {"gen_data", IN_GEN, 0},
    {"rationalize", IN_RATIONALIZE, 0},
    {"reward", IN_REWARD, 0},
    {"ver_data", IN_VER, 0},
    {"verifier", IN_VERIFIER, 0},
    {"sft", IN_SFT_RUN, 0},
    {"sft", IN_SFT, offsetof(vs_recipe, sft)},
    {"dpo", IN_DPO, offsetof(vs_recipe, dpo)},
    {"orm", IN_ORM, offsetof(vs_recipe, orm)},
    {"generative", IN_GENERATIVE_RUN, 0},
    {"generative", IN_GENERATIVE, offsetof(vs_recipe, generative)},
    {"eval", IN_EVAL, 0},
};
enum { N_SECTIONS = sizeof sections / sizeof *sections };

#define RUN(field)   offsetof(vs_recipe, field)
#define TRAIN(field) offsetof(vs_train_options, field)
enum { MANY = 1000000000 };
#define GRADERS                                                                        \
    "gsm8k, gsm8k-flexible, arithmetic, choice, math, math-flexible, math-hendrycks, " \
    "math-minerva, mbpp, humaneval or external"
#define FILE_SOURCES "gsm8k, math, mbpp, humaneval, choice, jsonl"
#define ALL_LINEAR   "q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj"

/* clang-format off */
static const vs_recipe_key keys[] = {
    {"name", VS_KEY_TEXT, IN_RUN, RUN(name), 0, 0, "run", NULL, "the run's name: its folder is runs/NAME unless --out says another", "-", NULL},
    {"seed", VS_KEY_SEED, IN_RUN, RUN(seed), 0, 0, "0", NULL, "of every random draw: sampling, data order, caps, fresh adapters, intervals", "-", NULL},
    {"base", VS_KEY_TEXT, IN_RUN, RUN(base), 0, 0, "", NULL, "folder of the pretrained model that every generator starts from; `demo`: the built-in one. Must be given", "-", NULL},
    {"compute", VS_KEY_CHOICE, IN_RUN, RUN(compute), 0, 0, "f32", NULL, "matrix products of sampling and scoring: `bf16` rounds their operands to bf16 and adds up in f32, which processors with AVX512_BF16 do twice as fast; other samples and scores than f32's, as exactly repeatable. Training, and the log-probs of G_SFT that it takes, are in f32", "-", "f32 or bf16"},
    {"rounds", VS_KEY_COUNT, IN_RUN, RUN(rounds), 1, 1000, "3", NULL, "T: rounds of sampling; each but the first begins with a new generator", "V-STaR, section 4: 3 iterations", NULL},
    {"grader", VS_KEY_TEXT, IN_RUN, RUN(grader), 0, 0, "gsm8k", NULL, "how answers are found and compared (docs/GRADING.md)", "-", GRADERS},
    {"grader_command", VS_KEY_TEXTS, IN_RUN, RUN(grader_command), 0, 0, NULL, NULL, "of grader `external`: program and arguments, which answer JSON Lines; no shell reads them", "-", NULL},
    {"grader_timeout", VS_KEY_REAL, IN_RUN, RUN(grader_timeout), 0.001, 86400, "60", NULL, "of grader `external`: seconds for one solution", "-", NULL},
    {"weak_sandbox", VS_KEY_FLAG, IN_RUN, RUN(weak_sandbox), 0, 0, "false", NULL, "of graders `mbpp` and `humaneval`: let programs run behind a filter of system calls alone where namespaces do not work (docs/GRADING.md)", "-", NULL},

    {"source", VS_KEY_TEXT, IN_PROBLEMS, RUN(problems.source), 0, 0, "gsm8k", NULL, "`gsm8k`, `math`, `mbpp`, `humaneval`, `choice`: files as published (docs/GRADING.md); `jsonl`: lines with question, answer and optionally reference and id; `bags`, `hard`, `addition`: built in", "-", FILE_SOURCES ", bags, hard or addition"},
    {"train_file", VS_KEY_PATH, IN_PROBLEMS, RUN(problems.train_file), 0, 0, NULL, NULL, "training problems; relative to the current folder, as every path", "-", NULL},
    {"test_file", VS_KEY_PATH, IN_PROBLEMS, RUN(problems.test_file), 0, 0, NULL, NULL, "test problems", "-", NULL},
    {"test_source", VS_KEY_PATH, IN_PROBLEMS, RUN(problems.test_source), 0, 0, NULL, NULL, "of test_file, for a test of transfer; null: source", "V-STaR, section 4: MBPP to HumanEval, GSM8K to MATH", FILE_SOURCES},
    {"test_split", VS_KEY_TEXT, IN_PROBLEMS, RUN(problems.test_split), 0, 0, "test", NULL, "`validation`: those of mbpp, to choose settings by", "Austin et al. 2021", "test or validation"},
    {"check_files", VS_KEY_TEXTS, IN_PROBLEMS, RUN(problems.check_files), 0, 0, NULL, NULL, "further test sets, each SOURCE:PATH, that training problems are compared with before the run", "-", NULL},
    {"allow_test_set_training", VS_KEY_FLAG, IN_PROBLEMS, RUN(problems.allow_test_set_training), 0, 0, "false", NULL, "let humaneval be trained on, which makes it worthless as a test", "-", NULL},
    {"sft_file", VS_KEY_PATH, IN_PROBLEMS, RUN(problems.sft_file), 0, 0, NULL, NULL, "problems with reference solutions; null: the first n_sft of train_file", "-", NULL},
    {"n_sft", VS_KEY_COUNT, IN_PROBLEMS, RUN(problems.n_sft), 0, MANY, "0", NULL, "size of D_SFT, whose problems are sampled too; 0: all of the file", "V-STaR, section 3: D_SFT is the training set", NULL},
    {"n_train", VS_KEY_COUNT, IN_PROBLEMS, RUN(problems.n_train), 0, MANY, "0", NULL, "further training problems; 0: all of the file", "-", NULL},
    {"n_test", VS_KEY_COUNT, IN_PROBLEMS, RUN(problems.n_test), 0, MANY, "0", NULL, "test problems; 0: all of the file", "-", NULL},
    {"prompt", VS_KEY_TEXT, IN_PROBLEMS, RUN(problems.prompt), 0, 0, "{question}\n", NULL, "what the model reads; {question} stands for the question", "Cobbe et al. 2021: question, newline, solution", NULL},
    {"chat", VS_KEY_FLAG, IN_PROBLEMS, RUN(problems.chat), 0, 0, "false", NULL, "the prompt is what a user says: the model's chat template is put around it, and solutions end as the assistant's turn does", "-", NULL},
    {"system", VS_KEY_PATH, IN_PROBLEMS, RUN(problems.system), 0, 0, NULL, NULL, "with chat: what the system says first; null: nothing", "-", NULL},
    {"seed", VS_KEY_SEED, IN_PROBLEMS, RUN(problems.seed), 0, 0, "0", NULL, "of the built-in problems; 0: the run's seed", "-", NULL},
    {"min_digits", VS_KEY_COUNT, IN_PROBLEMS, RUN(problems.min_digits), 1, 12, "1", NULL, "of source addition: fewest digits of a number", "STaR, section 4: 1", NULL},
    {"max_digits", VS_KEY_COUNT, IN_PROBLEMS, RUN(problems.max_digits), 1, 12, "5", NULL, "of source addition: most digits", "STaR, section 4: 5", NULL},
    {"skip_long", VS_KEY_FLAG, IN_PROBLEMS, RUN(problems.skip_long), 0, 0, "false", NULL, "leave out problems whose prompt and reference solution do not fit the model's positions, and say how many; else they are refused", "verl: too long is an error by default", NULL},

    {"k", VS_KEY_COUNT, IN_SAMPLE, RUN(sample.k), 1, 65536, "16", NULL, "samples per problem and round", "V-STaR, section 4: k = 16", NULL},
    {"temperature", VS_KEY_REAL, IN_SAMPLE, RUN(sample.temperature), 0, 100, "0.7", NULL, "0: the likeliest token, always", "not in V-STaR; 0.7 in Cobbe et al. 2021, RFT and ReST-EM", NULL},
    {"top_p", VS_KEY_REAL, IN_SAMPLE, RUN(sample.top_p), 1e-6, 1, "1", NULL, "share of probability kept; 1: all", "not in V-STaR; off in RFT", NULL},
    {"top_k", VS_KEY_COUNT, IN_SAMPLE, RUN(sample.top_k), 0, MANY, "0", NULL, "tokens kept; 0: all", "not in V-STaR; 40 in ReST-EM, off in RFT", NULL},
    {"max_tokens", VS_KEY_COUNT, IN_SAMPLE, RUN(sample.max_tokens), 1, 1000000, "400", NULL, "longest solution", "Cobbe et al. 2021, table 1: 400", NULL},
    {"stop", VS_KEY_TEXTS, IN_SAMPLE, RUN(sample.stop), 0, 0, NULL, NULL, "texts that end a solution, beside the end token", "-", NULL},
    {"rows", VS_KEY_COUNT, IN_SAMPLE | VS_KEY_FREE, RUN(sample.rows), 1, 65536, "256", NULL, "solutions in work at once", "-", NULL},

    {"cap", VS_KEY_COUNT, IN_GEN, RUN(gen_data.cap), 0, MANY, "0", NULL, "right samples of D_GEN per problem and round, drawn at random; 0: all", "V-STaR, algorithm 1: all; ReST-EM caps at 10", NULL},
    {"dedupe", VS_KEY_CHOICE, IN_GEN, RUN(gen_data.dedupe), 0, 0, "none", NULL, "`texts`: equal texts of a problem once, which over-weights sloppy solutions; `equations`: solutions whose equations all hold, and of those with the same ones in the same order the first", "V-STaR does not; RFT: equations", "none, texts or equations"},
    {"rounds", VS_KEY_CHOICE, IN_GEN, RUN(gen_data.rounds), 0, 0, "all", NULL, "whose right samples a generator learns: all so far, or the last round's alone", "V-STaR and STaR-dagger: all; STaR: last", "all or last"},
    {"references", VS_KEY_FLAG, IN_GEN, RUN(gen_data.references), 0, 0, "true", NULL, "D_GEN begins with the reference solutions of D_SFT; G_SFT always does", "V-STaR: yes; STaR: no", NULL},

    {"share", VS_KEY_REAL, IN_RATIONALIZE, RUN(rationalize.share), 0, 1, "0", NULL, "of the problems that a round leaves unsolved: tried again with the answer as a hint, which training does not see", "STaR, section 3.2: 1 (p_rationalization)", NULL},
    {"prompt", VS_KEY_TEXT, IN_RATIONALIZE, RUN(rationalize.prompt), 0, 0, "{question} ({answer})\n", NULL, "what the model reads then; {answer}: the right one; {marked}: the question of a multiple choice with (CORRECT) behind the right line", "STaR's code: (answer) behind the question, the sum behind Target:, (CORRECT)", NULL},

    {"model", VS_KEY_PATH, IN_REWARD, RUN(reward.model), 0, 0, NULL, NULL, "folder of a reward model with the base's tokenizer, such as another run's models/verifier: it labels samples where no answer is known, and training problems (of source jsonl) may have none; null: none", "RAFT, Dong et al. 2023; not in V-STaR", NULL},
    {"score", VS_KEY_CHOICE, IN_REWARD, RUN(reward.score), 0, 0, "sum", NULL, "of a solution: its log-prob (`sum`, of a DPO verifier), that per token (`mean`), a value head's `value`, or the probability of `yes` by the words of section generative", "V-STaR: sum", "sum, mean, value or yes"},
    {"where", VS_KEY_CHOICE, IN_REWARD, RUN(reward.where), 0, 0, "unknown", NULL, "whose samples it labels: those of problems without an answer, or of all, answers or not", "-", "unknown or all"},
    {"keep", VS_KEY_COUNT, IN_REWARD, RUN(reward.keep), 0, MANY, "1", NULL, "best-scored texts of a problem and round that count as right, the others as wrong; 0: as many as reach the threshold", "RAFT: 1", NULL},
    {"threshold", VS_KEY_REAL, IN_REWARD, RUN(reward.threshold), 0, 1, "0", NULL, "of score `yes`: the least probability that counts as right; of `value`: the least value, which is about the probability under orm.loss mse and a logit under bce; 0: any", "-", NULL},

    {"dedupe", VS_KEY_FLAG, IN_VER, RUN(ver_data.dedupe), 0, 0, "true", NULL, "equal solutions of a problem once; a second copy teaches the verifier nothing", "not in V-STaR", NULL},
    {"truncated", VS_KEY_FLAG, IN_VER, RUN(ver_data.truncated), 0, 0, "false", NULL, "unfinished samples count as wrong instead of being left out", "not in V-STaR", NULL},
    {"cap", VS_KEY_COUNT, IN_VER, RUN(ver_data.cap), 0, MANY, "0", NULL, "solutions of D_VER per problem, half right where there are enough; 0: all", "V-STaR, algorithm 1: all", NULL},

    {"rounds", VS_KEY_CHOICE, IN_VER, RUN(ver_data.rounds), 0, 0, "all", NULL, "whose samples the verifier learns from: all rounds', or the last one's alone", "V-STaR, section 4.6: all; the last is worse", "all or last"},
    {"keep", VS_KEY_COUNT, IN_VER, RUN(ver_data.keep), 0, MANY, "0", NULL, "with verifier.every_round: right samples per problem and round that join both data sets, the best by the last round's verifier (before the first: G_SFT's log-prob), and as many of the best wrong ones; 0: all", "V-STaR, section 4.7: 8 of k = 64", NULL},

    {"kind", VS_KEY_CHOICE, IN_VERIFIER, RUN(verifier.kind), 0, 0, "dpo", NULL, "`dpo`: log V; `orm`: a value head, Cobbe et al. 2021; `generative`: log P(yes) - log P(no), Zhang et al. 2024; `none`", "V-STaR: dpo; orm is what it is compared with", "dpo, orm, generative or none"},
    {"every_round", VS_KEY_FLAG, IN_VERIFIER, RUN(verifier.every_round), 0, 0, "false", NULL, "a verifier after every round instead of one at the end; ver_data.keep says what it is for", "V-STaR, section 4.7", NULL},

    {"first_epochs", VS_KEY_COUNT, IN_SFT_RUN, RUN(sft_first_epochs), 1, MANY, "2", NULL, "passes over D_SFT for the first generator, G_SFT", "V-STaR, section 4: 2 on GSM8K; Cobbe et al. 2021: 2", NULL},
    {"growth", VS_KEY_REAL, IN_SFT_RUN, RUN(sft_growth), 1, 100, "1", NULL, "with sft.steps: the generator after round n takes int(steps x growth^(n - 1))", "STaR: 1.2, from 40 steps", NULL},
    {"question", VS_KEY_TEXT, IN_GENERATIVE_RUN, RUN(ask_verifier.question), 0, 0, "\nIs the answer correct (Yes/No)?", NULL, "behind prompt and solution, in the place of the end token", "Zhang et al. 2024, section 3", NULL},
    {"yes", VS_KEY_TEXT, IN_GENERATIVE_RUN, RUN(ask_verifier.yes), 0, 0, " Yes", NULL, "the answer that means right", "Zhang et al. 2024", NULL},
    {"no", VS_KEY_TEXT, IN_GENERATIVE_RUN, RUN(ask_verifier.no), 0, 0, " No", NULL, "and wrong", "Zhang et al. 2024", NULL},
    {"lr", VS_KEY_REAL, IN_TRAINER, TRAIN(lr), 0, 100, "2e-5", "1e-5", "peak learning rate", "sft: RFT and TRL 2e-5 for all weights; dpo: TRL 1e-5 for LoRA, reference code 5e-7 for all weights", NULL},
    {"lr_end", VS_KEY_REAL, IN_TRAINER, TRAIN(lr_end), 0, 1, "0", NULL, "share of the peak that the schedule ends at", "HF schedules: 0", NULL},
    {"schedule", VS_KEY_CHOICE, IN_TRAINER, TRAIN(schedule), 0, 0, "cosine", "linear", "of the rate after warm-up", "sft: RFT cosine; dpo: TRL linear", "constant, linear or cosine"},
    {"warmup", VS_KEY_COUNT, IN_TRAINER, TRAIN(warmup), 0, MANY, "5", "150", "steps from 0 to the peak", "sft: RFT 3 % (5 of 175 steps on GSM8K); dpo: DPO paper and code 150", NULL},
    {"beta1", VS_KEY_REAL, IN_TRAINER, TRAIN(beta1), 0, 0.999999, "0.9", NULL, "AdamW: decay of the mean", "Loshchilov and Hutter 2019", NULL},
    {"beta2", VS_KEY_REAL, IN_TRAINER, TRAIN(beta2), 0, 0.999999, "0.999", NULL, "AdamW: decay of the mean square", "Loshchilov and Hutter 2019", NULL},
    {"eps", VS_KEY_REAL, IN_TRAINER, TRAIN(eps), 1e-30, 1, "1e-8", NULL, "AdamW: added to the root", "Loshchilov and Hutter 2019", NULL},
    {"weight_decay", VS_KEY_REAL, IN_TRAINER, TRAIN(weight_decay), 0, 10, "0", NULL, "AdamW: decay of matrices, times the rate", "HF and RFT: 0", NULL},
    {"clip", VS_KEY_REAL, IN_TRAINER, TRAIN(clip), 0, 1e9, "1", NULL, "largest norm of the whole gradient; 0: off", "HF and OpenRLHF: 1", NULL},
    {"epochs", VS_KEY_COUNT, IN_TRAINER, TRAIN(epochs), 0, MANY, "3", "1", "passes over the data; 0 where steps is given", "sft: RFT 3; dpo: reference code 1", NULL},
    {"steps", VS_KEY_COUNT, IN_TRAINER, TRAIN(steps), 0, MANY, "0", NULL, "optimiser steps; 0: as epochs say", "-", NULL},
    {"batch", VS_KEY_COUNT, IN_TRAINER, TRAIN(batch), 1, 1000000, "128", "16", "per step; sft: solutions, dpo: problems", "sft: RFT 128; dpo: DPO paper 64 pairs; a problem brings several", NULL},
    {"micro_tokens", VS_KEY_COUNT, IN_TRAINER | VS_KEY_FREE, TRAIN(micro_tokens), 1, MANY, "512", NULL, "tokens computed at once, at most (but always one whole problem)", "-", NULL},
    {"keep_mb", VS_KEY_REAL, IN_TRAINER | VS_KEY_FREE, TRAIN(keep_mb), 0, MANY, "2048", NULL, "MiB for activations and logits that the backward pass would otherwise compute again", "-", NULL},
    {"checkpoint_steps", VS_KEY_COUNT, IN_TRAINER | VS_KEY_FREE, TRAIN(checkpoint_steps), 0, MANY, "50", NULL, "steps between checkpoints; 0: none", "-", NULL},
    {"lora.rank", VS_KEY_COUNT, IN_SFT, TRAIN(lora.rank), 0, 65536, "16", NULL, "of the adapter; 0: all weights are trained", "V-STaR uses LoRA and does not say which; TRL 16", NULL},
    {"lora.alpha", VS_KEY_REAL, IN_SFT, TRAIN(lora.alpha), 1e-6, 1e6, "32", NULL, "the adapter is scaled by alpha / rank", "TRL: 32", NULL},
    {"lora.targets", VS_KEY_TARGETS, IN_SFT, TRAIN(lora.targets), 0, 0, "all", NULL, "linear layers with an adapter", "QLoRA, Unsloth, OpenRLHF: all", NULL},

    {"beta", VS_KEY_REAL, IN_DPO, TRAIN(beta), 1e-6, 1000, "0.1", NULL, "of the reward beta log(V / G_SFT)", "DPO paper and TRL: 0.1; reference code: 0.1 to 0.5 are good starts; not in V-STaR", NULL},
    {"loss", VS_KEY_CHOICE, IN_DPO, TRAIN(pair_loss), 0, 0, "sigmoid", NULL, "of a pair's margin h: -log sigmoid(h), or (h / beta - 1 / (2 beta))^2, which bounds the margin where labels are sure", "V-STaR, eq. 2: sigmoid; ipo: Azar et al. 2023, eq. 17", "sigmoid or ipo"},
    {"length_normalised", VS_KEY_FLAG, IN_DPO, TRAIN(length_normalised), 0, 0, "false", NULL, "log V / G_SFT per token instead of their sum", "V-STaR: sums; TRL: sigmoid_norm", NULL},
    {"nll", VS_KEY_REAL, IN_DPO, TRAIN(nll), 0, 1000, "0", NULL, "weight of the mean -log V over the tokens of right solutions, which keeps them likely", "V-STaR: none; Pang et al. 2024: 1; Llama 3.1: 0.2", NULL},
    {"label_smoothing", VS_KEY_REAL, IN_DPO, TRAIN(label_smoothing), 0, 0.5, "0", NULL, "share of labels taken to be flipped (cDPO)", "reference code: 0", NULL},
    {"pairs", VS_KEY_PAIRS, IN_DPO, TRAIN(sampled_pairs), 1, MANY, "all", NULL, "pairs of a problem's solutions in a step: right x wrong, or m of them without replacement", "V-STaR, section 3.1: m is not said", NULL},
    {"loss", VS_KEY_CHOICE, IN_ORM, TRAIN(value_loss), 0, 0, "mse", NULL, "of a token's value against 1 (right) or 0", "Cobbe et al. 2021, section 4.2: mse; bce makes no difference there", "mse or bce"},
    {"lm", VS_KEY_REAL, IN_ORM | IN_GENERATIVE, TRAIN(lm), 0, 1000, "1", NULL, "orm: weight of the mean -log V over the tokens of right solutions; generative: of each right solution's mean -log V, where a verdict's tokens weigh 1", "Cobbe et al. 2021, section 4.2: joint, equal mix; Zhang et al. 2024: lambda", NULL},
    {"max_right", VS_KEY_COUNT, IN_DPO | IN_ORM, TRAIN(max_right), 0, 65536, "8", NULL, "right solutions per problem and step; 0: all", "not in V-STaR", NULL},
    {"max_solutions", VS_KEY_COUNT, IN_DPO | IN_ORM, TRAIN(max_solutions), 0, 65536, "16", NULL, "solutions per problem and step, filled with wrong ones; 0: all", "not in V-STaR", NULL},

    {"n", VS_KEY_COUNT, IN_EVAL, RUN(eval.n), 1, VS_METRICS_MAX_SAMPLES, "128", NULL, "candidates per test problem", "V-STaR, section 4: 128", NULL},
    {"headline_k", VS_KEY_COUNT, IN_EVAL, RUN(eval.headline_k), 1, VS_METRICS_MAX_SAMPLES, "64", NULL, "k of the numbers that a run is summed up by: the largest measured one that is not above it", "V-STaR, section 4: 64", NULL},
    {"grader", VS_KEY_PATH, IN_EVAL, RUN(eval.grader), 0, 0, NULL, NULL, "how answers to test problems are found and compared; null: as in training", "-", GRADERS},
    {"baselines", VS_KEY_FLAG, IN_EVAL, RUN(eval.baselines), 0, 0, "true", NULL, "also sample and score with G_SFT", "V-STaR, table 1", NULL},
    {"top", VS_KEY_COUNT, IN_EVAL, RUN(eval.top), 0, 65536, "8", NULL, "best-scored candidates that vote in the vote among the top; 0: no such vote", "Cobbe et al. 2021, section 5.1: 3 to 5 of 100, 30 of 3,200", NULL},
    {"base", VS_KEY_FLAG, IN_EVAL, RUN(eval.base), 0, 0, "false", NULL, "also sample with the base itself: as it is, or after base_shots solved problems", "V-STaR, table 1", NULL},
    {"base_shots", VS_KEY_COUNT, IN_EVAL, RUN(eval.base_shots), 0, 1000, "0", NULL, "solved problems before a question to the base; 0: none (zero-shot)", "V-STaR, table 1: few-shot; 8 in Wei et al. 2022", NULL},
    {"examples_file", VS_KEY_PATH, IN_EVAL, RUN(eval.examples_file), 0, 0, NULL, NULL, "where those are, in the shape of problems.source: its first ones with a reference, of mbpp its task ids 1 to 10; null: the first of D_SFT", "Austin et al. 2021", NULL},
    {"base_separator", VS_KEY_TEXT, IN_EVAL, RUN(eval.base_separator), 0, 0, "\n\n", NULL, "between the solved problems; it ends an answer of the base too", "-", NULL},
};
/* clang-format on */
enum { N_KEYS = sizeof keys / sizeof *keys };

bool vs_key_at(vs_key_ref *out, size_t i)
{
    for (size_t s = 0; s < N_SECTIONS; s++)
        for (size_t k = 0; k < N_KEYS; k++) {
            if (!(keys[k].sections & sections[s].bit)) continue;
            if (i-- > 0) continue;
            *out = (vs_key_ref){.key = &keys[k],
                                .section = sections[s].name,
                                .base = sections[s].base,
                                .value = keys[k].value};
            if ((sections[s].bit & BY_PROBLEM) && keys[k].dpo_value) out->value = keys[k].dpo_value;
            snprintf(out->name, sizeof out->name, "%s%s%s", sections[s].name,
                     *sections[s].name ? "." : "", keys[k].name);
            return true;
        }
    return false;
}

bool vs_key_find(vs_key_ref *out, const char *name)
{
    for (size_t i = 0; vs_key_at(out, i); i++)
        if (strcmp(out->name, name) == 0) return true;
    return false;
}

/* What comes below `section` in `name`; NULL: nothing. */
static const char *below(const char *name, const char *section)
{
    const size_t len = strlen(section);

    if (len == 0) return name;
    return strncmp(name, section, len) == 0 && name[len] == '.' ? name + len + 1 : NULL;
}

bool vs_key_is_section(const char *name)
{
    vs_key_ref ref;

    for (size_t i = 0; *name && vs_key_at(&ref, i); i++)
        if (below(ref.name, name)) return true;
    return false;
}

void vs_key_list(vs_buf *out, const char *section)
{
    char last[VS_RECIPE_NAME_BYTES] = "";
    vs_key_ref ref;

    for (size_t i = 0; vs_key_at(&ref, i); i++) {
        const char *rest = below(ref.name, section);
        const size_t len = rest ? strcspn(rest, ".") : 0;

        if (!rest || (strncmp(last, rest, len) == 0 && last[len] == '\0')) continue;
        vs_buf_str(out, *last ? ", " : "");
        vs_buf_add(out, rest, len);
        memcpy(last, rest, len);
        last[len] = '\0';
    }
}

void vs_key_expected(vs_buf *out, const vs_recipe_key *key)
{
    switch (key->type) {
    case VS_KEY_TEXT:
        vs_buf_str(out, key->choices ? key->choices : "a text");
        break;
    case VS_KEY_PATH:
        vs_buf_printf(out, "%s or null", key->choices ? key->choices : "a path");
        break;
    case VS_KEY_COUNT:
        vs_buf_printf(out, "an integer from %.0f to %.0f", key->min, key->max);
        break;
    case VS_KEY_SEED:
        vs_buf_str(out, "an integer from 0 to 2^64 - 1");
        break;
    case VS_KEY_REAL:
        vs_buf_printf(out, "a number from %g to %g", key->min, key->max);
        break;
    case VS_KEY_FLAG:
        vs_buf_str(out, "true or false");
        break;
    case VS_KEY_CHOICE:
        vs_buf_str(out, key->choices);
        break;
    case VS_KEY_PAIRS:
        vs_buf_printf(out, "all or sampled(m), m from 1 to %.0f", key->max);
        break;
    case VS_KEY_TEXTS:
        vs_buf_printf(out, "a list of at most %d texts", VS_RECIPE_LIST_MAX);
        break;
    case VS_KEY_TARGETS:
        vs_buf_str(out, "all or a list of " ALL_LINEAR);
        break;
    }
}
