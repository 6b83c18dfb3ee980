/* The mean of each channel of bfloat16 images (N, pixels, C), summed in float32. */
#include "parallel.h"
#include "vectors.h"

enum { GROUP = 4, TILE = 64 };

struct job {
    const uint16_t *images;
    uint16_t *means;
    ptrdiff_t pixels, channels;
};

static inline __attribute__((always_inline)) void
average_channels(const struct job *job, const uint16_t *image, uint16_t *means, int group)
{
    Floats total[GROUP] = {0};
    /* Sums of sums, so that rounding does not grow with the number of pixels. */
    for (ptrdiff_t tile = 0; tile < job->pixels; tile += TILE) {
        ptrdiff_t end = tile + TILE < job->pixels ? tile + TILE : job->pixels;
        Floats sum[GROUP] = {0};
        for (ptrdiff_t pixel = tile; pixel < end; pixel++)
#pragma GCC unroll 4
            for (int k = 0; k < group; k++)
                sum[k] += widened(image + pixel * job->channels + k * WIDTH);
        for (int k = 0; k < group; k++)
            total[k] += sum[k];
    }
    for (int k = 0; k < group; k++)
        narrow(total[k] / (float)job->pixels, means + k * WIDTH);
}

static void average_images(const void *data, ptrdiff_t first, ptrdiff_t last, int chunk)
{
    (void)chunk;
    const struct job *job = data;
    ptrdiff_t channels = job->channels;
    for (ptrdiff_t n = first; n < last; n++) {
        const uint16_t *image = job->images + n * job->pixels * channels;
        uint16_t *means = job->means + n * channels;
        ptrdiff_t c = 0;
        for (; c + GROUP * WIDTH <= channels; c += GROUP * WIDTH)
            average_channels(job, image + c, means + c, GROUP);
        for (; c < channels; c += WIDTH) {
            ptrdiff_t at = c < channels - WIDTH ? c : channels - WIDTH; /* the last may overlap */
            average_channels(job, image + at, means + at, 1);
        }
    }
}

/* There are at least 32 channels. */
void average_pool_images(const uint16_t *images, uint16_t *means, ptrdiff_t count, ptrdiff_t pixels,
                         ptrdiff_t channels, ptrdiff_t num_chunks)
{
    struct job job = {images, means, pixels, channels};
    parallel_for(average_images, &job, count, (int)num_chunks);
}
