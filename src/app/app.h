/* app.h - what every verb of the command line shares: its shape, its options, JSON Lines in and
 * out.
 *
 * A verb parses its options with vs_args_parse, writes data to standard output through vs_out_line,
 * and returns a status: main prints the error and chooses the exit code (0 done, 1 failed, 2 wrong
 * usage). */
#ifndef VS_APP_APP_H
#define VS_APP_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "app/args.h"
#include "base/buf.h"
#include "base/error.h"
#include "engine/model/group.h"
#include "engine/model/model.h"
#include "engine/model/tokenizer.h"

/* argv[0] is the verb. */
typedef vs_status (*vs_verb_fn)(int argc, char **argv, vs_error *err);

vs_status vs_verb_ask(int argc, char **argv, vs_error *err);
vs_status vs_verb_audit(int argc, char **argv, vs_error *err);
vs_status vs_verb_bench(int argc, char **argv, vs_error *err);
vs_status vs_verb_compare(int argc, char **argv, vs_error *err);
vs_status vs_verb_demo(int argc, char **argv, vs_error *err);
vs_status vs_verb_export(int argc, char **argv, vs_error *err);
vs_status vs_verb_generate(int argc, char **argv, vs_error *err);
vs_status vs_verb_grade(int argc, char **argv, vs_error *err);
vs_status vs_verb_import(int argc, char **argv, vs_error *err);
vs_status vs_verb_inspect(int argc, char **argv, vs_error *err);
vs_status vs_verb_logprobs(int argc, char **argv, vs_error *err);
vs_status vs_verb_metrics(int argc, char **argv, vs_error *err);
vs_status vs_verb_rank(int argc, char **argv, vs_error *err);
vs_status vs_verb_regrade(int argc, char **argv, vs_error *err);
vs_status vs_verb_report(int argc, char **argv, vs_error *err);
vs_status vs_verb_run(int argc, char **argv, vs_error *err);
vs_status vs_verb_status(int argc, char **argv, vs_error *err);
vs_status vs_verb_tokenize(int argc, char **argv, vs_error *err);
vs_status vs_verb_train(int argc, char **argv, vs_error *err);

/* -- io.c: rows in, lines out -- */

/* Writes the buffer and a newline to standard output and clears it. A failed write is VS_E_IO. */
VS_NODISCARD vs_status vs_out_line(vs_buf *line, vs_error *err);
void vs_out_ids(vs_buf *line, const int32_t *ids, size_t n); /* [1,2,3] */
/* With as many digits as bring the same number back; JSON has no infinities, which become null. */
void vs_out_f32(vs_buf *line, float x);
void vs_out_f64(vs_buf *line, double x);
void vs_out_f32s(vs_buf *line, const float *x, size_t n);

/* A folder's tokenizer; *out NULL when the folder has no tokenizer.json. */
VS_NODISCARD vs_status vs_tokenizer_try(vs_tokenizer **out, const char *dir, vs_error *err);

/* What a text becomes on its way to ids. */
typedef enum vs_text_use {
    VS_TEXT_PROMPT,     /* the tokenizer's special tokens are added */
    VS_TEXT_COMPLETION, /* none are */
    VS_TEXT_SOLUTION,   /* none, and the model's end token closes it */
} vs_text_use;

/* What rows are read against. tokenizer NULL: ids only. */
typedef struct vs_row_reader {
    const vs_tokenizer *tokenizer;
    const vs_config *config;
} vs_row_reader;

/* Appends a string (encoded as `use` says) or a list of ids (taken as it is). what: the key, for
 * messages. */
VS_NODISCARD vs_status vs_row_tokens(vs_ids *out, const vs_row_reader *r, const json_t *value,
                                     vs_text_use use, const char *what, const char *where,
                                     vs_error *err);
