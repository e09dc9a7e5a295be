/* run_chat.c - prompts of an instruct model: the one place where a run uses its chat template. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/loop/run.h"

/* [{"role": "system", ..}], {"role": "user", ..}, [{"role": "assistant", ..}] */
static vs_status make_messages(json_t **out, const vs_run *run, const char *user,
                               const char *assistant, vs_error *err)
{
    const char *const texts[] = {run->recipe.problems.system, user, assistant};
    static const char *const roles[] = {"system", "user", "assistant"};
    json_t *list = json_array();
    bool is_whole = list != NULL;

    for (int i = 0; i < 3; i++)
        if (is_whole && texts[i])
            is_whole = json_array_append_new(list, json_pack("{s:s, s:s}", "role", roles[i],
                                                             "content", texts[i])) == 0;
    if (!is_whole) {
        json_decref(list);
        return VS_FAIL(err, VS_E_NOMEM, "chat: messages");
    }
    *out = list;
    return VS_OK;
}

static vs_status render(vs_buf *out, const vs_run *run, const char *user, const char *assistant,
                        vs_error *err)
{
    json_t *messages;
    vs_status st;

    VS_TRY(make_messages(&messages, run, user, assistant, err));
    st = vs_chat_render(out, run->chat, messages, assistant == NULL, NULL, err);
    json_decref(messages);
    return st;
}

vs_status vs_run_chat_prompt(const vs_run *run, char **text, vs_error *err)
{
    vs_buf out = {0};
    vs_status st;

    if (!run->chat) return VS_OK;
    VS_CHECK(render(&out, run, *text, NULL, err));
    VS_CHECK(vs_buf_ok(&out, "chat", err));
    free(*text);
    *text = out.data ? out.data : vs_strdup_n("", 0);
    out.data = NULL;
    if (!*text) st = VS_FAIL(err, VS_E_NOMEM, "chat: prompt");
done:
    vs_buf_free(&out);
    return st;
}

/* What follows the assistant's words begins with the token that ends its turn. */
static vs_status find_end(int32_t *id, const vs_run *run, vs_error *err)
{
    static const char mark[] = "what the assistant says";
    vs_buf text = {0};
    vs_ids ids = {0};
    const char *at;
    vs_status st;

    VS_CHECK(render(&text, run, "a question", mark, err));
    VS_CHECK(vs_buf_ok(&text, "chat", err));
    at = text.data ? strstr(text.data, mark) : NULL;
    if (!at) {
        st = VS_FAIL(err, VS_E_INPUT, "%s: the chat template leaves out what the assistant says",
                     run->base);
        goto done;
    }
    at += sizeof mark - 1;
    VS_CHECK(vs_encode(&ids, run->tokenizer, at, strlen(at), false, err));
    for (size_t i = 0; i < ids.n; i++)
        for (size_t k = 0; k < run->config.n_eos; k++)
            if (ids.id[i] == run->config.eos_ids[k]) {
                *id = ids.id[i];
                goto done;
            }
    st = VS_FAIL(
        err, VS_E_INPUT,
        "%s: the chat template ends the assistant's turn with \"%.60s\", which is not among "
        "config.json's \"eos_token_id\": sampling would not stop there",
        run->base, at);
done:
    vs_ids_free(&ids);
    vs_buf_free(&text);
    return st;
}

vs_status vs_run_open_chat(vs_run *run, vs_error *err)
{
    int32_t end = -1;

    if (!run->recipe.problems.chat) return VS_OK;
    VS_TRY(vs_chat_open(&run->chat, run->base, err));
    VS_TRY(find_end(&end, run, err));
    for (size_t k = 0; k < run->config.n_eos; k++)
        if (run->config.eos_ids[k] == end) {
            run->config.eos_ids[k] = run->config.eos_ids[0];
            run->config.eos_ids[0] = end;
        }
    return VS_OK;
}
