/* Multi-head attention: softmax of products of queries and keys, dropout, products with the
   values; forward and backward. Scores never leave the cache: the backward pass computes them again
   (their sums of exponentials are kept) and draws the same random numbers again for dropout.

   A task is one image's keys and values of one head, with the heads of queries that use them.
   ROWS queries at a time are multiplied with all of its keys. All products are of bfloat16, summed
   in float32. The processor multiplies pairs of values, neighbours along the axis that is summed
   over, so both factors are stored as such pairs, one 32-bit word each. */
#ifndef CLEARSIGHT_ATTENTION_H
#define CLEARSIGHT_ATTENTION_H

#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "parallel.h"
#include "random_words.h"

enum { TILE = 8 /* rows whose sums fit the registers */, ROWS = 8 /* queries at a time */ };

struct sizes {
    ptrdiff_t count;                               /* of images */
    ptrdiff_t queries, heads, keys, groups;        /* `groups`: heads of keys and values */
    ptrdiff_t size, value_size;                    /* of a head of queries and keys; of values */
    ptrdiff_t query_stride, key_stride, value_stride; /* from one position to the next */
};

struct job {
    struct sizes sizes;
    const uint16_t *query, *key, *value; /* bfloat16 (count, positions, heads, size) */
    const uint16_t *output, *gradient;   /* (count, queries, heads, value_size), contiguous */
    uint16_t *written, *query_gradient, *key_gradient, *value_gradient; /* contiguous */
    float *log_sums;           /* (count, heads, queries), of the exponentials of a query's scores */
    const int64_t *random_key; /* or NULL: nothing is dropped */
    uint32_t threshold;        /* a probability is dropped if its 16 random bits are below */
    float kept_scale;
    char *scratch;
    ptrdiff_t scratch_size; /* of a chunk, in bytes */
};

static inline ptrdiff_t padded(ptrdiff_t size)
{
    return (size + LANES - 1) / LANES * LANES;
}

/* to (TILE, N) = or += a (TILE, K) b (K, N), in pairs along K; a's pair is a[row * a_row + k * a_k].
 */
static inline __attribute__((always_inline)) void
multiply_tile(const uint32_t *a, ptrdiff_t a_row, ptrdiff_t a_k, ptrdiff_t num_pairs,
              const uint32_t *b, ptrdiff_t stride, float *to, const int vectors, const int adds)
{
    __m512 sums[TILE][3];
#pragma GCC unroll 8
    for (int row = 0; row < TILE; row++)
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++)
            sums[row][v] = adds ? _mm512_loadu_ps(to + row * stride + v * LANES)
                                : _mm512_setzero_ps();
    for (ptrdiff_t k = 0; k < num_pairs; k++) {
        __m512bh values[3];
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++)
            values[v] = (__m512bh)_mm512_loadu_si512(b + k * stride + v * LANES);
#pragma GCC unroll 8
        for (int row = 0; row < TILE; row++) {
            __m512bh factor = (__m512bh)_mm512_set1_epi32((int)a[row * a_row + k * a_k]);
#pragma GCC unroll 3
            for (int v = 0; v < vectors; v++)
                sums[row][v] = _mm512_dpbf16_ps(sums[row][v], factor, values[v]);
        }
    }
#pragma GCC unroll 8
    for (int row = 0; row < TILE; row++)
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++)
            _mm512_storeu_ps(to + row * stride + v * LANES, sums[row][v]);
}

/* The same for rows (a multiple of TILE) of any N that is a multiple of LANES. */
static inline __attribute__((always_inline)) void
multiply_rows(const uint32_t *a, ptrdiff_t a_row, ptrdiff_t a_k, ptrdiff_t num_pairs,
              const uint32_t *b, ptrdiff_t width, float *to, ptrdiff_t num_rows, const int adds)
{
    for (ptrdiff_t row = 0; row < num_rows; row += TILE, a += TILE * a_row, to += TILE * width) {
        ptrdiff_t at = 0;
        for (; at + 3 * LANES <= width && at + 4 * LANES != width; at += 3 * LANES)
            multiply_tile(a, a_row, a_k, num_pairs, b + at, width, to + at, 3, adds);
        for (; at + 2 * LANES <= width; at += 2 * LANES)
            multiply_tile(a, a_row, a_k, num_pairs, b + at, width, to + at, 2, adds);
        for (; at < width; at += LANES)
            multiply_tile(a, a_row, a_k, num_pairs, b + at, width, to + at, 1, adds);
    }
}

