/* chat.h - the chat template of an instruct model: messages become the text that the model was trained on. */
#ifndef VS_MODEL_CHAT_H
#define VS_MODEL_CHAT_H

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"

typedef struct vs_chat vs_chat;

/* The template: DIR/chat_template.jinja, or else "chat_template" of tokenizer_config.json, or of chat_template.json (processors of
 * older models). In the two JSON files it may be a list of named ones: "default" is used, and "tool_use", if there is one, when
 * tools are given.
 * The tokens that the template may name (bos_token, eos_token, pad_token, unk_token, ..): those of tokenizer_config.json; for a
 * folder without "added_tokens_decoder" there those of special_tokens_map.json go before them, as in transformers. */
VS_NODISCARD vs_status vs_chat_open(vs_chat **out, const char *dir, vs_error *err);
void vs_chat_close(vs_chat *c); /* NULL is allowed */

/* Appends the rendering of messages, [{"role", "content"}, ..]. What the template writes is whole: special tokens, the
 * begin token included, are in it, so that it is encoded without adding any.
 * variables: an object whose members the template sees too, and in place of those above ("enable_thinking", "tools",
 * "strftime_now": jinja.h says what that is); NULL: none. "messages" in it is refused. */
VS_NODISCARD vs_status vs_chat_render(vs_buf *out, const vs_chat *c, const json_t *messages,
                                      bool add_generation_prompt, const json_t *variables,
                                      vs_error *err);
#endif
