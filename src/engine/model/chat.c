#include "engine/model/chat.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "engine/model/folder_impl.h"
#include "engine/model/jinja.h"

enum { MAX_CHAT_CONFIG_BYTES = 1 << 24, MAX_TEMPLATE_BYTES = 1 << 20 };

struct vs_chat {
    char *name, *text; /* where the template comes from; the template */
    size_t len;
    json_t *tokens; /* bos_token, eos_token */
};

/* A token is a text or an added token's object; missing and null leave it undefined. */
static vs_status take_token(vs_chat *c, const json_t *config, const char *key, vs_error *err)
{
    const json_t *token = json_object_get(config, key);
    const json_t *text = json_is_object(token) ? json_object_get(token, "content") : token;

    if (!token || json_is_null(token)) return VS_OK;
    if (!json_is_string(text))
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found %s, expected a text", c->name, key,
                       vs_json_kind(text));
    if (json_object_set(c->tokens, key, (json_t *)(uintptr_t)text) != 0)
        return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", c->name);
    return VS_OK;
}

/* A text, or a list of {"name", "template"} of which "default" counts. */
static vs_status take_template(vs_chat *c, const json_t *config, vs_error *err)
{
    const json_t *value = json_object_get(config, "chat_template"), *item;
    size_t i;

    json_array_foreach(value, i, item)
    {
        const char *name = json_string_value(json_object_get(item, "name"));
        if (name && strcmp(name, "default") == 0) {
            value = json_object_get(item, "template");
            break;
        }
    }
    if (!json_is_string(value))
        return VS_FAIL(err, VS_E_INPUT,
                       "%s: \"chat_template\": found %s, expected a text: the model has no "
                       "chat template",
                       c->name, vs_json_kind(value));
    c->len = json_string_length(value);
    c->text = vs_strdup_n(json_string_value(value), c->len);
    return c->text ? VS_OK : VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", c->name);
}

vs_status vs_chat_open(vs_chat **out, const char *dir, vs_error *err)
{
    char *path = vs_format("%s/chat_template.jinja", dir);
    vs_chat *c = vs_alloc(1, sizeof *c);
    json_t *config = NULL;
    vs_status st;

    if (c) c->tokens = json_object();
    if (!path || !c || !c->tokens) {
        st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", dir);
        goto done;
    }
    VS_CHECK(vs_folder_json(&config, &c->name, dir, "tokenizer_config.json", MAX_CHAT_CONFIG_BYTES,
                            err));
    VS_CHECK(take_token(c, config, "bos_token", err));
    VS_CHECK(take_token(c, config, "eos_token", err));
    if (vs_file_exists(path)) {
        VS_CHECK(vs_file_read(&c->text, &c->len, path, MAX_TEMPLATE_BYTES, err));
        free(c->name);
        c->name = path;
        path = NULL;
    } else {
        VS_CHECK(take_template(c, config, err));
    }
    *out = c;
    c = NULL;
done:
    vs_chat_close(c);
    json_decref(config);
    free(path);
    return st;
}

void vs_chat_close(vs_chat *c)
{
    if (!c) return;
    json_decref(c->tokens);
    free(c->name);
    free(c->text);
    free(c);
}

vs_status vs_chat_render(vs_buf *out, const vs_chat *c, const json_t *messages,
                         bool add_generation_prompt, vs_error *err)
{
    json_t *context = json_copy(c->tokens);
    vs_status st;

    if (!context || json_object_set(context, "messages", (json_t *)(uintptr_t)messages) != 0 ||
        json_object_set_new(context, "add_generation_prompt",
                            json_boolean(add_generation_prompt)) != 0 ||
        json_object_set_new(context, "tools", json_null()) != 0 || /* as transformers gives them */
        json_object_set_new(context, "documents", json_null()) != 0)
        st = VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", c->name);
    else
        st = vs_jinja_render(out, c->text, c->len, context, c->name, err);
    json_decref(context);
    return st;
}
