/* hash.h - SHA-256 (FIPS 180-4, by OpenSSL) for content hashes, and a 64-bit key made from it. */
#ifndef VS_BASE_HASH_H
#define VS_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { VS_HASH_HEX = 65 }; /* 64 lower-case hex digits and NUL */

void vs_sha256_hex(char hex[VS_HASH_HEX], const void *data, size_t len);
VS_NODISCARD vs_status vs_sha256_file(char hex[VS_HASH_HEX], const char *path, vs_error *err);
/* First 8 bytes of SHA-256, little endian: keys random draws by a problem's id. */
uint64_t vs_hash64(const void *data, size_t len);

typedef struct vs_hasher vs_hasher;
VS_NODISCARD vs_status vs_hasher_open(vs_hasher **out, vs_error *err);
void vs_hasher_add(vs_hasher *h, const void *data, size_t len);
void vs_hasher_close(vs_hasher *h,
                     char hex[VS_HASH_HEX]); /* hex NULL: just free; h NULL: nothing */
#endif