/* to (ROWS, width) = a (ROWS, K) b (K, width) */
static inline void multiply(const uint32_t *a, ptrdiff_t a_row, ptrdiff_t num_pairs, const uint32_t *b,
                     ptrdiff_t width, float *to)
{
    multiply_rows(a, a_row, 1, num_pairs, b, width, to, ROWS, 0);
}

/* to (keys, width) += the transpose of a (ROWS, keys) times b (ROWS, width) */
static inline void add_transposed(const uint32_t *a, ptrdiff_t keys, const uint32_t *b, ptrdiff_t width,
                           float *to)
{
    multiply_rows(a, 1, keys, ROWS / 2, b, width, to, keys, 1);
}

/* e^x for x of at most 0; Cephes' polynomial of exp, by S. L. Moshier: right to 2e-7. */
static inline __m512 exponential(__m512 x)
{
    x = _mm512_max_ps(_mm512_set1_ps(-87.0f), x); /* NaN stays: the second operand is returned */
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504088896341f)), 8);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    __m512 p = _mm512_set1_ps(1.9875691500e-4f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.3981999507e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519073e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1f));
    p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), _mm512_add_ps(r, _mm512_set1_ps(1.0f)));
    return _mm512_scalef_ps(p, n);
}

static inline __mmask16 lanes_of(ptrdiff_t rest)
{
    return rest >= LANES ? 0xffff : (__mmask16)((1u << rest) - 1);
}

static inline __m512i narrowed(__m512 values)
{
    return _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(values));
}

static inline __m512 widened(__m256i halves)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

/* Copy rows of a head, padded with zeros to (all_rows, padded(size)). */
static inline void copy_rows(const uint16_t *from, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t size,
                      ptrdiff_t all_rows, uint16_t *to)
{
    ptrdiff_t width = padded(size);
    for (ptrdiff_t row = 0; row < rows; row++)
        for (ptrdiff_t at = 0; at < width; at += LANES)
            _mm256_storeu_epi16(
                to + row * width + at,
                _mm256_maskz_loadu_epi16(lanes_of(size - at), from + row * stride + at));
    memset(to + rows * width, 0, (size_t)((all_rows - rows) * width) * sizeof *to);
}

/* Copy the keys, or the values, of a group of heads, padded with zeros. */
static inline void copy_keys(const struct job *job, ptrdiff_t image, ptrdiff_t group, uint16_t *to)
{
    const struct sizes *s = &job->sizes;
    copy_rows(job->key + image * s->keys * s->key_stride + group * s->size, s->key_stride, s->keys,
              s->size, padded(s->keys), to);
}

static inline void copy_values(const struct job *job, ptrdiff_t image, ptrdiff_t group,
                               uint16_t *to)
{
    const struct sizes *s = &job->sizes;
    copy_rows(job->value + image * s->keys * s->value_stride + group * s->value_size,
              s->value_stride, s->keys, s->value_size, padded(s->keys), to);
}

static inline void write_rows(const float *from, ptrdiff_t rows, ptrdiff_t size, uint16_t *to,
                       ptrdiff_t stride)
{
    ptrdiff_t width = padded(size);
    for (ptrdiff_t row = 0; row < rows; row++)
        for (ptrdiff_t at = 0; at < width; at += LANES) {
            __m256i halves = (__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(from + row * width + at));
            _mm256_mask_storeu_epi16(to + row * stride + at, lanes_of(size - at), halves);
        }
}

/* From (rows, width) to (width / 2, rows): pairs along a row, of all rows side by side. */
static inline void pair_columns(const uint16_t *from, ptrdiff_t rows, ptrdiff_t width, uint32_t *to)
{
    for (ptrdiff_t row = 0; row < rows; row++)
        for (ptrdiff_t at = 0; at < width / 2; at++)
            memcpy(to + at * rows + row, from + row * width + 2 * at, sizeof *to);
}

/* From (rows, width) to (rows / 2, width): pairs of a row and the next. */
static inline void pair_rows(const uint16_t *from, ptrdiff_t rows, ptrdiff_t width, uint32_t *to)
{
    for (ptrdiff_t row = 0; row < rows; row += 2, from += 2 * width, to += width)
        for (ptrdiff_t at = 0; at < width; at += LANES) {
            __m512i even = _mm512_cvtepu16_epi32(_mm256_loadu_epi16(from + at));
            __m512i odd = _mm512_cvtepu16_epi32(_mm256_loadu_epi16(from + width + at));
            _mm512_storeu_si512(to + at, _mm512_or_si512(even, _mm512_slli_epi32(odd, 16)));
        }
}

