/* A convolution of few channels, such as a network's first, with its bias, 2x2 max pooling and
   perhaps a ReLU, in one.

   With few channels the sums are short, and writing the output takes most of the time: here it is
   never written, only its pooled quarter. Images, kernel, sums and gradients are float32, the pooled
   values bfloat16. Gradients flow only to the winner, the largest value, of each window.

   Strides are 1, and filters are computed in vectors of 16, two at a time. */
#include "convolution.h"
#include "parallel.h"

struct job {
    struct shape shape;
    const float *images;      /* (N, H, W, C) */
    const float *kernel;      /* (kernel_height, kernel_width, C, filters) */
    const float *bias;        /* (filters,) */
    const uint16_t *gradient; /* of `pooled` */
    uint16_t *pooled;         /* bfloat16 (N, pooled_height, pooled_width, filters) */
    uint8_t *winners;         /* the same, see max_pooling.c; NULL if there is no backward pass */
    float *padded;            /* (num_chunks, padded_size()), zeros around the image */
    float *partial; /* (num_chunks, num_gradients()), zeros at first: the kernel's gradient,
                       then the bias's */
    int rectified;
};

static void pad(const struct shape *s, const float *image, float *padded)
{
    ptrdiff_t space = row_length(s) - s->left * s->channels, whole = s->width * s->channels;
    for (ptrdiff_t row = 0; row < s->height && row + s->top < num_rows(s); row++)
        memcpy(padded + (row + s->top) * row_length(s) + s->left * s->channels,
               image + row * whole, (space < whole ? space : whole) * sizeof(float));
}

static ptrdiff_t num_gradients(const struct shape *s)
{
    return (kernel_size(s) + 1) * s->filters;
}

/* One window for 16 filters (num_vectors 1) or 32 (2); see EACH_WINDOW for the arguments. */
static inline __attribute__((always_inline)) void
forward_window(const struct job *job, const float *corner, ptrdiff_t filter, ptrdiff_t offset,
               const int num_vectors)
{
    const struct shape *s = &job->shape;
    ptrdiff_t length = row_length(s), row_taps = s->kernel_width * s->channels;
    const float *weights = job->kernel + filter;
    __m512 sums[NUM_SPOTS][2];
    for (int spot = 0; spot < NUM_SPOTS; spot++)
        for (int v = 0; v < num_vectors; v++)
            sums[spot][v] = _mm512_setzero_ps();
    for (ptrdiff_t kernel_row = 0; kernel_row < s->kernel_height; kernel_row++) {
        const float *above = corner + kernel_row * length, *below = above + length;
        for (ptrdiff_t tap = 0; tap < row_taps; tap++, weights += s->filters) {
            const float *spots[NUM_SPOTS] = {above + tap, above + tap + s->channels,
                                             below + tap, below + tap + s->channels};
#pragma GCC unroll 2
            for (int v = 0; v < num_vectors; v++) {
                __m512 weight = _mm512_loadu_ps(weights + v * LANES);
#pragma GCC unroll 4
                for (int spot = 0; spot < NUM_SPOTS; spot++)
                    sums[spot][v] =
                        _mm512_fmadd_ps(_mm512_set1_ps(*spots[spot]), weight, sums[spot][v]);
            }
        }
    }
#pragma GCC unroll 2
    for (int v = 0; v < num_vectors; v++) {
        __m512 best = sums[0][v];
        __m512i winner = _mm512_setzero_si512();
#pragma GCC unroll 3
        for (int spot = 1; spot < NUM_SPOTS; spot++) {
            __mmask16 wins = _mm512_cmp_ps_mask(sums[spot][v], best, _CMP_GT_OQ) |
                             _mm512_cmp_ps_mask(sums[spot][v], sums[spot][v], _CMP_UNORD_Q);
            best = _mm512_mask_mov_ps(best, wins, sums[spot][v]);
            winner = _mm512_mask_mov_epi32(winner, wins, _mm512_set1_epi32(spot));
        }
        best = _mm512_add_ps(best, _mm512_loadu_ps(job->bias + filter + v * LANES));
        if (job->rectified) {
            __mmask16 cut = _mm512_cmp_ps_mask(best, _mm512_setzero_ps(), _CMP_LE_OQ);
            best = _mm512_mask_mov_ps(best, cut, _mm512_setzero_ps());
            winner = _mm512_mask_mov_epi32(winner, cut, _mm512_set1_epi32(NUM_SPOTS));
        }
        narrow(best, job->pooled + offset + v * LANES);
        if (job->winners)
            _mm_storeu_si128((__m128i *)(job->winners + offset + v * LANES),
                             _mm512_cvtepi32_epi8(winner));
    }
}

