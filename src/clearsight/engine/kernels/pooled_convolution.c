/* The gradients of a convolution whose output goes through 2x2 max pooling.

   At most one value of each window has a gradient, so most products of the usual computation are
   with zero: they are left out here. The others do not fit the processor's products of bfloat16, and
   are computed in float32, with the kernel unrounded, unlike in the forward pass.

   Strides are 1; channels and filters are computed in vectors of 16. */
#include "convolution.h"
#include "parallel.h"

/* A gradient, and the offset of the values that it is multiplied with. */
struct entry {
    int32_t offset;
    float gradient;
};

struct job {
    struct shape shape;
    const uint16_t *images; /* bfloat16 (N, H, W, C) */
    const float *kernel;      /* (filters, kernel_height, kernel_width, C) */
    const uint16_t *gradient; /* bfloat16 (N, pooled_height, pooled_width, filters) */
    const uint8_t *winners;   /* the same; see max_pooling.c */
    uint16_t *output;         /* the gradient of the images, or NULL */
    float *partial; /* (num_chunks, a chunk's gradients), zeros at first: the kernel's gradient, in
                       the kernel's layout, then the bias's */
    float *scratch; /* (num_chunks, scratch_size()), zeros at first */
};

/* to[row][i] += sum over entries of gradient * from[offset + row * stride + i] */
static inline __attribute__((always_inline)) void
add_block(const struct entry *entries, ptrdiff_t num_entries, const float *from, ptrdiff_t stride,
          float *to, ptrdiff_t to_stride, const int rows, const int vectors)
{
    __m512 sums[3][12];
#pragma GCC unroll 3
    for (int row = 0; row < rows; row++)
#pragma GCC unroll 12
        for (int v = 0; v < vectors; v++)
            sums[row][v] = _mm512_loadu_ps(to + row * to_stride + v * LANES);
    for (ptrdiff_t i = 0; i < num_entries; i++) {
        __m512 gradient = _mm512_set1_ps(entries[i].gradient);
        const float *values = from + entries[i].offset;
#pragma GCC unroll 3
        for (int row = 0; row < rows; row++)
#pragma GCC unroll 12
            for (int v = 0; v < vectors; v++)
                sums[row][v] = _mm512_fmadd_ps(
                    gradient, _mm512_loadu_ps(values + row * stride + v * LANES), sums[row][v]);
    }
#pragma GCC unroll 3
    for (int row = 0; row < rows; row++)
#pragma GCC unroll 12
        for (int v = 0; v < vectors; v++)
            _mm512_storeu_ps(to + row * to_stride + v * LANES, sums[row][v]);
}

/* The same for any number of rows and of vectors a row, in blocks that fit the registers. */
static void add_products(const struct entry *entries, ptrdiff_t num_entries, const float *from,
                         ptrdiff_t stride, float *to, ptrdiff_t to_stride, ptrdiff_t rows,
                         ptrdiff_t vectors)
{
    ptrdiff_t row = 0;
    for (; row + 3 <= rows && vectors == 6; row += 3)
        add_block(entries, num_entries, from + row * stride, stride, to + row * to_stride,
                  to_stride, 3, 6);
    for (; row < rows; row++) {
        const float *values = from + row * stride;
        float *sums = to + row * to_stride;
        ptrdiff_t v = 0;
        for (; v + 12 <= vectors; v += 12)
            add_block(entries, num_entries, values + v * LANES, 0, sums + v * LANES, 0, 1, 12);
        for (; v + 6 <= vectors; v += 6)
            add_block(entries, num_entries, values + v * LANES, 0, sums + v * LANES, 0, 1, 6);
        for (; v + 3 <= vectors; v += 3)
            add_block(entries, num_entries, values + v * LANES, 0, sums + v * LANES, 0, 1, 3);
        for (; v < vectors; v++)
            add_block(entries, num_entries, values + v * LANES, 0, sums + v * LANES, 0, 1, 1);
    }
}

