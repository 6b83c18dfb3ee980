/* Max and average pooling of bfloat16 images (N, H, W, C), of any windows, and their gradients.

   Both directions gather: each row of the result is computed by one thread from the rows that it
   depends on, and written once. Channels, at least 32, are computed a vector at a time; the last
   vector overlaps the one before it if the channels do not fill it. */
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
    uint8_t *winners; /* (N, pooled rows, pooled columns, C): offset of the largest in its window */
};

static ptrdiff_t largest(ptrdiff_t a, ptrdiff_t b)
{
    return a > b ? a : b;
}

static ptrdiff_t smallest(ptrdiff_t a, ptrdiff_t b)
{
    return a < b ? a : b;
}

/* The pixels of an image that are in a window. */
static struct range window_of(const struct axis *axis, ptrdiff_t pooled)
{
    ptrdiff_t first = pooled * axis->stride - axis->before;
    return (struct range){largest(first, 0), smallest(first + axis->size, axis->images)};
}

/* The windows that contain a pixel of an image. */
static struct range windows_with(const struct axis *axis, ptrdiff_t image)
{
    ptrdiff_t last = (image + axis->before) / axis->stride;
    ptrdiff_t last_before = image + axis->before - axis->size; /* windows here end too early */
    ptrdiff_t first = last_before < 0 ? 0 : last_before / axis->stride + 1;
    return (struct range){first, smallest(last + 1, axis->pooled)};
}

static ptrdiff_t count(struct range range)
{
    return range.end - range.first;
}

/* The first channel of a vector; the last vector ends at the last channel. */
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

/* A vector of channels of the result, at one pixel. */
struct spot {
    ptrdiff_t row, column, channel;
    struct range rows, columns; /* that it is computed from */
    ptrdiff_t from, length;     /* the index where their image begins, and the length of its rows */
    ptrdiff_t to;               /* the index of the vector in the result */
};

/* The index of the vector that a spot depends on at a pixel. */
INLINE ptrdiff_t index_of(const struct job *job, const struct spot *spot, ptrdiff_t i, ptrdiff_t j)
{
    return spot->from + i * spot->length + j * job->channels + spot->channel;
}

/* Write each spot of some rows: of pooled images, or of images if `is_backward`. */
INLINE void each_spot(const struct job *job, ptrdiff_t first, ptrdiff_t last, const int is_backward,
                      const ptrdiff_t lanes,
                      void (*write)(const struct job *job, const struct spot *spot))
{
    const struct axis *rows = &job->rows, *columns = &job->columns;
    ptrdiff_t num_rows = is_backward ? rows->images : rows->pooled;
    ptrdiff_t num_columns = is_backward ? columns->images : columns->pooled;
    struct spot spot;
    spot.length = (is_backward ? columns->pooled : columns->images) * job->channels;
    for (ptrdiff_t item = first; item < last; item++) {
        spot.from = item / num_rows * (is_backward ? rows->pooled : rows->images) * spot.length;
        spot.row = item % num_rows;
        spot.rows = is_backward ? windows_with(rows, spot.row) : window_of(rows, spot.row);
        for (spot.column = 0; spot.column < num_columns; spot.column++) {
            spot.columns = is_backward ? windows_with(columns, spot.column)
                                       : window_of(columns, spot.column);
            for (ptrdiff_t at = 0; at < job->channels; at += lanes) {
                spot.channel = start_of(at, lanes, job->channels);
                spot.to = (item * num_columns + spot.column) * job->channels + spot.channel;
                write(job, &spot);
            }
        }
    }
}

INLINE void write_average(const struct job *job, const struct spot *spot)
{
    struct range r = spot->rows, c = spot->columns;
    Floats sum = {0};
    for (ptrdiff_t i = r.first; i < r.end; i++)
        for (ptrdiff_t j = c.first; j < c.end; j++)
            sum += widened(job->from + index_of(job, spot, i, j));
    narrow(sum * (1.0f / (float)(count(r) * count(c))), job->to + spot->to);
}

INLINE void write_average_gradient(const struct job *job, const struct spot *spot)
{
    struct range r = spot->rows, c = spot->columns;
    Floats sum = {0};
    for (ptrdiff_t i = r.first; i < r.end; i++)
        for (ptrdiff_t j = c.first; j < c.end; j++) {
            ptrdiff_t size = count(window_of(&job->rows, i)) * count(window_of(&job->columns, j));
            sum += widened(job->from + index_of(job, spot, i, j)) * (1.0f / (float)size);
        }
    narrow(sum, job->to + spot->to);
}

