/* Depthwise convolutions of bfloat16 images in channels-last memory, and the gradient of the images,
   which is a convolution of the output's gradient; see depthwise.h. */
#include "depthwise.h"

enum { TILE = 7 /* pixels at once: 14 sums and two weights fit AVX2's 16 registers */ };

/* Float32 values of scratch memory that a chunk needs, for the convolution and both gradients. */
ptrdiff_t depthwise_convolution_scratch_size(const ptrdiff_t *sizes)
{
    const struct shape *s = (const struct shape *)sizes;
    struct axis rows = rows_of(s), columns = columns_of(s);
    struct axis back_rows = reversed(rows), back_columns = reversed(columns);
    struct ring ring = ring_of(&rows, &columns), back = ring_of(&back_rows, &back_columns);
    ptrdiff_t taps = s->kernel_height * s->kernel_width;
    ptrdiff_t size = ring_size(&ring) + s->output_width * BLOCK;
    size = ring_size(&back) > size ? ring_size(&back) : size;
    return size + (taps + 1) * BLOCK;
}

struct convolution {
    struct axis rows, columns;
    ptrdiff_t channels, bands;
    const uint16_t *images; /* (N, rows.from, columns.from, C) */
    const float *weights;     /* (taps, C) */
    const float *bias;        /* (C), or NULL */
    uint16_t *output;         /* (N, rows.to, columns.to, C) */
    float *scratch;
    ptrdiff_t scratch_size;
};

struct tap {
    const float *values, *weights;
};

