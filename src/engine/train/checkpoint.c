#include "engine/train/checkpoint.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"

static const char MAGIC[8] = {'V', 'S', 'T', 'A', 'R', 'C', 'K', '1'};
enum { HEAD_BYTES = 8 + 64 + 8 + 8, HASH_BYTES = 64 };

static void put_u64(unsigned char *to, uint64_t x)
{
    for (int i = 0; i < 8; i++) to[i] = (unsigned char)(x >> (8 * i));
}

static uint64_t get_u64(const unsigned char *from)
{
    uint64_t x = 0;

    for (int i = 0; i < 8; i++) x |= (uint64_t)from[i] << (8 * i);
    return x;
}

static vs_status put(vs_replace *r, vs_hasher *h, const void *data, size_t len, vs_error *err)
{
    if (h) vs_hasher_add(h, data, len);
    if (fwrite(data, 1, len, r->fp) != len)
        return VS_FAIL(err, VS_E_IO, "%s: cannot write: %s", r->path, strerror(errno));
    return VS_OK;
}

vs_status vs_checkpoint_write(const char *path, const vs_checkpoint *c, vs_error *err)
{
    vs_status st;
    vs_replace r = {0};
    vs_hasher *h = NULL;
    unsigned char head[HEAD_BYTES];
    char hex[VS_HASH_HEX];

    memcpy(head, MAGIC, sizeof MAGIC);
    memcpy(head + 8, c->identity, 64);
    put_u64(head + 72, c->step);
    put_u64(head + 80, c->n);
    VS_CHECK(vs_hasher_open(&h, err));
    VS_CHECK(vs_replace_begin(&r, path, err));
    VS_CHECK(put(&r, h, head, sizeof head, err));
    VS_CHECK(put(&r, h, c->params, c->n * sizeof(float), err));
    VS_CHECK(put(&r, h, c->m, c->n * sizeof(float), err));
    VS_CHECK(put(&r, h, c->v, c->n * sizeof(float), err));
    vs_hasher_close(h, hex);
    h = NULL;
    VS_CHECK(put(&r, NULL, hex, HASH_BYTES, err));
    st = vs_replace_commit(&r, err);
    memset(&r, 0, sizeof r);
done:
    vs_hasher_close(h, NULL);
    vs_replace_abort(&r);
    return st;
}

static bool is_wanted(const vs_map *map, const vs_checkpoint *c)
{
    const size_t body = HEAD_BYTES + 3 * c->n * sizeof(float);
    char hex[VS_HASH_HEX];

    if (map->len != body + HASH_BYTES || memcmp(map->data, MAGIC, sizeof MAGIC) != 0) return false;
    if (memcmp(map->data + 8, c->identity, 64) != 0 || get_u64(map->data + 80) != c->n)
        return false;
    vs_sha256_hex(hex, map->data, body);
    return memcmp(hex, map->data + body, HASH_BYTES) == 0;
}

vs_status vs_checkpoint_read(bool *found, const char *path, vs_checkpoint *c, vs_error *err)
{
    const size_t bytes = c->n * sizeof(float);
    vs_map map = {0};

    *found = false;
    if (!vs_file_exists(path)) return VS_OK;
    VS_TRY(vs_map_open(&map, path, err));
    if (is_wanted(&map, c)) {
        const unsigned char *at = map.data + HEAD_BYTES;
        c->step = get_u64(map.data + 72);
        memcpy(c->params, at, bytes);
        memcpy(c->m, at + bytes, bytes);
        memcpy(c->v, at + 2 * bytes, bytes);
        *found = true;
    }
    vs_map_close(&map);
    return VS_OK;
}