static inline struct generators generators_of(const struct job *job, ptrdiff_t image, ptrdiff_t head)
{
    struct generators generators;
    memset(&generators, 0, sizeof generators);
    if (job->random_key != NULL)
        start_block(&generators, (uint64_t)*job->random_key, image * job->sizes.heads + head);
    return generators;
}

/* Which of the next values of two rows are kept. */
static inline void draw(const struct job *job, struct generators *generators, __mmask16 kept[2])
{
    kept[0] = kept[1] = 0xffff;
    if (job->random_key == NULL)
        return;
    __m512i words = (__m512i)next_words(generators, 0);
    __m512i threshold = _mm512_set1_epi32((int)job->threshold);
    __m512i low = _mm512_and_si512(words, _mm512_set1_epi32(0xffff));
    kept[0] = _mm512_cmpge_epu32_mask(low, threshold);
    kept[1] = _mm512_cmpge_epu32_mask(_mm512_srli_epi32(words, 16), threshold);
}

/* The arrays in a chunk's scratch memory; from `key_rows` on for the backward pass alone. */
struct memory {
    uint16_t *rows; /* of keys or values, as they are read */
    uint32_t *key_columns, *value_rows; /* in pairs */
    float *scores, *sums;
    uint16_t *query, *probabilities;
    uint32_t *key_rows, *value_columns, *query_rows, *gradient_rows; /* in pairs */
    float *key_sums, *value_sums, *gradients;
    uint16_t *gradient, *output, *score_gradients;
    uint32_t *probability_rows, *score_gradient_rows; /* in pairs */
};

static inline void *take(char **at, ptrdiff_t num_values, ptrdiff_t value_size)
{
    void *taken = *at;
    *at += (num_values * value_size + 63) / 64 * 64;
    return taken;
}

/* Assign the arrays their memory, and return the size of all in bytes. */
static inline ptrdiff_t lay_out(const struct sizes *s, char *scratch, struct memory *m)
{
    ptrdiff_t keys = padded(s->keys), size = padded(s->size), value_size = padded(s->value_size);
    ptrdiff_t larger = size > value_size ? size : value_size;
    char *at = scratch;
    m->rows = take(&at, keys * larger, 2);
    m->key_columns = take(&at, keys * size / 2, 4);
    m->value_rows = take(&at, keys * value_size / 2, 4);
    m->scores = take(&at, ROWS * keys, 4);
    m->sums = take(&at, ROWS * larger, 4);
    m->query = take(&at, ROWS * size, 2);
    m->probabilities = take(&at, ROWS * keys, 2);
    m->key_rows = take(&at, keys * size / 2, 4);
    m->value_columns = take(&at, keys * value_size / 2, 4);
    m->query_rows = take(&at, ROWS * size / 2, 4);
    m->gradient_rows = take(&at, ROWS * value_size / 2, 4);
    m->key_sums = take(&at, keys * size, 4);
    m->value_sums = take(&at, keys * value_size, 4);
    m->gradients = take(&at, ROWS * keys, 4);
    m->gradient = take(&at, ROWS * value_size, 2);
    m->output = take(&at, ROWS * value_size, 2);
    m->score_gradients = take(&at, ROWS * keys, 2);
    m->probability_rows = take(&at, ROWS * keys / 2, 4);
    m->score_gradient_rows = take(&at, ROWS * keys / 2, 4);
    return at - scratch;
}

static inline const uint32_t *pairs(const uint16_t *rows)
{
    return (const uint32_t *)rows;
}

static inline struct job job_of(const ptrdiff_t *sizes, const int64_t *random_key, double rate,
                         float *scratch)
{
    struct job job = {.random_key = random_key, .scratch = (char *)scratch, .kept_scale = 1.0f};
    memcpy(&job.sizes, sizes, sizeof job.sizes);
    struct memory m;
    job.scratch_size = lay_out(&job.sizes, NULL, &m);
    if (random_key != NULL) {
        job.threshold = (uint32_t)(rate * 65536 + 0.5);
        job.kept_scale = (float)(1 / (1 - rate));
    }
    return job;
}

#endif