/* The member KEY (a string) or KEY_ids (a list) of a row; exactly one of them. */
VS_NODISCARD vs_status vs_row_member(vs_ids *out, const vs_row_reader *r, const json_t *row,
                                     const char *key, vs_text_use use, const char *where,
                                     vs_error *err);

/* -- rows.c: a stream of rows -- */

/* The rows of one call. A row is bad when it is no JSON or when a call that looks at it returns VS_E_FORMAT,
 * VS_E_INPUT or VS_E_LIMIT; any other error ends the stream. In a bad row's place stands
 * {"id":..,"error":".."}, with the row's id or, where it has none, its line number, so that output stays in
 * the input's order. At the end vs_rows_run fails with their number and the first one's error. A verb whose rows are
 * worth something only together (train) does not read a stream: it refuses them all. */
typedef struct vs_row_run vs_row_run;

/* add keeps one row; flush works on what was kept, writes its lines in order, after vs_rows_turn for each row, and
 * forgets it. */
typedef struct vs_row_stream {
    void *ctx;
    vs_status (*add)(void *ctx, const json_t *row, const char *where, vs_error *err);
    vs_status (*flush)(void *ctx, vs_row_run *rows, vs_error *err);
    bool (*is_full)(const void *ctx);
    vs_status (*end)(void *ctx, size_t n_bad,
                     vs_error *err); /* NULL, or: rows have no lines of their own, and
                                                                 this writes what they came to */
    bool
        is_strict; /* the first bad row's error is returned, once the rows before it are answered */
    bool is_mended; /* rows pass through vs_json_mend */
} vs_row_stream;
VS_NODISCARD vs_status vs_rows_run(const char *path, const vs_row_stream *s, vs_error *err);
/* For flush: what has to stand before the lines of the i-th row kept. */
VS_NODISCARD vs_status vs_rows_turn(vs_row_run *rows, size_t i, vs_error *err);
/* For flush, after its vs_rows_turn: a row that was kept is bad after all. */
VS_NODISCARD vs_status vs_rows_refuse(vs_row_run *rows, const json_t *row, const char *where,
                                      const vs_error *cause, vs_error *err);
/* A row's id as JSON, malloc'd: a string or a number, the line's number where it is missing. */
VS_NODISCARD vs_status vs_row_id(char **out, const json_t *row, const char *where, vs_error *err);
#define VS_OPT_STRICT(out)                                                                       \
    {                                                                                            \
        "--strict", VS_OPT_FLAG, (out), false, 0, 0, NULL,                                       \
            "stop at the first bad row (an error line in its place, and exit code 1 at the end)" \
    }

/* -- open.c: models as options name them -- */

#define VS_COMPUTE_HELP \
    "f32, or bf16: products of values rounded to bf16, faster where the processor has them (f32)"
/* What --compute says. */
VS_NODISCARD vs_status vs_compute_parse(vs_compute *out, const char *text, vs_error *err);

typedef struct vs_opened {
    vs_base *base;
    vs_model *model;
    vs_tokenizer *tokenizer; /* NULL: the folder has none */
    vs_row_reader reader;
} vs_opened;
/* For use, as vs_base_open. */
VS_NODISCARD vs_status vs_opened_open(vs_opened *out, const char *model_dir,
                                      const char *adapter_dir, vs_compute compute, vs_error *err);
/* Tokenizer and reader for the base and the model that are there. */
VS_NODISCARD vs_status vs_opened_complete(vs_opened *o, const char *model_dir, vs_error *err);
void vs_opened_close(vs_opened *o); /* zeroed is allowed */

/* A model beside an opened one: "base" (its base without adapter), an adapter folder over the same
 * base, or another model folder of the same vocabulary; computed as the first one is. */
typedef struct vs_second {
    vs_base *base; /* NULL: shares the first one's */
    vs_model *model;
} vs_second;
VS_NODISCARD vs_status vs_second_open(vs_second *out, const vs_opened *first, const char *what,
                                      vs_error *err);
void vs_second_close(vs_second *s);
#endif
