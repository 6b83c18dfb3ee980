/* Dropout: its mask is drawn, scaled and applied in one pass over the values.

   A value is dropped if its 16 random bits are below `threshold`, so the rate is exact to 2^-17. The
   mask depends on the key and on a value's position alone, so the backward pass draws it again,
   which is faster than to store and read it, even with one byte per value. */
#include <string.h>

#include "parallel.h"
#include "random_words.h"

typedef float Floats __attribute__((vector_size(VECTOR_BYTES)));
typedef uint16_t Halves __attribute__((vector_size(VECTOR_BYTES / 2)));

struct dropout {
    const void *values;
    void *output;
    uint64_t key;
    uint32_t threshold;
    float scale;
    ptrdiff_t num_values;
    int is_float32;
};

static inline __attribute__((always_inline)) void
apply_bfloat16(const uint16_t *values, uint16_t *output, Words kept, float scale)
{
    Halves halves;
    memcpy(&halves, values, sizeof halves);
    Floats scaled = (Floats)(__builtin_convertvector(halves, Words) << 16) * scale;
    /* Round to nearest, ties to even. Also correct for infinities and NaN, whose lower bits are zeros
       here. */
    Words bits = (Words)scaled;
    bits = (bits + 0x7fff + (bits >> 16 & 1)) >> 16 & kept;
    halves = __builtin_convertvector(bits, Halves);
    memcpy(output, &halves, sizeof halves);
}

static inline __attribute__((always_inline)) void
apply_float32(const float *values, float *output, Words kept, float scale)
{
    Floats numbers;
    memcpy(&numbers, values, sizeof numbers);
    Words bits = (Words)(numbers * scale) & kept;
    memcpy(output, &bits, sizeof bits);
}

static inline __attribute__((always_inline)) void
apply_step(const struct dropout *job, const void *values, void *output,
           struct generators *generators, int is_float32)
{
    for (int part = 0; part < PARTS; part++) {
        Words words = next_words(generators, part);
        Words kept[2] = {(Words)((words & 0xffff) >= job->threshold),
                         (Words)(words >> 16 >= job->threshold)};
        for (int half = 0; half < 2; half++) {
            ptrdiff_t at = half * LANES + part * WIDTH;
            if (is_float32)
                apply_float32((const float *)values + at, (float *)output + at, kept[half],
                              job->scale);
            else
                apply_bfloat16((const uint16_t *)values + at, (uint16_t *)output + at, kept[half],
                               job->scale);
        }
    }
}

static inline __attribute__((always_inline)) void
apply_blocks(const struct dropout *job, ptrdiff_t first, ptrdiff_t last, int is_float32)
{
    ptrdiff_t size = is_float32 ? 4 : 2;
    for (ptrdiff_t block = first; block < last; block++) {
        struct generators generators;
        start_block(&generators, job->key, block);
        ptrdiff_t at = block * BLOCK_VALUES, end = at + BLOCK_VALUES;
        end = end < job->num_values ? end : job->num_values;
        for (; at + STEP_VALUES <= end; at += STEP_VALUES)
            apply_step(job, (const char *)job->values + at * size, (char *)job->output + at * size,
                       &generators, is_float32);
        if (at < end) {
            char rest[STEP_VALUES * sizeof(float)] = {0};
            memcpy(rest, (const char *)job->values + at * size, (size_t)((end - at) * size));
            apply_step(job, rest, rest, &generators, is_float32);
            memcpy((char *)job->output + at * size, rest, (size_t)((end - at) * size));
        }
    }
}

static void drop(const void *data, ptrdiff_t first, ptrdiff_t last, int chunk)
{
    (void)chunk;
    const struct dropout *job = data;
    if (job->is_float32)
        apply_blocks(job, first, last, 1);
    else
        apply_blocks(job, first, last, 0);
}

/* Drop each value with probability `rate`, from 0 up to, not including, 1, and divide the others by
   1 - rate. */
void dropout(const void *values, const int64_t *key, void *output, ptrdiff_t num_values,
             double rate, int is_float32, ptrdiff_t num_chunks)
{
    struct dropout job = {.values = values, .output = output, .key = (uint64_t)*key,
                          .threshold = (uint32_t)(rate * 65536 + 0.5),
                          .scale = (float)(1 / (1 - rate)), .num_values = num_values,
                          .is_float32 = is_float32};
    ptrdiff_t num_blocks = (num_values + BLOCK_VALUES - 1) / BLOCK_VALUES;
    parallel_for(drop, &job, num_blocks, num_chunks < num_blocks ? num_chunks : num_blocks);
}