/* bfloat16 as integers of the same order, and back; NaN is the largest, and the result is NaN. */
INLINE Shorts ordered(const uint16_t *from)
{
    Shorts bits;
    memcpy(&bits, from, sizeof bits);
    Shorts is_nan = (bits & 0x7fff) > 0x7f80;
    return (is_nan & 0x7fff) | (~is_nan & (bits ^ ((bits >> 15) & 0x7fff)));
}

INLINE void write_max(const struct job *job, const struct spot *spot)
{
    struct range r = spot->rows, c = spot->columns;
    ptrdiff_t top = spot->row * job->rows.stride - job->rows.before;
    ptrdiff_t left = spot->column * job->columns.stride - job->columns.before;
    Shorts best = INT16_MIN - (Shorts){0}, winner = {0}; /* any value is larger */
    for (ptrdiff_t i = r.first; i < r.end; i++)
        for (ptrdiff_t j = c.first; j < c.end; j++) {
            Shorts value = ordered(job->from + index_of(job, spot, i, j));
            int16_t offset = (int16_t)((i - top) * job->columns.size + j - left);
            Shorts wins = value > best;
            best = (wins & value) | (~wins & best);
            winner = (wins & offset) | (~wins & winner);
        }
    best = best ^ ((best >> 15) & 0x7fff);
    memcpy(job->to + spot->to, &best, sizeof best);
    if (job->winners) {
        Bytes offsets = __builtin_convertvector(winner, Bytes);
        memcpy(job->winners + spot->to, &offsets, sizeof offsets);
    }
}

INLINE void write_max_gradient(const struct job *job, const struct spot *spot)
{
    struct range r = spot->rows, c = spot->columns;
    Floats sum = {0};
    for (ptrdiff_t i = r.first; i < r.end; i++)
        for (ptrdiff_t j = c.first; j < c.end; j++) {
            ptrdiff_t window = index_of(job, spot, i, j);
            ptrdiff_t row = spot->row - i * job->rows.stride + job->rows.before;
            ptrdiff_t column = spot->column - j * job->columns.stride + job->columns.before;
            uint32_t offset = (uint32_t)(row * job->columns.size + column);
            HalfBytes winner;
            memcpy(&winner, job->winners + window, sizeof winner);
            Words wins = (Words)(__builtin_convertvector(winner, Words) == offset);
            sum += (Floats)((Words)widened(job->from + window) & wins);
        }
    narrow(sum, job->to + spot->to);
}

/* Each is a `Work`: the rows from `first` to `last` of all images. */
#define ROWS_OF(name, is_backward, lanes, write)                                             \
    static void name(const void *job, ptrdiff_t first, ptrdiff_t last, int chunk)            \
    {                                                                                        \
        (void)chunk;                                                                         \
        each_spot(job, first, last, is_backward, lanes, write);                              \
    }
ROWS_OF(average_rows, 0, WIDTH, write_average)
ROWS_OF(average_rows_backward, 1, WIDTH, write_average_gradient)
ROWS_OF(max_rows, 0, SHORTS, write_max)
ROWS_OF(max_rows_backward, 1, WIDTH, write_max_gradient)
#undef ROWS_OF

/* `sizes`: see `job_of`; `count`: of images. */
void average_pool_windows(const uint16_t *images, uint16_t *pooled, const ptrdiff_t *sizes,
                          ptrdiff_t count, ptrdiff_t num_chunks)
{
    struct job job = job_of(sizes, images, pooled);
    parallel_for(average_rows, &job, count * job.rows.pooled, (int)num_chunks);
}

void average_pool_windows_backward(const uint16_t *gradient, uint16_t *images_gradient,
                                   const ptrdiff_t *sizes, ptrdiff_t count, ptrdiff_t num_chunks)
{
    struct job job = job_of(sizes, gradient, images_gradient);
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

void max_pool_windows_backward(const uint16_t *gradient, uint8_t *winners, uint16_t *images_gradient,
                               const ptrdiff_t *sizes, ptrdiff_t count, ptrdiff_t num_chunks)
{
    struct job job = job_of(sizes, gradient, images_gradient);
    job.winners = winners;
    parallel_for(max_rows_backward, &job, count * job.rows.images, (int)num_chunks);
}
