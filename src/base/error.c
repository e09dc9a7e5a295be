#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void vs_fail(vs_error *err, vs_status code, const char *format, ...)
{
    /* Formatted aside first: the arguments may point into err->text. */
    char text[sizeof err->text];
    va_list args;

    if (!err) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    memcpy(err->text, text, sizeof text);
    err->code = code;
}
