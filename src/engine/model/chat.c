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
    char *name;         /* where the template comes from */
    char *text, *tools; /* the template; the one for prompts with tools, or NULL */
    json_t *tokens;     /* bos_token, eos_token, .. */
};

static vs_status nomem(const char *where, vs_error *err)
{
    return VS_FAIL(err, VS_E_NOMEM, "%s: out of memory", where);
}

/* DIR/NAME, or NULL when there is no such file. *path as vs_folder_json has it. */
static vs_status read_optional(json_t **out, char **path, const char *dir, const char *name,
                               vs_error *err)
{
    char *file = vs_format("%s/%s", dir, name);
    const bool is_there = file && vs_file_exists(file);

    *out = NULL;
    *path = NULL;
    if (!file) return nomem(dir, err);
    free(file);
    return is_there ? vs_folder_json(out, path, dir, name, MAX_CHAT_CONFIG_BYTES, err) : VS_OK;
}

/* Every "xyz_token", a text or an added token's object; null leaves it undefined. */
static vs_status take_tokens(vs_chat *c, const json_t *config, const char *path, vs_error *err)
{
    static const char ending[] = "_token";
    const char *key;
    json_t *token;

    json_object_foreach((json_t *)(uintptr_t)config, key, token)
    {
        const size_t n = strlen(key), k = sizeof ending - 1;
        json_t *text = json_is_object(token) ? json_object_get(token, "content") : token;

        if (n < k || strcmp(key + n - k, ending) != 0 || json_is_boolean(token) ||
            json_is_null(token)) /* "add_bos_token" is a switch */
            continue;
        if (!json_is_string(text))
            return VS_FAIL(err, VS_E_FORMAT, "%s: \"%s\": found %s, expected a text", path, key,
                           vs_json_kind(text));
        if (json_object_set(c->tokens, key, text) != 0) return nomem(path, err);
    }
    return VS_OK;
}

static vs_status copy_template(char **out, const json_t *value, const char *path, vs_error *err)
{
    free(*out);
    *out = vs_strdup_n(json_string_value(value), json_string_length(value));
    return *out ? VS_OK : nomem(path, err);
}

/* A list of {"name", "template"}. */
static vs_status take_named(vs_chat *c, const json_t *list, const char *path, vs_error *err)
{
    vs_buf names = {0};
    const json_t *item;
    size_t i;
    vs_status st = VS_OK;

    json_array_foreach(list, i, item)
    {
        const char *name = json_string_value(json_object_get(item, "name"));
        const json_t *value = json_object_get(item, "template");

        if (!name || !json_is_string(value)) {
            st = VS_FAIL(err, VS_E_FORMAT,
                         "%s: \"chat_template\", item %zu: expected a name and a template", path,
                         i + 1);
            goto done;
        }
        vs_buf_printf(&names, i ? ", %s" : "%s", name);
        if (strcmp(name, "default") == 0) VS_CHECK(copy_template(&c->text, value, path, err));
        if (strcmp(name, "tool_use") == 0) VS_CHECK(copy_template(&c->tools, value, path, err));
    }
    VS_CHECK(vs_buf_ok(&names, path, err));
    if (!c->text)
        st = VS_FAIL(err, VS_E_INPUT, "%s: \"chat_template\": found %.200s, expected \"default\"",
                     path, names.len ? names.data : "no names");
done:
    vs_buf_free(&names);
    return st;
}

/* Takes over *path, which names the template from then on. */
static vs_status take_template(vs_chat *c, const json_t *config, char **path, vs_error *err)
{
    const json_t *value = json_object_get(config, "chat_template");

    if (c->text || !value || json_is_null(value)) return VS_OK;
    if (json_is_array(value))
        VS_TRY(take_named(c, value, *path, err));
    else if (json_is_string(value))
        VS_TRY(copy_template(&c->text, value, *path, err));
    else
        return VS_FAIL(err, VS_E_FORMAT, "%s: \"chat_template\": found %s, expected a text", *path,
                       vs_json_kind(value));
    c->name = *path;
    *path = NULL;
    return VS_OK;
}