/* Convert an image to float32, padded with zeros. */
static void pad(const struct shape *s, const uint16_t *image, float *padded)
{
    ptrdiff_t space = row_length(s) - s->left * s->channels, whole = s->width * s->channels;
    for (ptrdiff_t row = 0; row < s->height && row + s->top < num_rows(s); row++) {
        float *to = padded + (row + s->top) * row_length(s) + s->left * s->channels;
        for (ptrdiff_t at = 0; at < whole && at < space; at += LANES)
            _mm512_storeu_ps(to + at, widened(image + row * whole + at));
    }
}

/* Write the gradient of an image from that of the padded image; pixels in no window have none. */
static void cut_out(const struct shape *s, const float *padded, uint16_t *image)
{
    ptrdiff_t space = row_length(s) - s->left * s->channels, whole = s->width * s->channels;
    for (ptrdiff_t row = 0; row < s->height; row++) {
        const float *from = padded + (row + s->top) * row_length(s) + s->left * s->channels;
        ptrdiff_t seen = row + s->top < num_rows(s) ? space : 0;
        for (ptrdiff_t at = 0; at < whole; at += LANES)
            narrow(at < seen ? _mm512_loadu_ps(from + at) : _mm512_setzero_ps(),
                   image + row * whole + at);
    }
}

/* Offset of a window in a padded image; `offset_of` is that of a spot in a window. */
static ptrdiff_t corner_of(const struct shape *s, ptrdiff_t window)
{
    ptrdiff_t row = window / s->pooled_width, column = window % s->pooled_width;
    return 2 * row * row_length(s) + 2 * column * s->channels;
}

static ptrdiff_t offset_of(const struct shape *s, int spot)
{
    return (spot / 2) * row_length(s) + (spot % 2) * s->channels;
}

static void add_kernel_gradient(const struct job *job, ptrdiff_t image, const float *padded,
                                struct entry *entries, float *gradients)
{
    const struct shape *s = &job->shape;
    ptrdiff_t windows = num_windows(s);
    const uint16_t *gradient = job->gradient + image * windows * s->filters;
    const uint8_t *winners = job->winners + image * windows * s->filters;
    float *bias_gradient = gradients + s->filters * kernel_size(s);
    ptrdiff_t offsets[NUM_SPOTS + 1] = {0};
    for (int spot = 0; spot < NUM_SPOTS; spot++)
        offsets[spot] = offset_of(s, spot);
    for (ptrdiff_t first = 0; first < s->filters; first += LANES) {
        ptrdiff_t num_entries[LANES] = {0};
        __m512 bias = _mm512_loadu_ps(bias_gradient + first);
        for (ptrdiff_t window = 0; window < windows; window++) {
            ptrdiff_t corner = corner_of(s, window), offset = window * s->filters + first;
            float values[LANES];
            __m512 all = widened(gradient + offset);
            _mm512_storeu_ps(values, all);
            __m128i won = _mm_loadu_si128((const __m128i *)(winners + offset));
            bias = _mm512_mask_add_ps(bias, _mm_cmplt_epi8_mask(won, _mm_set1_epi8(NUM_SPOTS)),
                                      bias, all);
            for (int lane = 0; lane < LANES; lane++) { /* those without a winner are overwritten */
                int winner = winners[offset + lane];
                struct entry entry = {(int32_t)(corner + offsets[winner]), values[lane]};
                entries[lane * windows + num_entries[lane]] = entry;
                num_entries[lane] += winner < NUM_SPOTS;
            }
        }
        _mm512_storeu_ps(bias_gradient + first, bias);
        for (int lane = 0; lane < LANES; lane++)
            add_products(entries + lane * windows, num_entries[lane], padded, row_length(s),
                         gradients + (first + lane) * kernel_size(s),
                         s->kernel_width * s->channels, s->kernel_height,
                         s->kernel_width * s->channels / LANES);
    }
}

/* List the filters that have won each spot of each window, one spot after the other; `ends` is
   where the entries of each spot end. */
