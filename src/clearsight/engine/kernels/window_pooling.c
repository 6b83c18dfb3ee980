/* Max and average pooling of bfloat16 images (N, H, W, C), of any windows, and their gradients.

   Both directions gather: every row that is written is computed by one thread from the rows that it
   depends on, and written once. Channels, at least 32, are done a vector at a time;
   the last vector overlaps the one before it if they do not fill it. */
#include "parallel.h"
#include "vectors.h"

#define INLINE static inline __attribute__((always_inline))

enum { SHORTS = 2 * WIDTH };

typedef int16_t Shorts __attribute__((vector_size(2 * SHORTS)));
typedef uint8_t Bytes __attribute__((vector_size(SHORTS)));
typedef uint8_t HalfBytes __attribute__((vector_size(WIDTH)));

/* An axis of images and pooled images: window `o` begins at `o * stride - before`. */
struct axis {
    ptrdiff_t images, pooled, size, stride, before;
};

struct range {
    ptrdiff_t first, end;
};

struct job {
    struct axis rows, columns;
    ptrdiff_t channels;
    const uint16_t *from;
    uint16_t *to;
    uint8_t *winners; /* (N, pooled rows, pooled columns, C): which of a window is the largest */
};

static ptrdiff_t largest(ptrdiff_t a, ptrdiff_t b)
{
    return a > b ? a : b;
}

static ptrdiff_t smallest(ptrdiff_t a, ptrdiff_t b)
{
    return a < b ? a : b;
}

/* What of an image is in a window. */
static struct range window_of(const struct axis *axis, ptrdiff_t pooled)
{
    ptrdiff_t first = pooled * axis->stride - axis->before;
    return (struct range){largest(first, 0), smallest(first + axis->size, axis->images)};
}

/* The windows that something in an image is in. */
static struct range windows_with(const struct axis *axis, ptrdiff_t image)
{
    ptrdiff_t last = (image + axis->before) / axis->stride;
    ptrdiff_t behind = image + axis->before - axis->size; /* no window may end before this */
    ptrdiff_t first = behind < 0 ? 0 : behind / axis->stride + 1;
    return (struct range){first, smallest(last + 1, axis->pooled)};
}

static ptrdiff_t count(struct range range)
{
    return range.end - range.first;
}

/* The first channel of a vector: at the end, so that the last of it is the last. */
INLINE ptrdiff_t start_of(ptrdiff_t channel, ptrdiff_t lanes, ptrdiff_t channels)
{
    return smallest(channel, channels - lanes);
}

static struct job job_of(const ptrdiff_t *sizes, const uint16_t *from, uint16_t *to)
{
    /* images' rows and columns, channels, pooled rows and columns, windows, strides, edges */
    return (struct job){
        .rows = {sizes[0], sizes[3], sizes[5], sizes[7], sizes[9]},
        .columns = {sizes[1], sizes[4], sizes[6], sizes[8], sizes[10]},
        .channels = sizes[2],
        .from = from,
        .to = to,
    };
}

static void average_rows(const void *data, ptrdiff_t first, ptrdiff_t last, int chunk)
{
    (void)chunk;
    const struct job *job = data;
    const struct axis *rows = &job->rows, *columns = &job->columns;
    ptrdiff_t channels = job->channels, length = columns->images * channels;
    for (ptrdiff_t item = first; item < last; item++) {
        const uint16_t *image = job->from + item / rows->pooled * rows->images * length;
        struct range r = window_of(rows, item % rows->pooled);
        for (ptrdiff_t x = 0; x < columns->pooled; x++) {
            struct range c = window_of(columns, x);
            uint16_t *to = job->to + (item * columns->pooled + x) * channels;
            float factor = 1.0f / (float)(count(r) * count(c));
            for (ptrdiff_t at = 0; at < channels; at += WIDTH) {
                ptrdiff_t channel = start_of(at, WIDTH, channels);
                Floats sum = {0};
                for (ptrdiff_t i = r.first; i < r.end; i++)
                    for (ptrdiff_t j = c.first; j < c.end; j++)
                        sum += widened(image + i * length + j * channels + channel);
                narrow(sum * factor, to + channel);
            }
        }
    }
}

static void average_rows_backward(const void *data, ptrdiff_t first, ptrdiff_t last, int chunk)
{
    (void)chunk;
    const struct job *job = data;
    const struct axis *rows = &job->rows, *columns = &job->columns;
    ptrdiff_t channels = job->channels, length = columns->pooled * channels;
    for (ptrdiff_t item = first; item < last; item++) {
        const uint16_t *pooled = job->from + item / rows->images * rows->pooled * length;
        struct range r = windows_with(rows, item % rows->images);
        for (ptrdiff_t x = 0; x < columns->images; x++) {
            struct range c = windows_with(columns, x);
            uint16_t *to = job->to + (item * columns->images + x) * channels;
            for (ptrdiff_t at = 0; at < channels; at += WIDTH) {
                ptrdiff_t channel = start_of(at, WIDTH, channels);
                Floats sum = {0};
                for (ptrdiff_t i = r.first; i < r.end; i++)
                    for (ptrdiff_t j = c.first; j < c.end; j++) {
                        ptrdiff_t size = count(window_of(rows, i)) * count(window_of(columns, j));
                        sum += widened(pooled + i * length + j * channels + channel) *
                               (1.0f / (float)size);
                    }
                narrow(sum, to + channel);
            }
        }
    }
}

