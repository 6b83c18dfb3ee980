/* An affine transformation of each image, as `keras.ops.image.affine_transform` computes it, in one
   pass.

   The results are the same bits as torch's: operations are in the same order, and each is rounded by
   itself, so no multiplication may be contracted with an addition. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#else
#pragma GCC optimize("fp-contract=off")
#endif

#include <stdint.h>
#include <string.h>

#include "parallel.h"

/* How pixels outside of an image are filled; numbers as in affine.py. */
enum { CONSTANT, NEAREST, WRAP, REFLECT, MIRROR };

struct affine {
    const float *images;   /* (N, H, W, C) */
    const float *matrices; /* (N, 8) */
    float *output;         /* as `images` */
    ptrdiff_t height, width, channels;
    int fill_mode, is_bilinear;
    float fill_value;
};

/* The two pixels along an axis that a coordinate lies between. */
struct neighbours {
    int64_t index[2]; /* -1: outside, where pixels have the fill value */
    float weight[2];
};

/* The remainder that has the divisor's sign, as in Python. */
static inline int64_t modulo(int64_t value, int64_t divisor)
{
    int64_t rest = value % divisor;
    return rest < 0 ? rest + divisor : rest;
}

/* The pixel that an index means, which may be outside: see `struct neighbours`. */
static inline int64_t fill(int64_t index, int64_t size, int fill_mode)
{
    int64_t within, period;
    if (index >= 0 && index < size)
        return index;
    switch (fill_mode) {
    case CONSTANT:
        return -1;
    case NEAREST:
        return index < 0 ? 0 : size - 1;
    case WRAP:
        return modulo(index, size);
    case REFLECT: /* ... c b a | a b c ... c | c b a ... */
        within = modulo(index, 2 * size);
        return within < size ? within : 2 * size - 1 - within;
    default: /* ... c b | a b c ... z | y x ... */
        period = size > 1 ? 2 * (size - 1) : 1;
        within = modulo(index, period);
        return within < period - within ? within : period - within;
    }
}

static inline int64_t floor_of(float value)
{
    int64_t whole = (int64_t)value;
    return whole - ((float)whole > value);
}

/* To the nearest integer; ties to even. */
static inline int64_t round_of(float value)
{
    int64_t lower = floor_of(value);
    float beyond = value - (float)lower;
    return lower + (beyond > 0.5f || (beyond == 0.5f && (lower & 1)));
}

static inline __attribute__((always_inline)) struct neighbours
find_neighbours(float coordinate, int64_t size, int fill_mode, int is_bilinear)
{
    if (!is_bilinear)
        return (struct neighbours){{fill(round_of(coordinate), size, fill_mode), 0}, {1, 0}};
    int64_t lower = floor_of(coordinate);
    float beyond = coordinate - (float)lower;
    return (struct neighbours){{fill(lower, size, fill_mode), fill(lower + 1, size, fill_mode)},
                               {1 - beyond, beyond}};
}

/* Interpolate between four pixels that are all inside, as most are; `first` is above and left. */
static inline __attribute__((always_inline)) void
blend(const float *restrict first, float *restrict output, ptrdiff_t length, ptrdiff_t channels,
      float below, float right)
{
    float above = 1 - below, left = 1 - right;
    for (ptrdiff_t c = 0; c < channels; c++)
        output[c] = 0 + first[c] * (above * left) + first[c + channels] * (above * right) +
                    first[c + length] * (below * left) +
                    first[c + length + channels] * (below * right);
}

static inline __attribute__((always_inline)) void
sample_row(const struct affine *job, ptrdiff_t number, ptrdiff_t channels, int is_bilinear)
{
    ptrdiff_t image = number / job->height, length = job->width * channels;
    const float *pixels = job->images + image * job->height * length;
    const float *matrix = job->matrices + image * 8;
    float *output = job->output + number * length, y = (float)(number % job->height);
    float last_row = (float)(job->height - 1), last_column = (float)(job->width - 1);
    for (ptrdiff_t at = 0; at < job->width; at++, output += channels) {
        float x = (float)at;
        float row = y * matrix[4] + x * matrix[3] + matrix[5];
        float column = y * matrix[1] + x * matrix[0] + matrix[2];
        if (is_bilinear && row >= 0 && row < last_row && column >= 0 && column < last_column) {
            ptrdiff_t first_row = (ptrdiff_t)row, first_column = (ptrdiff_t)column;
            blend(pixels + first_row * length + first_column * channels, output, length, channels,
                  row - (float)first_row, column - (float)first_column);
            continue;
        }
        struct neighbours rows = find_neighbours(row, job->height, job->fill_mode, is_bilinear);
        struct neighbours columns =
            find_neighbours(column, job->width, job->fill_mode, is_bilinear);
        for (ptrdiff_t c = 0; c < channels; c++) {
            float sum = 0;
            for (int i = 0; i < 1 + is_bilinear; i++)
                for (int j = 0; j < 1 + is_bilinear; j++) {
                    int is_outside = rows.index[i] < 0 || columns.index[j] < 0;
                    float value = is_outside ? job->fill_value
                                             : pixels[rows.index[i] * length +
                                                      columns.index[j] * channels + c];
                    sum += value * (rows.weight[i] * columns.weight[j]);
                }
            output[c] = sum;
        }
    }
}

static void sample_rows(const void *data, ptrdiff_t first, ptrdiff_t last, int chunk)
{
    (void)chunk;
    const struct affine *job = data;
    for (ptrdiff_t row = first; row < last; row++) {
        if (job->channels == 3 && job->is_bilinear)
            sample_row(job, row, 3, 1);
        else if (job->channels == 1 && job->is_bilinear)
            sample_row(job, row, 1, 1);
        else if (job->is_bilinear)
            sample_row(job, row, job->channels, 1);
        else
            sample_row(job, row, job->channels, 0);
    }
}

void affine(const float *images, const float *matrices, float *output, const ptrdiff_t *shape,
            ptrdiff_t fill_mode, double fill_value, int is_bilinear, ptrdiff_t num_chunks)
{
    struct affine job = {images,   matrices,  output,      shape[1],         shape[2],
                         shape[3], (int)fill_mode, is_bilinear, (float)fill_value};
    parallel_for(sample_rows, &job, shape[0] * shape[1], num_chunks);
}