static inline __attribute__((always_inline)) void
convolve_tile(const struct tap *taps, ptrdiff_t num_taps, ptrdiff_t at, ptrdiff_t step,
              const float *bias, uint16_t *to, ptrdiff_t to_step, const int pixels,
              const int vectors)
{
    Floats sums[TILE][2];
#pragma GCC unroll 7
    for (int x = 0; x < pixels; x++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            sums[x][v] = load(bias + v * WIDTH);
    for (ptrdiff_t t = 0; t < num_taps; t++) {
        const float *values = taps[t].values + at;
        Floats weights[2];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            weights[v] = load(taps[t].weights + v * WIDTH);
#pragma GCC unroll 7
        for (int x = 0; x < pixels; x++)
#pragma GCC unroll 2
            for (int v = 0; v < vectors; v++)
                sums[x][v] += load(values + x * step + v * WIDTH) * weights[v];
    }
#pragma GCC unroll 7
    for (int x = 0; x < pixels; x++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            narrow(sums[x][v], to + x * to_step + v * WIDTH);
}

static inline __attribute__((always_inline)) void
convolve_row(const struct tap *taps, ptrdiff_t num_taps, ptrdiff_t num_pixels, ptrdiff_t step,
             const float *bias, uint16_t *to, ptrdiff_t to_step, const int vectors)
{
    if (!num_pixels)
        return;
    /* Tiles of one size, as few as possible; the last overlaps the one before. */
    ptrdiff_t num_tiles = (num_pixels + TILE - 1) / TILE;
    ptrdiff_t pixels = (num_pixels + num_tiles - 1) / num_tiles;
    for (ptrdiff_t tile = 0; tile < num_tiles; tile++) {
        ptrdiff_t x = tile < num_tiles - 1 ? tile * pixels : num_pixels - pixels;
        uint16_t *start = to + x * to_step;
        switch (pixels) {
#define CASE(count)                                                                               \
    case count:                                                                                   \
        convolve_tile(taps, num_taps, x * step, step, bias, start, to_step, count, vectors);      \
        break;
            CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7)
#undef CASE
        }
    }
}

/* A block of channels, in a band of an image. */
static inline __attribute__((always_inline)) void
convolve_block(const struct convolution *job, ptrdiff_t image, ptrdiff_t first_row,
               ptrdiff_t last_row, struct ring *ring, const float *weights,
               ptrdiff_t columns[MAX_PHASES][MAX_TAPS], const uint16_t *from, uint16_t *to,
               const int vectors)
{
    const struct axis *down = &job->rows, *across = &job->columns;
    const float *bias = weights + down->taps * across->taps * BLOCK;
    from += image * down->from * across->from * job->channels;
    to += image * down->to * across->to * job->channels;
    for (ptrdiff_t row = first_row; row < last_row; row++)
        for (ptrdiff_t phase = 0; phase < across->divide; phase++) {
            struct tap taps[MAX_TAPS];
            ptrdiff_t num_taps = 0;
            for (ptrdiff_t y = 0; y < down->taps; y++) {
                ptrdiff_t taken = row_for(down, row, y);
                if (taken < 0)
                    continue;
                const float *values =
                    row_in(ring, from, taken, across->from, job->channels, vectors);
                for (ptrdiff_t x = 0; x < across->taps; x++)
                    if (columns[phase][x] != NO_COLUMN)
                        taps[num_taps++] = (struct tap){values + columns[phase][x] * BLOCK,
                                                        weights + (y * across->taps + x) * BLOCK};
            }
            convolve_row(taps, num_taps, columns_in_phase(across, phase), across->multiply * BLOCK,
                         bias, to + (row * across->to + phase) * job->channels,
                         across->divide * job->channels, vectors);
        }
}

static void convolve(const void *data, ptrdiff_t first, ptrdiff_t last, int chunk)
{
    const struct convolution *job = data;
    const struct axis *down = &job->rows, *across = &job->columns;
    ptrdiff_t num_taps = down->taps * across->taps, columns[MAX_PHASES][MAX_TAPS];
    for (ptrdiff_t phase = 0; phase < across->divide; phase++)
        for (ptrdiff_t x = 0; x < across->taps; x++)
            columns[phase][x] = column_for(across, phase, x);
    struct ring ring = ring_of(down, across);
    float *weights = job->scratch + chunk * job->scratch_size;
    clear(&ring, weights + (num_taps + 1) * BLOCK);
    for (ptrdiff_t item = first; item < last; item++) {
        ptrdiff_t image = item / job->bands, band = item % job->bands;
        ptrdiff_t first_row = down->to * band / job->bands;
        ptrdiff_t last_row = down->to * (band + 1) / job->bands;
        for (ptrdiff_t index = 0; index < num_blocks(job->channels); index++) {
            struct block block = block_at(job->channels, index);
            size_t size = block.vectors * WIDTH * sizeof *weights;
            for (ptrdiff_t tap = 0; tap < num_taps; tap++)
                memcpy(weights + tap * BLOCK, job->weights + tap * job->channels + block.first, size);
            if (job->bias)
                memcpy(weights + num_taps * BLOCK, job->bias + block.first, size);
            else
                memset(weights + num_taps * BLOCK, 0, size);
            forget_rows(&ring);
            if (block.vectors == 2)
                convolve_block(job, image, first_row, last_row, &ring, weights, columns,
                               job->images + block.first, job->output + block.first, 2);
            else
                convolve_block(job, image, first_row, last_row, &ring, weights, columns,
                               job->images + block.first, job->output + block.first, 1);
        }
    }
}

void depthwise_convolution(const uint16_t *images, const float *weights, const float *bias,
                           uint16_t *output, float *scratch, const ptrdiff_t *sizes,
                           ptrdiff_t num_chunks)
{
    const struct shape *s = (const struct shape *)sizes;
    struct convolution job = {
        rows_of(s), columns_of(s), s->channels, s->bands, images, weights, bias, output,
        scratch, depthwise_convolution_scratch_size(sizes)};
    parallel_for(convolve, &job, s->count * s->bands, num_chunks);
}

void depthwise_convolution_image_gradient(const uint16_t *gradient, const float *weights,
                                          uint16_t *output, float *scratch,
                                          const ptrdiff_t *sizes, ptrdiff_t num_chunks)
{
    const struct shape *s = (const struct shape *)sizes;
    struct convolution job = {
        reversed(rows_of(s)), reversed(columns_of(s)), s->channels, s->bands, gradient, weights,
        0, output, scratch,
        depthwise_convolution_scratch_size(sizes)};
    parallel_for(convolve, &job, s->count * s->bands, num_chunks);
}
