/* Sizes of a convolution of stride 1 that 2x2 max pooling follows, and vectors of its values. */
#ifndef CLEARSIGHT_CONVOLUTION_H
#define CLEARSIGHT_CONVOLUTION_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { LANES = 16 /* of a vector of float32 */, NUM_SPOTS = 4 /* of a window; see max_pooling.c */ };

struct shape {
    ptrdiff_t count, height, width, channels; /* of the images */
    ptrdiff_t kernel_height, kernel_width, filters;
    ptrdiff_t top, left; /* rows and columns of zeros before an image */
    ptrdiff_t pooled_height, pooled_width;
};

/* `sizes` are the numbers of struct shape in their order. */
static inline struct shape shape_of(const ptrdiff_t *sizes)
{
    struct shape shape;
    memcpy(&shape, sizes, sizeof shape);
    return shape;
}

/* A padded image is an image with the zeros around it, as far as windows reach. */
static inline ptrdiff_t row_length(const struct shape *s)
{
    return (2 * s->pooled_width + s->kernel_width - 1) * s->channels;
}

static inline ptrdiff_t num_rows(const struct shape *s)
{
    return 2 * s->pooled_height + s->kernel_height - 1;
}

static inline ptrdiff_t padded_size(const struct shape *s)
{
    return num_rows(s) * row_length(s);
}

static inline ptrdiff_t kernel_size(const struct shape *s) /* of one filter */
{
    return s->kernel_height * s->kernel_width * s->channels;
}

static inline ptrdiff_t num_windows(const struct shape *s)
{
    return s->pooled_height * s->pooled_width;
}

/* Sixteen values of bfloat16 as float32. */
static inline __m512 widened(const uint16_t *bits)
{
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)bits));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

/* The reverse, rounded. */
static inline void narrow(__m512 values, uint16_t *bits)
{
    _mm256_storeu_si256((__m256i *)bits, (__m256i)_mm512_cvtneps_pbh(values));
}

#endif