static inline __attribute__((always_inline)) void
backward_window(const struct job *job, const float *corner, ptrdiff_t filter, ptrdiff_t offset,
                float *gradients, const int num_vectors)
{
    const struct shape *s = &job->shape;
    ptrdiff_t length = row_length(s), row_taps = s->kernel_width * s->channels;
    float *to = gradients + filter, *bias_gradient = to + num_gradients(s) - s->filters;
    __m512 parts[NUM_SPOTS][2]; /* the gradient where this spot is the winner, else 0 */
#pragma GCC unroll 2
    for (int v = 0; v < num_vectors; v++) {
        __m512 gradient = widened(job->gradient + offset + v * LANES);
        __m128i winner = _mm_loadu_si128((const __m128i *)(job->winners + offset + v * LANES));
#pragma GCC unroll 4
        for (int spot = 0; spot < NUM_SPOTS; spot++)
            parts[spot][v] = _mm512_maskz_mov_ps(
                _mm_cmpeq_epi8_mask(winner, _mm_set1_epi8((char)spot)), gradient);
        __mmask16 is_live = _mm_cmpneq_epi8_mask(winner, _mm_set1_epi8(NUM_SPOTS));
        __m512 sum = _mm512_loadu_ps(bias_gradient + v * LANES);
        _mm512_storeu_ps(bias_gradient + v * LANES, _mm512_mask_add_ps(sum, is_live, sum, gradient));
    }
    for (ptrdiff_t kernel_row = 0; kernel_row < s->kernel_height; kernel_row++) {
        const float *above = corner + kernel_row * length, *below = above + length;
        for (ptrdiff_t tap = 0; tap < row_taps; tap++, to += s->filters) {
            const float *spots[NUM_SPOTS] = {above + tap, above + tap + s->channels,
                                             below + tap, below + tap + s->channels};
#pragma GCC unroll 2
            for (int v = 0; v < num_vectors; v++) {
                __m512 sum = _mm512_loadu_ps(to + v * LANES);
#pragma GCC unroll 4
                for (int spot = 0; spot < NUM_SPOTS; spot++)
                    sum = _mm512_fmadd_ps(_mm512_set1_ps(*spots[spot]), parts[spot][v], sum);
                _mm512_storeu_ps(to + v * LANES, sum);
            }
        }
    }
}

/* Run `window(num_vectors)` for every window of a chunk's images, with 32 or 16 filters at a time.
   `corner` is the beginning of the window in the padded image, `filter` the first filter, and
   `offset + filter` the index of its value in `pooled`. This is a macro because a function that is
   passed the window's function is 8% slower with GCC. */
#define EACH_WINDOW(window)                                                                       \
    float *padded = job->padded + chunk * padded_size(s);                                         \
    ptrdiff_t offset = first * num_windows(s) * s->filters;                                       \
    for (ptrdiff_t image = first; image < last; image++) {                                        \
        pad(s, job->images + image * s->height * s->width * s->channels, padded);                 \
        for (ptrdiff_t row = 0; row < s->pooled_height; row++)                                    \
            for (ptrdiff_t column = 0; column < s->pooled_width; column++, offset += s->filters) { \
                const float *corner = padded + 2 * row * row_length(s) + 2 * column * s->channels; \
                ptrdiff_t filter = 0;                                                             \
                for (; filter + 2 * LANES <= s->filters; filter += 2 * LANES)                     \
                    window(2);                                                                    \
                if (filter < s->filters)                                                          \
                    window(1);                                                                    \
            }                                                                                     \
    }

static void forward_images(const void *data, ptrdiff_t first, ptrdiff_t last, int chunk)
{
    const struct job *job = data;
    const struct shape *s = &job->shape;
#define FORWARD(num_vectors) forward_window(job, corner, filter, offset + filter, num_vectors)
    EACH_WINDOW(FORWARD)
}

static void backward_images(const void *data, ptrdiff_t first, ptrdiff_t last, int chunk)
{
    const struct job *job = data;
    const struct shape *s = &job->shape;
    float *gradients = job->partial + chunk * num_gradients(s);
#define BACKWARD(num_vectors) \
    backward_window(job, corner, filter, offset + filter, gradients, num_vectors)
    EACH_WINDOW(BACKWARD)
}

void first_convolution(const float *images, const float *kernel, const float *bias,
                       uint16_t *pooled, uint8_t *winners, float *padded, const ptrdiff_t *sizes,
                       int rectified, ptrdiff_t num_chunks)
{
    struct job job = {.shape = shape_of(sizes), .images = images, .kernel = kernel, .bias = bias,
                      .pooled = pooled, .winners = winners, .padded = padded,
                      .rectified = rectified};
    parallel_for(forward_images, &job, job.shape.count, num_chunks);
}

/* `partial` must be zeros; the caller adds up the chunks' rows of it. */
void first_convolution_backward(const float *images, const uint16_t *gradient, uint8_t *winners,
                                float *padded, float *partial, const ptrdiff_t *sizes,
                                ptrdiff_t num_chunks)
{
    struct job job = {.shape = shape_of(sizes), .images = images, .gradient = gradient,
                      .winners = winners, .padded = padded, .partial = partial};
    parallel_for(backward_images, &job, job.shape.count, num_chunks);
}

/* Number of values of `padded` that a chunk needs. */
ptrdiff_t first_convolution_scratch_size(const ptrdiff_t *sizes)
{
    struct shape shape = shape_of(sizes);
    return padded_size(&shape);
}
