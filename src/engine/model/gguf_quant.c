/* gguf_quant.c - ggml's block types to f32. Each function turns one block, in the order of
 * operations of the dequantize_row_* of ggml-quants.c, so that the numbers are equal to the last
 * bit.
 *
 * A block of the K types holds 256 elements; scales and minima of its parts are themselves small
 * integers. */
#include <string.h>

#include "engine/model/gguf.h"
#include "engine/tensor/half.h"

static float half_at(const unsigned char *p)
{
    return vs_f32_of_f16((uint16_t)(p[0] | p[1] << 8));
}

static void from_f32(float *y, const unsigned char *b)
{
    memcpy(y, b, sizeof *y);
}

static void from_f16(float *y, const unsigned char *b)
{
    *y = half_at(b);
}

static void from_bf16(float *y, const unsigned char *b)
{
    *y = vs_f32_of_bf16((uint16_t)(b[0] | b[1] << 8));
}

/* d, 16 bytes of two 4-bit numbers: element j low, element j + 16 high. */
static void from_q4_0(float *y, const unsigned char *b)
{
    const float d = half_at(b);

    for (int j = 0; j < 16; j++) {
        y[j] = (float)((b[2 + j] & 15) - 8) * d;
        y[j + 16] = (float)((b[2 + j] >> 4) - 8) * d;
    }
}

static void from_q4_1(float *y, const unsigned char *b)
{
    const float d = half_at(b), m = half_at(b + 2);

    for (int j = 0; j < 16; j++) {
        y[j] = (float)(b[4 + j] & 15) * d + m;
        y[j + 16] = (float)(b[4 + j] >> 4) * d + m;
    }
}

/* Bit i of the 32 that follow the scales is element i's fifth. */
static int fifth_bit(const unsigned char *bits, int i)
{
    return (bits[i / 8] >> i % 8 & 1) << 4;
}

static void from_q5_0(float *y, const unsigned char *b)
{
    const float d = half_at(b);

    for (int j = 0; j < 16; j++) {
        y[j] = (float)(((b[6 + j] & 15) | fifth_bit(b + 2, j)) - 16) * d;
        y[j + 16] = (float)((b[6 + j] >> 4 | fifth_bit(b + 2, j + 16)) - 16) * d;
    }
}

static void from_q5_1(float *y, const unsigned char *b)
{
    const float d = half_at(b), m = half_at(b + 2);

    for (int j = 0; j < 16; j++) {
        y[j] = (float)((b[8 + j] & 15) | fifth_bit(b + 4, j)) * d + m;
        y[j + 16] = (float)(b[8 + j] >> 4 | fifth_bit(b + 4, j + 16)) * d + m;
    }
}

static void from_q8_0(float *y, const unsigned char *b)
{
    const float d = half_at(b);

    for (int j = 0; j < 32; j++) y[j] = (float)(signed char)b[2 + j] * d;
}

/* 16 bytes of scale and minimum (4 bits each), 64 of 2-bit numbers, d, dmin. Parts of 16. */
static void from_q2_k(float *y, const unsigned char *b)
{
    const float d = half_at(b + 80), min = half_at(b + 82);

    for (int part = 0; part < 16; part++) {
        const float dl = d * (float)(b[part] & 15), ml = min * (float)(b[part] >> 4);
        const unsigned char *q = b + 16 + part / 8 * 32 + part % 2 * 16;
        const int shift = part % 8 / 2 * 2;

        for (int l = 0; l < 16; l++) *y++ = dl * (float)(q[l] >> shift & 3) - ml;
    }
}

/* Scale of part i, 6 bits less 32: its low four bits lie in bytes 0 to 7, its high two in 8 to 11.
 */
static int q3_scale(const unsigned char *scales, int i)
{
    const int low = i < 8 ? scales[i] & 15 : scales[i - 8] >> 4;
    const int high = scales[8 + i % 4] >> i / 4 * 2 & 3;

    return (low | high << 4) - 32;
}

/* 32 bytes of third bits (0 there means less 4), 64 of 2-bit numbers, 12 of scales, d. */
static void from_q3_k(float *y, const unsigned char *b)
{
    const float d = half_at(b + 108);

    for (int part = 0; part < 16; part++) {
        const float dl = d * (float)q3_scale(b + 96, part);
        const unsigned char *q = b + 32 + part / 8 * 32 + part % 2 * 16, *third = b + part % 2 * 16;
        const int shift = part % 8 / 2 * 2, bit = part / 2;

        for (int l = 0; l < 16; l++)
            *y++ = dl * (float)((q[l] >> shift & 3) - (third[l] >> bit & 1 ? 0 : 4));
    }
}

/* Scale and minimum of part i of Q4_K and Q5_K: 6 bits each, 8 of both in 12 bytes. */
static void k4_scale(float *scale, float *min, const unsigned char *s, int i)
{
    if (i < 4) {
        *scale = (float)(s[i] & 63);
        *min = (float)(s[i + 4] & 63);
    } else {
        *scale = (float)((s[i + 4] & 15) | s[i - 4] >> 6 << 4);
        *min = (float)(s[i + 4] >> 4 | s[i] >> 6 << 4);
    }
}

/* d, dmin, 12 bytes of scales, 128 of 4-bit numbers. Parts of 32; two share their bytes. */
static void from_q4_k(float *y, const unsigned char *b)
{
    const float d = half_at(b), dmin = half_at(b + 2);

    for (int part = 0; part < 8; part++) {
        const unsigned char *q = b + 16 + part / 2 * 32;
        float scale, min;

        k4_scale(&scale, &min, b + 4, part);
        const float d1 = d * scale, m1 = dmin * min;
        for (int l = 0; l < 32; l++) *y++ = d1 * (float)(part % 2 ? q[l] >> 4 : q[l] & 15) - m1;
    }
}

