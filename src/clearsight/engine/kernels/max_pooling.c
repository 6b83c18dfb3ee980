/* 2x2 max pooling of bfloat16 images in channels-last memory, with or without a ReLU.

   Numbers are compared as 16-bit integers, so that nothing is converted to float32 and back: the
   order is the same once the lower bits of negative numbers are flipped. */
#include <stdint.h>
#include <string.h>

#include "parallel.h"

/* Which of the four had the largest value: 0 and 1 above, 2 and 3 below; 4 when ReLU cut it off. */
enum { NONE = 4 };

struct pooling {
    const int16_t *images; /* (N, H, W, C) */
    int16_t *pooled;         /* (N, H / 2, W / 2, C) */
    uint8_t *winners;        /* the same, or NULL if no gradients are needed */
    ptrdiff_t height, width, channels;
    int rectified;
};

struct unpooling {
    const int16_t *gradient; /* of `pooled` */
    const uint8_t *winners;
    int16_t *output; /* the gradient of `images` */
    ptrdiff_t height, width, channels;
};

/* Convert bfloat16 to an integer of the same order, or back. */
static inline int16_t flip(int16_t bits)
{
    return bits ^ ((bits >> 15) & 0x7fff);
}

/* The integer that is compared. NaN is the largest, and the result is NaN too. With ReLU the order
   of negative numbers does not matter. */
static inline int16_t ordered(int16_t bits, int rectified)
{
    return (bits & 0x7fff) > 0x7f80 ? 0x7fff : rectified ? bits : flip(bits);
}

/* One row of windows, in the form that compiles best: flags constant, pointers not aliased. */
static inline __attribute__((always_inline)) void
pool_row(const int16_t *restrict above, const int16_t *restrict below, int16_t *restrict pooled,
         uint8_t *restrict winners, ptrdiff_t num_windows, ptrdiff_t channels, int rectified,
         int keeps_winners)
{
    for (ptrdiff_t window = 0; window < num_windows; window++) {
        const int16_t *left = above + 2 * window * channels, *right = left + channels;
        const int16_t *left_below = below + 2 * window * channels;
        const int16_t *right_below = left_below + channels;
        for (ptrdiff_t c = 0; c < channels; c++) {
            int16_t best = ordered(left[c], rectified);
            int16_t second = ordered(right[c], rectified);
            int16_t third = ordered(left_below[c], rectified);
            int16_t fourth = ordered(right_below[c], rectified);
            int16_t winner = 0;
            winner = second > best ? 1 : winner;
            best = second > best ? second : best;
            winner = third > best ? 2 : winner;
            best = third > best ? third : best;
            winner = fourth > best ? 3 : winner;
            best = fourth > best ? fourth : best;
            if (rectified) { /* of two negative numbers the wrong one may have won */
                winner = best <= 0 ? NONE : winner;
                best = best <= 0 ? 0 : best;
            }
            pooled[window * channels + c] = rectified ? best : flip(best);
            if (keeps_winners)
                winners[window * channels + c] = (uint8_t)winner;
        }
    }
}

static void pool_rows(const void *data, ptrdiff_t first, ptrdiff_t last, int chunk)
{
    (void)chunk;
    const struct pooling *job = data;
    ptrdiff_t length = job->width * job->channels, rows = job->height / 2;
    ptrdiff_t num_windows = job->width / 2, pooled_length = num_windows * job->channels;
    for (ptrdiff_t row = first; row < last; row++) {
        const int16_t *above = job->images + (row / rows * job->height + row % rows * 2) * length;
        int16_t *pooled = job->pooled + row * pooled_length;
        uint8_t *winners = job->winners ? job->winners + row * pooled_length : 0;
        if (job->rectified && winners)
            pool_row(above, above + length, pooled, winners, num_windows, job->channels, 1, 1);
        else if (job->rectified)
            pool_row(above, above + length, pooled, 0, num_windows, job->channels, 1, 0);
        else if (winners)
            pool_row(above, above + length, pooled, winners, num_windows, job->channels, 0, 1);
        else
            pool_row(above, above + length, pooled, 0, num_windows, job->channels, 0, 0);
    }
}

void max_pool(const int16_t *images, int16_t *pooled, uint8_t *winners, ptrdiff_t count,
              ptrdiff_t height, ptrdiff_t width, ptrdiff_t channels, int rectified, ptrdiff_t num_chunks)
{
    struct pooling job = {images, pooled, winners, height, width, channels, rectified};
    parallel_for(pool_rows, &job, count * (height / 2), num_chunks);
}

static inline __attribute__((always_inline)) void
unpool_window(const int16_t *restrict gradient, const uint8_t *restrict winners,
              int16_t *restrict left, int16_t *restrict right, int16_t *restrict left_below,
              int16_t *restrict right_below, ptrdiff_t channels)
{
    for (ptrdiff_t c = 0; c < channels; c++) {
        int16_t value = gradient[c], winner = winners[c];
        left[c] = winner == 0 ? value : 0;
        right[c] = winner == 1 ? value : 0;
        left_below[c] = winner == 2 ? value : 0;
        right_below[c] = winner == 3 ? value : 0;
    }
}

static void unpool_rows(const void *data, ptrdiff_t first, ptrdiff_t last, int chunk)
{
    (void)chunk;
    const struct unpooling *job = data;
    ptrdiff_t channels = job->channels, length = job->width * channels;
    ptrdiff_t rows = job->height / 2, num_windows = job->width / 2;
    for (ptrdiff_t row = first; row < last; row++) {
        const int16_t *gradient = job->gradient + row * num_windows * channels;
        const uint8_t *winners = job->winners + row * num_windows * channels;
        int16_t *above = job->output + (row / rows * job->height + row % rows * 2) * length;
        int16_t *below = above + length;
        for (ptrdiff_t at = 0; at < num_windows * channels; at += channels)
            unpool_window(gradient + at, winners + at, above + 2 * at, above + 2 * at + channels,
                          below + 2 * at, below + 2 * at + channels, channels);
        /* An odd last column or row is in no window. */
        for (ptrdiff_t at = 2 * num_windows * channels; at < length; at++)
            above[at] = below[at] = 0;
        if (row % rows == rows - 1 && job->height % 2)
            memset(below + length, 0, length * sizeof *below);
    }
}

void max_pool_backward(const int16_t *gradient, const uint8_t *winners, int16_t *output,
                       ptrdiff_t count, ptrdiff_t height, ptrdiff_t width, ptrdiff_t channels,
                       ptrdiff_t num_chunks)
{
    struct unpooling job = {gradient, winners, output, height, width, channels};
    parallel_for(unpool_rows, &job, count * (height / 2), num_chunks);
}
