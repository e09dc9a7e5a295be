#include "app/page.h"

#include <string.h>

#include "assets.h"

void vs_page_text(vs_buf *b, const char *text)
{
    vs_buf_html(b, text, strlen(text));
}

/* "<" must not open a tag there. */
void vs_page_string(vs_buf *b, const char *text)
{
    vs_buf quoted = {0};

    vs_buf_json_str(&quoted, text, strlen(text));
    for (size_t i = 0; i < quoted.len; i++)
        if (quoted.data[i] == '<')
            vs_buf_str(b, "\\u003c");
        else
            vs_buf_add(b, quoted.data + i, 1);
    if (quoted.failed) b->failed = true;
    vs_buf_free(&quoted);
}

static void put_asset(vs_buf *b, const char *name)
{
    const vs_asset *a = vs_asset_find(name);

    if (a) vs_buf_add(b, a->data, a->len);
}

void vs_page_open(vs_buf *b, const char *title, const char *kind)
{
    vs_buf_str(b,
               "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>");
    vs_page_text(b, title);
    vs_buf_printf(b, " \xe2\x80\x93 vstar %s</title>\n<style>\n", kind);
    put_asset(b, "report/report.css");
    vs_buf_str(b, "</style></head><body>\n<header><h1>");
    vs_page_text(b, title);
    vs_buf_str(b, "</h1>");
}

void vs_page_data(vs_buf *b, const char *made_of)
{
    vs_buf_printf(b,
                  "<footer class=\"soft\">Made by vstar " VSTAR_VERSION "%s</footer>\n"
                  "<script type=\"application/json\" id=\"data\">{",
                  made_of);
}

void vs_page_close(vs_buf *b, const char *script)
{
    vs_buf_str(b, "}</script>\n<script>\n");
    put_asset(b, "chart.min.js");
    vs_buf_str(b, "\n</script>\n<script>\n");
    put_asset(b, script);
    vs_buf_str(b, "</script>\n</body></html>\n");
}