/* bfloat16 as integers of the same order, and back; NaN is the largest, and the result is NaN. */
INLINE Shorts ordered(const uint16_t *from)
{
    Shorts bits;
    memcpy(&bits, from, sizeof bits);
    Shorts is_nan = (bits & 0x7fff) > 0x7f80;
    return (is_nan & 0x7fff) | (~is_nan & (bits ^ ((bits >> 15) & 0x7fff)));
}

static void max_rows(const void *data, ptrdiff_t first, ptrdiff_t last, int chunk)
{
    (void)chunk;
    const struct job *job = data;
    const struct axis *rows = &job->rows, *columns = &job->columns;
    ptrdiff_t channels = job->channels, length = columns->images * channels;
    for (ptrdiff_t item = first; item < last; item++) {
        const uint16_t *image = job->from + item / rows->pooled * rows->images * length;
        ptrdiff_t top = item % rows->pooled * rows->stride - rows->before;
        struct range r = window_of(rows, item % rows->pooled);
        for (ptrdiff_t x = 0; x < columns->pooled; x++) {
            ptrdiff_t left = x * columns->stride - columns->before;
            struct range c = window_of(columns, x);
            ptrdiff_t to = (item * columns->pooled + x) * channels;
            for (ptrdiff_t at = 0; at < channels; at += SHORTS) {
                ptrdiff_t channel = start_of(at, SHORTS, channels);
                Shorts best = INT16_MIN - (Shorts){0}, winner = {0}; /* any value is larger */
                for (ptrdiff_t i = r.first; i < r.end; i++)
                    for (ptrdiff_t j = c.first; j < c.end; j++) {
                        Shorts value = ordered(image + i * length + j * channels + channel);
                        int16_t place = (int16_t)((i - top) * columns->size + j - left);
                        Shorts wins = value > best;
                        best = (wins & value) | (~wins & best);
                        winner = (wins & place) | (~wins & winner);
                    }
                best = best ^ ((best >> 15) & 0x7fff);
                memcpy(job->to + to + channel, &best, sizeof best);
                if (job->winners) {
                    Bytes places = __builtin_convertvector(winner, Bytes);
                    memcpy(job->winners + to + channel, &places, sizeof places);
                }
            }
        }
    }
}

static void max_rows_backward(const void *data, ptrdiff_t first, ptrdiff_t last, int chunk)
{
    (void)chunk;
    const struct job *job = data;
    const struct axis *rows = &job->rows, *columns = &job->columns;
    ptrdiff_t channels = job->channels, length = columns->pooled * channels;
    for (ptrdiff_t item = first; item < last; item++) {
        ptrdiff_t image = item / rows->images * rows->pooled * length, y = item % rows->images;
        struct range r = windows_with(rows, y);
        for (ptrdiff_t x = 0; x < columns->images; x++) {
            struct range c = windows_with(columns, x);
            uint16_t *to = job->to + (item * columns->images + x) * channels;
            for (ptrdiff_t at = 0; at < channels; at += WIDTH) {
                ptrdiff_t channel = start_of(at, WIDTH, channels);
                Floats sum = {0};
                for (ptrdiff_t i = r.first; i < r.end; i++)
                    for (ptrdiff_t j = c.first; j < c.end; j++) {
                        ptrdiff_t window = image + i * length + j * channels + channel;
                        ptrdiff_t row = y - i * rows->stride + rows->before;
                        ptrdiff_t column = x - j * columns->stride + columns->before;
                        uint32_t place = (uint32_t)(row * columns->size + column);
                        HalfBytes winner;
                        memcpy(&winner, job->winners + window, sizeof winner);
                        Words wins = (Words)(__builtin_convertvector(winner, Words) == place);
                        sum += (Floats)((Words)widened(job->from + window) & wins);
                    }
                narrow(sum, to + channel);
            }
        }
    }
}

/* `sizes`: see `job_of`; `count`: of images. */
void average_pool_windows(const uint16_t *images, uint16_t *pooled, const ptrdiff_t *sizes,
                          ptrdiff_t count, ptrdiff_t num_chunks)
{
    struct job job = job_of(sizes, images, pooled);
    parallel_for(average_rows, &job, count * job.rows.pooled, (int)num_chunks);
}

void average_pool_windows_backward(const uint16_t *gradient, uint16_t *of_images,
                                   const ptrdiff_t *sizes, ptrdiff_t count, ptrdiff_t num_chunks)
{
    struct job job = job_of(sizes, gradient, of_images);
    parallel_for(average_rows_backward, &job, count * job.rows.images, (int)num_chunks);
}

/* `winners` may be NULL where no gradient will be taken. */
void max_pool_windows(const uint16_t *images, uint16_t *pooled, uint8_t *winners,
                      const ptrdiff_t *sizes, ptrdiff_t count, ptrdiff_t num_chunks)
{
    struct job job = job_of(sizes, images, pooled);
    job.winners = winners;
    parallel_for(max_rows, &job, count * job.rows.pooled, (int)num_chunks);
}

void max_pool_windows_backward(const uint16_t *gradient, uint8_t *winners, uint16_t *of_images,
                               const ptrdiff_t *sizes, ptrdiff_t count, ptrdiff_t num_chunks)
{
    struct job job = job_of(sizes, gradient, of_images);
    job.winners = winners;
    parallel_for(max_rows_backward, &job, count * job.rows.images, (int)num_chunks);
}
