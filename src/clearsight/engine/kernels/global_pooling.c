/* The mean of each channel of bfloat16 images (N, pixels, C), and images times gates: a factor for
   each channel of each image, as in squeeze-and-excitation. Sums are float32. */
#include "parallel.h"
#include "vectors.h"

#define INLINE static inline __attribute__((always_inline))

enum { GROUP = 4, TILE = 64 };

struct job {
    const uint16_t *images, *gates, *gradient;
    uint16_t *pixel_output;   /* (N, pixels, C): the images times the gates, or their gradient */
    uint16_t *channel_output; /* (N, C): the means, or the gradient of the gates */
    ptrdiff_t pixels, channels;
};

/* Computes `group` vectors of neighbouring channels of one image: `at` is the index of their first
   value, `channel` that of the first channel in an array (N, C). */
typedef void ChannelWork(const struct job *job, ptrdiff_t at, ptrdiff_t channel, int group);

INLINE void average(const struct job *job, ptrdiff_t at, ptrdiff_t channel, int group)
{
    Floats total[GROUP] = {0};
    /* Sums of sums, so that rounding does not grow with the number of pixels. */
    for (ptrdiff_t tile = 0; tile < job->pixels; tile += TILE) {
        ptrdiff_t end = tile + TILE < job->pixels ? tile + TILE : job->pixels;
        Floats sum[GROUP] = {0};
        for (ptrdiff_t pixel = tile; pixel < end; pixel++)
#pragma GCC unroll 4
            for (int k = 0; k < group; k++)
                sum[k] += widened(job->images + at + pixel * job->channels + k * WIDTH);
        for (int k = 0; k < group; k++)
            total[k] += sum[k];
    }
    for (int k = 0; k < group; k++)
        narrow(total[k] / (float)job->pixels, job->channel_output + channel + k * WIDTH);
}

INLINE void multiply(const struct job *job, ptrdiff_t at, ptrdiff_t channel, int group)
{
    Floats gates[GROUP];
    for (int k = 0; k < group; k++)
        gates[k] = widened(job->gates + channel + k * WIDTH);
    for (ptrdiff_t pixel = 0; pixel < job->pixels; pixel++)
#pragma GCC unroll 4
        for (int k = 0; k < group; k++) {
            ptrdiff_t index = at + pixel * job->channels + k * WIDTH;
            narrow(widened(job->images + index) * gates[k], job->pixel_output + index);
        }
}

INLINE void multiply_backward(const struct job *job, ptrdiff_t at, ptrdiff_t channel, int group)
{
    Floats total[GROUP] = {0}, gates[GROUP];
    for (int k = 0; k < group; k++)
        gates[k] = widened(job->gates + channel + k * WIDTH);
    for (ptrdiff_t tile = 0; tile < job->pixels; tile += TILE) {
        ptrdiff_t end = tile + TILE < job->pixels ? tile + TILE : job->pixels;
        Floats sum[GROUP] = {0};
        for (ptrdiff_t pixel = tile; pixel < end; pixel++)
#pragma GCC unroll 4
            for (int k = 0; k < group; k++) {
                ptrdiff_t index = at + pixel * job->channels + k * WIDTH;
                Floats gradient = widened(job->gradient + index);
                sum[k] += gradient * widened(job->images + index);
                narrow(gradient * gates[k], job->pixel_output + index);
            }
        for (int k = 0; k < group; k++)
            total[k] += sum[k];
    }
    for (int k = 0; k < group; k++)
        narrow(total[k], job->channel_output + channel + k * WIDTH);
}

INLINE void for_channels(const struct job *job, ptrdiff_t first, ptrdiff_t last, ChannelWork *work)
{
    ptrdiff_t channels = job->channels;
    for (ptrdiff_t n = first; n < last; n++) {
        ptrdiff_t at = n * job->pixels * channels, c = 0;
        for (; c + GROUP * WIDTH <= channels; c += GROUP * WIDTH)
            work(job, at + c, n * channels + c, GROUP);
        for (; c < channels; c += WIDTH) {
            ptrdiff_t start = c < channels - WIDTH ? c : channels - WIDTH; /* may overlap */
            work(job, at + start, n * channels + start, 1);
        }
    }
}

static void average_chunk(const void *job, ptrdiff_t first, ptrdiff_t last, int chunk)
{
    (void)chunk;
    for_channels(job, first, last, average);
}

static void multiply_chunk(const void *job, ptrdiff_t first, ptrdiff_t last, int chunk)
{
    (void)chunk;
    for_channels(job, first, last, multiply);
}

static void multiply_chunk_backward(const void *job, ptrdiff_t first, ptrdiff_t last, int chunk)
{
    (void)chunk;
    for_channels(job, first, last, multiply_backward);
}

/* All of these need at least 32 channels; means and gates are (N, C). */
void average_pool_images(const uint16_t *images, uint16_t *means, ptrdiff_t count, ptrdiff_t pixels,
                         ptrdiff_t channels, ptrdiff_t num_chunks)
{
    struct job job = {images, 0, 0, 0, means, pixels, channels};
    parallel_for(average_chunk, &job, count, (int)num_chunks);
}

void gate_images(const uint16_t *images, const uint16_t *gates, uint16_t *output, ptrdiff_t count,
                 ptrdiff_t pixels, ptrdiff_t channels, ptrdiff_t num_chunks)
{
    struct job job = {images, gates, 0, output, 0, pixels, channels};
    parallel_for(multiply_chunk, &job, count, (int)num_chunks);
}

void gate_images_backward(const uint16_t *gradient, const uint16_t *images, const uint16_t *gates,
                          uint16_t *images_gradient, uint16_t *gates_gradient, ptrdiff_t count,
                          ptrdiff_t pixels, ptrdiff_t channels, ptrdiff_t num_chunks)
{
    struct job job = {images, gates, gradient, images_gradient, gates_gradient, pixels, channels};
    parallel_for(multiply_chunk_backward, &job, count, (int)num_chunks);
}
