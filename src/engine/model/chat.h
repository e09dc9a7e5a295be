/* chat.h - the chat template of an instruct model: messages become the text that the model was trained on. */
#ifndef VS_MODEL_CHAT_H
#define VS_MODEL_CHAT_H

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"

typedef struct vs_chat vs_chat;

/* From DIR/chat_template.jinja, or else "chat_template" of DIR/tokenizer_config.json, which also gives bos_token and eos_token. */
VS_NODISCARD vs_status vs_chat_open(vs_chat **out, const char *dir, vs_error *err);
void vs_chat_close(vs_chat *c); /* NULL is allowed */

/* Appends the rendering of messages, [{"role", "content"}, ..]. What the template writes is whole: special tokens, the
 * begin token included, are in it, so that it is encoded without adding any. */
VS_NODISCARD vs_status vs_chat_render(vs_buf *out, const vs_chat *c, const json_t *messages,
                                      bool add_generation_prompt, vs_error *err);
#endif
