/* The gradient of a depthwise convolution's kernel, and of its bias; see depthwise.h. */
#include "depthwise.h"

enum { GROUP = 5 /* taps at once: ten sums and two gradients fit AVX2's 16 registers */ };

struct kernel_gradient {
    struct axis rows, columns;
    ptrdiff_t channels, bands;
    const uint16_t *images, *gradient;
    float *partial; /* (num_chunks, taps + 1, C), zeros at first: the kernel's gradient, then the
                       bias's */
    float *scratch;
    ptrdiff_t scratch_size;
};

/* sums[tap] += gradient * values[tap], over all columns of a row */
static inline __attribute__((always_inline)) void
add_taps(const float *gradient, ptrdiff_t num_columns, const float *const *values, ptrdiff_t step,
         float *const *sums, const int taps, const int vectors)
{
    Floats totals[GROUP][2];
#pragma GCC unroll 5
    for (int t = 0; t < taps; t++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            totals[t][v] = load(sums[t] + v * WIDTH);
    for (ptrdiff_t x = 0; x < num_columns; x++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            Floats factor = load(gradient + x * BLOCK + v * WIDTH);
#pragma GCC unroll 5
            for (int t = 0; t < taps; t++)
                totals[t][v] += factor * load(values[t] + x * step + v * WIDTH);
        }
#pragma GCC unroll 5
    for (int t = 0; t < taps; t++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            store(totals[t][v], sums[t] + v * WIDTH);
}

static inline __attribute__((always_inline)) void
add_group(const float *gradient, ptrdiff_t num_columns, const float *const *values, ptrdiff_t step,
          float *const *sums, ptrdiff_t taps, const int vectors)
{
    switch (taps) {
    case 5: add_taps(gradient, num_columns, values, step, sums, 5, vectors); break;
    case 4: add_taps(gradient, num_columns, values, step, sums, 4, vectors); break;
    case 3: add_taps(gradient, num_columns, values, step, sums, 3, vectors); break;
    case 2: add_taps(gradient, num_columns, values, step, sums, 2, vectors); break;
    case 1: add_taps(gradient, num_columns, values, step, sums, 1, vectors); break;
    }
}

static inline __attribute__((always_inline)) void
add_block(const struct kernel_gradient *job, ptrdiff_t image, ptrdiff_t first_row,
          ptrdiff_t last_row, struct ring *ring, float *gradient, float *sums,
          const uint16_t *images, const uint16_t *gradients, const int vectors)
{
    const struct axis *down = &job->rows, *across = &job->columns;
    float *bias = sums + down->taps * across->taps * BLOCK;
    images += image * down->from * across->from * job->channels;
    gradients += image * down->to * across->to * job->channels;
    for (ptrdiff_t row = first_row; row < last_row; row++) {
        widen_row(gradients + row * across->to * job->channels, across->to, job->channels, gradient,
                  vectors);
        for (int v = 0; v < vectors; v++) {
            Floats total = load(bias + v * WIDTH);
            for (ptrdiff_t x = 0; x < across->to; x++)
                total += load(gradient + x * BLOCK + v * WIDTH);
            store(total, bias + v * WIDTH);
        }
        const float *values[MAX_TAPS];
        float *tap_sums[MAX_TAPS];
        ptrdiff_t num_taps = 0;
        for (ptrdiff_t y = 0; y < down->taps; y++) {
            ptrdiff_t taken = row_for(down, row, y);
            if (taken < 0)
                continue;
            const float *from = row_in(ring, images, taken, across->from, job->channels, vectors);
            for (ptrdiff_t x = 0; x < across->taps; x++, num_taps++) {
                values[num_taps] = from + column_for(across, 0, x) * BLOCK;
                tap_sums[num_taps] = sums + (y * across->taps + x) * BLOCK;
            }
        }
        /* In groups of nearly the same size. */
        ptrdiff_t num_groups = (num_taps + GROUP - 1) / GROUP;
        for (ptrdiff_t group = 0; group < num_groups; group++) {
            ptrdiff_t start = num_taps * group / num_groups;
            ptrdiff_t end = num_taps * (group + 1) / num_groups;
            add_group(gradient, across->to, values + start, across->multiply * BLOCK,
                      tap_sums + start, end - start, vectors);
        }
    }
}

static void add_images(const void *data, ptrdiff_t first, ptrdiff_t last, int chunk)
{
    const struct kernel_gradient *job = data;
    const struct axis *down = &job->rows, *across = &job->columns;
    ptrdiff_t num_sums = down->taps * across->taps + 1;
    struct ring ring = ring_of(down, across);
    float *sums = job->scratch + chunk * job->scratch_size;
    float *gradient = sums + num_sums * BLOCK;
    float *partial = job->partial + chunk * num_sums * job->channels;
    clear(&ring, gradient + across->to * BLOCK);
    for (ptrdiff_t item = first; item < last; item++) {
        ptrdiff_t image = item / job->bands, band = item % job->bands;
        ptrdiff_t first_row = down->to * band / job->bands;
        ptrdiff_t last_row = down->to * (band + 1) / job->bands;
        for (ptrdiff_t index = 0; index < num_blocks(job->channels); index++) {
            struct block block = block_at(job->channels, index);
            memset(sums, 0, num_sums * BLOCK * sizeof *sums);
            forget_rows(&ring);
            if (block.vectors == 2)
                add_block(job, image, first_row, last_row, &ring, gradient, sums,
                          job->images + block.first, job->gradient + block.first, 2);
            else
                add_block(job, image, first_row, last_row, &ring, gradient, sums,
                          job->images + block.first, job->gradient + block.first, 1);
            for (ptrdiff_t sum = 0; sum < num_sums; sum++)
                for (ptrdiff_t lane = block.overlap; lane < block.vectors * WIDTH; lane++)
                    partial[sum * job->channels + block.first + lane] += sums[sum * BLOCK + lane];
        }
    }
}

void depthwise_convolution_kernel_gradient(const uint16_t *images, const uint16_t *gradient,
                                           float *partial, float *scratch, const ptrdiff_t *sizes,
                                           ptrdiff_t num_chunks)
{
    const struct shape *s = (const struct shape *)sizes;
    struct kernel_gradient job = {
        rows_of(s), columns_of(s), s->channels, s->bands, images, gradient, partial, scratch,
        depthwise_convolution_scratch_size(sizes)};
    parallel_for(add_images, &job, s->count * s->bands, num_chunks);
}
