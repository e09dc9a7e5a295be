/* page.h - what pages share: escaped text, the head with the style, the foot with data and scripts. A
 * page loads nothing from elsewhere. */
#ifndef VS_APP_PAGE_H
#define VS_APP_PAGE_H

#include "base/buf.h"

void vs_page_text(vs_buf *b, const char *text);   /* as HTML */
void vs_page_string(vs_buf *b, const char *text); /* a JSON string inside a script element */
/* Opens the page up to its title's line; the caller ends <header>. kind: "report". */
void vs_page_open(vs_buf *b, const char *title, const char *kind);
/* The caller's JSON members go between these two. made_of: behind "Made by vstar". */
void vs_page_data(vs_buf *b, const char *made_of);
void vs_page_close(vs_buf *b, const char *script);
#endif
