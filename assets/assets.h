/* assets.h - files that travel inside the program: the demo's base, its recipes, the report's
 * parts.
 *
 * Names: "demo-base/config.json", "recipes/demo.yaml", "report/NAME", "chart.min.js". A file that
 * was missing when the program was configured (the base's weights before they are trained) is not
 * found. */
#ifndef VS_ASSETS_H
#define VS_ASSETS_H

#include <stddef.h>

typedef struct vs_asset {
    const char *name;
    const unsigned char *data; /* on a 64-byte boundary; a NUL follows, so text is a string */
    size_t len;                /* bytes, without that NUL */
} vs_asset;

/* NULL when there is none of that name. Static storage. */
const vs_asset *vs_asset_find(const char *name);

/* All of them, in order of name. */
const vs_asset *vs_assets_all(size_t *n);
#endif