static void list_winners(const struct job *job, ptrdiff_t image, struct entry *entries,
                         int32_t *ends)
{
    const struct shape *s = &job->shape;
    ptrdiff_t windows = num_windows(s), number = 0;
    const uint16_t *gradient = job->gradient + image * windows * s->filters;
    const uint8_t *winners = job->winners + image * windows * s->filters;
    const __m512i lanes =
        _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (ptrdiff_t window = 0; window < windows; window++)
        for (int spot = 0; spot < NUM_SPOTS; spot++) {
            for (ptrdiff_t filter = 0; filter < s->filters; filter += LANES) {
                ptrdiff_t offset = window * s->filters + filter;
                __m128i won = _mm_loadu_si128((const __m128i *)(winners + offset));
                __mmask16 wins = _mm_cmpeq_epi8_mask(won, _mm_set1_epi8((char)spot));
                __m512i filters = _mm512_add_epi32(_mm512_set1_epi32((int)filter), lanes);
                __m512i offsets =
                    _mm512_mullo_epi32(filters, _mm512_set1_epi32((int)kernel_size(s)));
                int32_t where[LANES];
                float what[LANES];
                _mm512_storeu_si512(where, _mm512_maskz_compress_epi32(wins, offsets));
                _mm512_storeu_ps(what,
                                 _mm512_maskz_compress_ps(wins, widened(gradient + offset)));
                int num_won = _mm_popcnt_u32(wins);
                for (int i = 0; i < num_won; i++)
                    entries[number + i] = (struct entry){where[i], what[i]};
                number += num_won;
            }
            *ends++ = (int32_t)number;
        }
}

/* One kernel row after the other, because one row of all filters fits into the L1 cache. */
static void write_image_gradient(const struct job *job, ptrdiff_t image, float *padded,
                                   struct entry *entries, int32_t *ends)
{
    const struct shape *s = &job->shape;
    ptrdiff_t taps = s->kernel_width * s->channels;
    list_winners(job, image, entries, ends);
    memset(padded, 0, padded_size(s) * sizeof *padded);
    for (ptrdiff_t row = 0; row < s->kernel_height; row++) {
        ptrdiff_t first = 0;
        for (ptrdiff_t list = 0; list < NUM_SPOTS * num_windows(s); first = ends[list++]) {
            ptrdiff_t spot = offset_of(s, list % NUM_SPOTS) + corner_of(s, list / NUM_SPOTS);
            add_products(entries + first, ends[list] - first, job->kernel + row * taps, 0,
                         padded + spot + row * row_length(s), 0, 1, taps / LANES);
        }
    }
    cut_out(s, padded, job->output + image * s->height * s->width * s->channels);
}

/* Number of floats: two padded images, the entries, and where each of their lists ends; a whole
   number of vectors, so that each chunk's images are aligned to one. */
static ptrdiff_t scratch_size(const struct shape *s)
{
    ptrdiff_t entries = num_windows(s) * s->filters + LANES, ends = NUM_SPOTS * num_windows(s);
    return 2 * padded_size(s) + 2 * entries + (ends + LANES - 1) / LANES * LANES;
}

static void backward_images(const void *data, ptrdiff_t first, ptrdiff_t last, int chunk)
{
    const struct job *job = data;
    const struct shape *s = &job->shape;
    float *padded = job->scratch + chunk * scratch_size(s), *output = padded + padded_size(s);
    struct entry *entries = (struct entry *)(output + padded_size(s));
    int32_t *ends = (int32_t *)(entries + num_windows(s) * s->filters + LANES);
    float *gradients = job->partial + chunk * s->filters * (kernel_size(s) + 1);
    for (ptrdiff_t image = first; image < last; image++) {
        pad(s, job->images + image * s->height * s->width * s->channels, padded);
        add_kernel_gradient(job, image, padded, entries, gradients);
        if (job->output)
            write_image_gradient(job, image, output, entries, ends);
    }
}

void pooled_convolution_backward(const uint16_t *images, const float *kernel,
                                 const uint16_t *gradient, const uint8_t *winners, uint16_t *output,
                                 float *partial, float *scratch, const ptrdiff_t *sizes,
                                 ptrdiff_t num_chunks)
{
    struct job job = {shape_of(sizes), images, kernel,  gradient,
                      winners,         output,   partial, scratch};
    parallel_for(backward_images, &job, job.shape.count, num_chunks);
}

/* Number of values of `scratch` that a chunk needs. */
ptrdiff_t pooled_convolution_scratch_size(const ptrdiff_t *sizes)
{
    struct shape shape = shape_of(sizes);
    return scratch_size(&shape);
}
