#include "base/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The plain SHA256_* calls are used rather than EVP because they neither allocate nor look up a
 * provider: hashing memory cannot fail, and its callers need no error path. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "base/mem.h"

struct vs_hasher {
    SHA256_CTX ctx;
};

static void to_hex(char hex[VS_HASH_HEX], const unsigned char digest[SHA256_DIGEST_LENGTH])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[VS_HASH_HEX - 1] = '\0';
}

static void digest_of(unsigned char digest[SHA256_DIGEST_LENGTH], const void *data, size_t len)
{
    SHA256_CTX ctx;

    SHA256_Init(&ctx);
    if (len) SHA256_Update(&ctx, data, len);
    SHA256_Final(digest, &ctx);
}

void vs_sha256_hex(char hex[VS_HASH_HEX], const void *data, size_t len)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    digest_of(digest, data, len);
    to_hex(hex, digest);
}

uint64_t vs_hash64(const void *data, size_t len)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    uint64_t h = 0;

    digest_of(digest, data, len);
    for (int i = 7; i >= 0; i--) h = h << 8 | digest[i];
    return h;
}

vs_status vs_sha256_file(char hex[VS_HASH_HEX], const char *path, vs_error *err)
{
    unsigned char chunk[1 << 16], digest[SHA256_DIGEST_LENGTH];
    vs_status st = VS_OK;
    SHA256_CTX ctx;
    size_t n;
    FILE *fp = fopen(path, "rbe");

    if (!fp) return VS_FAIL(err, VS_E_IO, "%s: cannot open: %s", path, strerror(errno));
    SHA256_Init(&ctx);
    while ((n = fread(chunk, 1, sizeof chunk, fp)) > 0) SHA256_Update(&ctx, chunk, n);
    if (ferror(fp)) {
        st = VS_FAIL(err, VS_E_IO, "%s: cannot read: %s", path, strerror(errno));
    } else {
        SHA256_Final(digest, &ctx);
        to_hex(hex, digest);
    }
    fclose(fp);
    return st;
}

vs_status vs_hasher_open(vs_hasher **out, vs_error *err)
{
    vs_hasher *h = vs_alloc(1, sizeof *h);

    if (!h) return VS_FAIL(err, VS_E_NOMEM, "hash: out of memory");
    SHA256_Init(&h->ctx);
    *out = h;
    return VS_OK;
}

void vs_hasher_add(vs_hasher *h, const void *data, size_t len)
{
    if (len) SHA256_Update(&h->ctx, data, len);
}

void vs_hasher_close(vs_hasher *h, char hex[VS_HASH_HEX])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    if (!h) return;
    if (hex) {
        SHA256_Final(digest, &h->ctx);
        to_hex(hex, digest);
    }
    free(h);
}