static vs_status take_template_file(vs_chat *c, const char *dir, vs_error *err)
{
    char *path = vs_format("%s/chat_template.jinja", dir);
    size_t len;
    vs_status st = VS_OK;

    if (!path) return nomem(dir, err);
    if (!vs_file_exists(path)) goto done;
    VS_CHECK(vs_file_read(&c->text, &len, path, MAX_TEMPLATE_BYTES, err));
    if (strlen(c->text) != len) {
        st = VS_FAIL(err, VS_E_FORMAT, "%s: found a byte 0, expected a text", path);
        goto done;
    }
    c->name = path;
    path = NULL;
done:
    free(path);
    return st;
}

vs_status vs_chat_open(vs_chat **out, const char *dir, vs_error *err)
{
    vs_chat *c = vs_alloc(1, sizeof *c);
    json_t *config = NULL, *map = NULL, *processor = NULL;
    char *config_path = NULL, *map_path = NULL, *processor_path = NULL;
    vs_status st;

    if (c) c->tokens = json_object();
    if (!c || !c->tokens) {
        st = nomem(dir, err);
        goto done;
    }
    VS_CHECK(read_optional(&config, &config_path, dir, "tokenizer_config.json", err));
    VS_CHECK(read_optional(&map, &map_path, dir, "special_tokens_map.json", err));
    VS_CHECK(read_optional(&processor, &processor_path, dir, "chat_template.json", err));
    VS_CHECK(take_tokens(c, config, config_path, err));
    if (!json_object_get(config, "added_tokens_decoder"))
        VS_CHECK(take_tokens(c, map, map_path, err));
    VS_CHECK(take_template_file(c, dir, err));
    VS_CHECK(take_template(c, config, &config_path, err));
    VS_CHECK(take_template(c, processor, &processor_path, err));
    if (!c->text) {
        st = VS_FAIL(err, VS_E_INPUT,
                     "%s: the model has no chat template: expected chat_template.jinja, or "
                     "\"chat_template\" in tokenizer_config.json",
                     dir);
        goto done;
    }
    *out = c;
    c = NULL;
done:
    vs_chat_close(c);
    json_decref(config);
    json_decref(map);
    json_decref(processor);
    free(config_path);
    free(map_path);
    free(processor_path);
    return st;
}

void vs_chat_close(vs_chat *c)
{
    if (!c) return;
    json_decref(c->tokens);
    free(c->name);
    free(c->text);
    free(c->tools);
    free(c);
}

vs_status vs_chat_render(vs_buf *out, const vs_chat *c, const json_t *messages,
                         bool add_generation_prompt, const json_t *variables, vs_error *err)
{
    json_t *context = json_copy(c->tokens);
    const char *text = c->text;
    vs_status st;

    if (json_object_get(variables, "messages")) {
        st = VS_FAIL(err, VS_E_INPUT, "%s: found \"messages\" among the template's variables",
                     c->name);
        goto done;
    }
    if (!context || json_object_set(context, "messages", (json_t *)(uintptr_t)messages) != 0 ||
        json_object_set_new(context, "add_generation_prompt",
                            json_boolean(add_generation_prompt)) != 0 ||
        json_object_set_new(context, "tools", json_null()) != 0 || /* as transformers gives them */
        json_object_set_new(context, "documents", json_null()) != 0 ||
        (variables && json_object_update(context, (json_t *)(uintptr_t)variables) != 0)) {
        st = nomem(c->name, err);
        goto done;
    }
    if (c->tools && !json_is_null(json_object_get(context, "tools"))) text = c->tools;
    st = vs_jinja_render(out, text, strlen(text), context, c->name, err);
done:
    json_decref(context);
    return st;
}
