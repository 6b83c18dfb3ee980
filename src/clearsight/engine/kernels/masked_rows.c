/* Values multiplied by a mask that repeats along one axis, as whole channels are dropped. */
#include <stdint.h>
#include <string.h>

#include "parallel.h"

struct masking {
    const void *values;   /* (outer, repeats, inner) */
    const float *factors; /* (outer, inner); where they are 0 so is the output, whatever the value */
    void *output;         /* as `values` */
    ptrdiff_t repeats, inner;
    int is_float32;
};

static inline __attribute__((always_inline)) uint32_t product(uint32_t value, float factor)
{
    float number;
    memcpy(&number, &value, sizeof number);
    number *= factor;
    memcpy(&value, &number, sizeof value);
    return factor == 0 ? 0 : value;
}

/* Value `at` is multiplied by factor `at * step`. */
static inline __attribute__((always_inline)) void
mask_row(const void *values, const float *restrict factors, void *output, ptrdiff_t length,
         int step, int is_float32)
{
    if (is_float32) {
        const uint32_t *restrict from = values;
        uint32_t *restrict to = output;
        for (ptrdiff_t at = 0; at < length; at++)
            to[at] = product(from[at], factors[at * step]);
    } else {
        const uint16_t *restrict from = values;
        uint16_t *restrict to = output;
        for (ptrdiff_t at = 0; at < length; at++) {
            uint32_t bits = product((uint32_t)from[at] << 16, factors[at * step]);
            to[at] = (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
        }
    }
}

static void mask_rows(const void *data, ptrdiff_t first, ptrdiff_t last, int chunk)
{
    (void)chunk;
    const struct masking *job = data;
    int step = job->inner > 1; /* without inner values, one factor is for all repeats */
    ptrdiff_t length = step ? job->inner : job->repeats, size = job->is_float32 ? 4 : 2;
    for (ptrdiff_t row = first; row < last; row++) {
        const char *values = (const char *)job->values + row * length * size;
        char *output = (char *)job->output + row * length * size;
        const float *factors = job->factors + (step ? row / job->repeats * job->inner : row);
        if (job->is_float32 && step)
            mask_row(values, factors, output, length, 1, 1);
        else if (job->is_float32)
            mask_row(values, factors, output, length, 0, 1);
        else if (step)
            mask_row(values, factors, output, length, 1, 0);
        else
            mask_row(values, factors, output, length, 0, 0);
    }
}

void masked_rows(const void *values, const float *factors, void *output, const ptrdiff_t *sizes,
                 int is_float32, ptrdiff_t num_chunks)
{
    struct masking job = {values, factors, output, sizes[1], sizes[2], is_float32};
    parallel_for(mask_rows, &job, sizes[0] * (sizes[2] > 1 ? sizes[1] : 1), num_chunks);
}
