/* The gradients of the kernel and of the bias of a strided convolution of few channels, such as a
   network's first; see depthwise.h for `struct axis` and `struct shape`. */
#include "depthwise.h"

enum { GROUP = 5 /* factors at once: ten sums and two gradients fit AVX2's 16 registers */ };

struct job {
    struct axis rows, columns;
    ptrdiff_t channels, filters, bands;
    const uint16_t *images;   /* bfloat16 (N, H, W, C) */
    const uint16_t *gradient; /* bfloat16 (N, output height, output width, filters) */
    float *partial;           /* (num_chunks, taps * C + 1, filters), zeros at first: the kernel's
                                 gradient, then the bias's */
    float *scratch;
    ptrdiff_t scratch_size;
};

/* Zeros before a padded row of an image. */
static ptrdiff_t values_before(const struct axis *columns, ptrdiff_t channels)
{
    return -column_for(columns, 0, 0) * channels;
}

/* Values of a padded row of an image. */
static ptrdiff_t row_values(const struct axis *columns, ptrdiff_t channels)
{
    ptrdiff_t reach = (columns->to - 1) * columns->multiply + (columns->taps - 1) * columns->step;
    ptrdiff_t width = columns->from - columns->first;
    return (reach + 1 > width ? reach + 1 : width) * channels;
}

/* `sizes` are those of struct shape, then the number of filters. */
ptrdiff_t few_channels_kernel_gradient_scratch_size(const ptrdiff_t *sizes)
{
    const struct shape *s = (const struct shape *)sizes;
    struct axis columns = columns_of(s);
    return row_values(&columns, s->channels) + s->output_width * BLOCK;
}

/* sums[factor] += gradient * values[factor], over all columns of a row */
static inline __attribute__((always_inline)) void
add_factors(const float *gradient, ptrdiff_t num_columns, const float *const *values,
            ptrdiff_t step, float *sums, ptrdiff_t filters, const int factors, const int vectors)
{
    Floats totals[GROUP][2];
#pragma GCC unroll 5
    for (int f = 0; f < factors; f++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            totals[f][v] = load(sums + f * filters + v * WIDTH);
    for (ptrdiff_t x = 0; x < num_columns; x++) {
        Floats gradients[2];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            gradients[v] = load(gradient + x * BLOCK + v * WIDTH);
#pragma GCC unroll 5
        for (int f = 0; f < factors; f++)
#pragma GCC unroll 2
            for (int v = 0; v < vectors; v++)
                totals[f][v] += gradients[v] * values[f][x * step];
    }
#pragma GCC unroll 5
    for (int f = 0; f < factors; f++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            store(totals[f][v], sums + f * filters + v * WIDTH);
}

/* The same for all factors of a row of taps, whose sums are contiguous. */
static inline __attribute__((always_inline)) void
add_row(const struct job *job, const float *gradient, const float *row, float *sums,
        const int vectors)
{
    const struct axis *across = &job->columns;
    ptrdiff_t num_factors = across->taps * job->channels, step = across->multiply * job->channels;
    for (ptrdiff_t first = 0; first < num_factors; first += GROUP) {
        const float *values[GROUP];
        ptrdiff_t count = num_factors - first < GROUP ? num_factors - first : GROUP;
        for (ptrdiff_t f = 0; f < count; f++) {
            ptrdiff_t tap = (first + f) / job->channels, channel = (first + f) % job->channels;
            values[f] = row + column_for(across, 0, tap) * job->channels + channel;
        }
        float *to = sums + first * job->filters;
        if (count == GROUP)
            add_factors(gradient, across->to, values, step, to, job->filters, GROUP, vectors);
        else if (count == 4)
            add_factors(gradient, across->to, values, step, to, job->filters, 4, vectors);
        else
            for (ptrdiff_t f = 0; f < count; f++)
                add_factors(gradient, across->to, values + f, step, to + f * job->filters,
                            job->filters, 1, vectors);
    }
}

static void add_bias(const float *gradient, ptrdiff_t num_columns, float *sums, int vectors)
{
    for (int v = 0; v < vectors; v++) {
        Floats total = load(sums + v * WIDTH);
        for (ptrdiff_t x = 0; x < num_columns; x++)
            total += load(gradient + x * BLOCK + v * WIDTH);
        store(total, sums + v * WIDTH);
    }
}

static void add_images(const void *data, ptrdiff_t first, ptrdiff_t last, int chunk)
{
    const struct job *job = data;
    const struct axis *down = &job->rows, *across = &job->columns;
    ptrdiff_t image_row = across->from * job->channels, before = values_before(across, job->channels);
    ptrdiff_t tap_row = across->taps * job->channels * job->filters;
    float *gradient = job->scratch + chunk * job->scratch_size;
    float *row = gradient + across->to * BLOCK;
    float *partial = job->partial + chunk * (down->taps * tap_row + job->filters);
    memset(row, 0, row_values(across, job->channels) * sizeof *row);
    for (ptrdiff_t item = first; item < last; item++) {
        ptrdiff_t image = item / job->bands, band = item % job->bands;
        for (ptrdiff_t y = down->to * band / job->bands; y < down->to * (band + 1) / job->bands; y++)
            for (ptrdiff_t filter = 0; filter < job->filters; filter += BLOCK) {
                int vectors = job->filters - filter < BLOCK ? 1 : 2;
                widen_row(job->gradient + (image * down->to + y) * across->to * job->filters + filter,
                          across->to, job->filters, gradient, vectors);
                add_bias(gradient, across->to, partial + down->taps * tap_row + filter, vectors);
                for (ptrdiff_t tap = 0; tap < down->taps; tap++) {
                    ptrdiff_t taken = row_for(down, y, tap);
                    if (taken < 0)
                        continue;
                    const uint16_t *from = job->images + (image * down->from + taken) * image_row;
                    for (ptrdiff_t i = 0; i < image_row; i++) {
                        uint32_t bits = (uint32_t)from[i] << 16;
                        memcpy(row + before + i, &bits, sizeof bits);
                    }
                    if (vectors == 2)
                        add_row(job, gradient, row + before, partial + tap * tap_row + filter, 2);
                    else
                        add_row(job, gradient, row + before, partial + tap * tap_row + filter, 1);
                }
            }
    }
}

void few_channels_kernel_gradient(const uint16_t *images, const uint16_t *gradient, float *partial,
                                  float *scratch, const ptrdiff_t *sizes, ptrdiff_t num_chunks)
{
    const struct shape *s = (const struct shape *)sizes;
    struct job job = {rows_of(s), columns_of(s), s->channels, sizes[sizeof *s / sizeof *sizes],
                      s->bands, images, gradient, partial, scratch,
                      few_channels_kernel_gradient_scratch_size(sizes)};
    parallel_for(add_images, &job, s->count * s->bands, num_chunks);
}