/* As Q4_K, with 32 bytes of fifth bits before the numbers: bit `part` of byte l. */
static void from_q5_k(float *y, const unsigned char *b)
{
    const float d = half_at(b), dmin = half_at(b + 2);

    for (int part = 0; part < 8; part++) {
        const unsigned char *fifth = b + 16, *q = b + 48 + part / 2 * 32;
        float scale, min;

        k4_scale(&scale, &min, b + 4, part);
        const float d1 = d * scale, m1 = dmin * min;
        for (int l = 0; l < 32; l++) {
            const int low = part % 2 ? q[l] >> 4 : q[l] & 15;
            *y++ = d1 * (float)(low + (fifth[l] >> part & 1 ? 16 : 0)) - m1;
        }
    }
}

/* 128 bytes of low four bits, 64 of high two, 16 scales, d. Parts of 16. */
static void from_q6_k(float *y, const unsigned char *b)
{
    const float d = half_at(b + 208);

    for (int i = 0; i < 256; i++) {
        const int half = i / 128, quarter = i % 128 / 32, l = i % 32;
        const unsigned char low = b[half * 64 + quarter % 2 * 32 + l];
        const int high = b[128 + half * 32 + l] >> 2 * quarter & 3;
        const int q = (quarter < 2 ? low & 15 : low >> 4) | high << 4;

        y[i] = d * (float)(signed char)b[192 + i / 16] * (float)(q - 32);
    }
}

/* The sixteen levels of the IQ4 types. Source: ggml-common.h, kvalues_iq4nl. */
static float iq4_level(int q)
{
    static const signed char level[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                          1,    13,   25,  38,  53,  69,  89,  113};

    return (float)level[q];
}

static void put_iq4(float *y, float d, const unsigned char *q)
{
    for (int j = 0; j < 16; j++) {
        y[j] = d * iq4_level(q[j] & 15);
        y[j + 16] = d * iq4_level(q[j] >> 4);
    }
}

static void from_iq4_nl(float *y, const unsigned char *b)
{
    put_iq4(y, half_at(b), b + 2);
}

/* d, 16 bits of the scales' high two, 4 bytes of their low four, 128 of levels. Parts of 32. */
static void from_iq4_xs(float *y, const unsigned char *b)
{
    const float d = half_at(b);
    const int high = b[2] | b[3] << 8;

    for (int part = 0; part < 8; part++) {
        const int scale = (b[4 + part / 2] >> part % 2 * 4 & 15) | (high >> 2 * part & 3) << 4;

        put_iq4(y + 32 * part, d * (float)(scale - 32), b + 8 + 16 * part);
    }
}

/* By ggml's number of the type (ggml.h, enum ggml_type). to_f32 NULL: not read. */
typedef struct block_type {
    const char *name;
    size_t n, n_bytes;
    void (*to_f32)(float *y, const unsigned char *block);
} block_type;
static const block_type types[] = {
    [0] = {"F32", 1, 4, from_f32},
    [1] = {"F16", 1, 2, from_f16},
    [2] = {"Q4_0", 32, 18, from_q4_0},
    [3] = {"Q4_1", 32, 20, from_q4_1},
    [6] = {"Q5_0", 32, 22, from_q5_0},
    [7] = {"Q5_1", 32, 24, from_q5_1},
    [8] = {"Q8_0", 32, 34, from_q8_0},
    [9] = {.name = "Q8_1"},
    [10] = {"Q2_K", 256, 84, from_q2_k},
    [11] = {"Q3_K", 256, 110, from_q3_k},
    [12] = {"Q4_K", 256, 144, from_q4_k},
    [13] = {"Q5_K", 256, 176, from_q5_k},
    [14] = {"Q6_K", 256, 210, from_q6_k},
    [15] = {.name = "Q8_K"},
    [16] = {.name = "IQ2_XXS"},
    [17] = {.name = "IQ2_XS"},
    [18] = {.name = "IQ3_XXS"},
    [19] = {.name = "IQ1_S"},
    [20] = {"IQ4_NL", 32, 18, from_iq4_nl},
    [21] = {.name = "IQ3_S"},
    [22] = {.name = "IQ2_S"},
    [23] = {"IQ4_XS", 256, 136, from_iq4_xs},
    [24] = {.name = "I8"},
    [25] = {.name = "I16"},
    [26] = {.name = "I32"},
    [27] = {.name = "I64"},
    [28] = {.name = "F64"},
    [29] = {.name = "IQ1_M"},
    [30] = {"BF16", 1, 2, from_bf16},
    [34] = {.name = "TQ1_0"},
    [35] = {.name = "TQ2_0"},
    [39] = {.name = "MXFP4"},
};
enum { N_TYPES = sizeof types / sizeof *types };

bool vs_gguf_block(size_t *n_elements, size_t *n_bytes, uint32_t type)
{
    if (type >= N_TYPES || !types[type].to_f32) return false;
    *n_elements = types[type].n;
    *n_bytes = types[type].n_bytes;
    return true;
}

void vs_gguf_type_text(vs_buf *out, uint32_t type)
{
    if (type < N_TYPES && types[type].name)
        vs_buf_str(out, types[type].name);
    else
        vs_buf_printf(out, "ggml type %u", type);
    vs_buf_str(out, ", expected ");
    for (size_t i = 0, n = 0; i < N_TYPES; i++)
        if (types[i].to_f32) vs_buf_printf(out, "%s%s", n++ ? ", " : "", types[i].name);
}

void vs_gguf_to_f32(float *out, const vs_gguf_tensor *t)
{
    const block_type *b = &types[t->type];

    for (size_t i = 0; i < t->n / b->n; i++) b->to_f32(out + i * b->n, t->data + i * b->n_bytes);
}
