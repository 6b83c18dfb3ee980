/* What depthwise convolutions and their gradients have in common.

   Each tap of a kernel is a product of vectors over channels. A block of channels is computed at
   once: each row of an image is converted to float32 once, into a ring buffer of as many rows as a
   window spans, with zeros on both sides, so that windows at the edges need no special case. Sums
   are in float32. */
#ifndef CLEARSIGHT_DEPTHWISE_H
#define CLEARSIGHT_DEPTHWISE_H

#include "parallel.h"
#include "vectors.h"

enum {
    BLOCK = 2 * WIDTH, /* channels that are computed at once */
    MAX_TAPS = 64,    /* of a kernel; these limits are checked in depthwise_convolution.py */
    MAX_SLOTS = 64,   /* of a ring */
    MAX_PHASES = 4,   /* columns from one window to the next */
    NO_COLUMN = -(1 << 30),
};

struct shape {
    ptrdiff_t count, height, width, channels; /* of the images */
    ptrdiff_t output_height, output_width;
    ptrdiff_t kernel_height, kernel_width;
    ptrdiff_t row_stride, column_stride, row_dilation, column_dilation;
    ptrdiff_t top, left; /* rows and columns of zeros before an image */
    ptrdiff_t bands;     /* of rows, that an image is divided into for the threads */
};

/* How the rows that are written depend on the rows that are read, and the same of columns. Row `y`
   is a sum over all taps of row `x` times that tap, where
   y * multiply + first + tap * step = x * divide.
   The convolution multiplies by the stride; the gradient of its images, `reversed`, divides by it. */
struct axis {
    ptrdiff_t from, to, taps; /* how many rows are read and written, and how many taps there are */
    ptrdiff_t multiply, divide, first, step;
};

static inline struct axis forward_axis(ptrdiff_t from, ptrdiff_t to, ptrdiff_t taps, ptrdiff_t stride,
                                ptrdiff_t dilation, ptrdiff_t before)
{
    return (struct axis){from, to, taps, stride, 1, -before, dilation};
}

static inline struct axis reversed(struct axis a)
{
    return (struct axis){a.to, a.from, a.taps, a.divide, a.multiply, -a.first, -a.step};
}

static inline struct axis rows_of(const struct shape *s)
{
    return forward_axis(s->height, s->output_height, s->kernel_height, s->row_stride,
                        s->row_dilation, s->top);
}

static inline struct axis columns_of(const struct shape *s)
{
    return forward_axis(s->width, s->output_width, s->kernel_width, s->column_stride,
                        s->column_dilation, s->left);
}

/* The row that a tap reads for row `to`, or -1 if there is none. */
static inline ptrdiff_t row_for(const struct axis *rows, ptrdiff_t to, ptrdiff_t tap)
{
    ptrdiff_t scaled = to * rows->multiply + rows->first + tap * rows->step;
    if (scaled < 0 || scaled % rows->divide || scaled / rows->divide >= rows->from)
        return -1;
    return scaled / rows->divide;
}

/* The first column that a tap reads in a phase: column `phase + i * divide` is computed from column
   `result + i * multiply`. */
static inline ptrdiff_t column_for(const struct axis *columns, ptrdiff_t phase, ptrdiff_t tap)
{
    ptrdiff_t scaled = phase * columns->multiply + columns->first + tap * columns->step;
    if (scaled % columns->divide)
        return NO_COLUMN;
    return scaled / columns->divide;
}

static inline ptrdiff_t columns_in_phase(const struct axis *columns, ptrdiff_t phase)
{
    return (columns->to - phase + columns->divide - 1) / columns->divide;
}

/* A ring buffer of rows of one image's block of channels: float32 (slot, column, BLOCK). */
struct ring {
    ptrdiff_t before, columns; /* of zeros before a row, and in total */
    ptrdiff_t num_slots;
    ptrdiff_t held[MAX_SLOTS]; /* the number of the row in each slot, or -1 */
    float *values;
};

static inline struct ring ring_of(const struct axis *rows, const struct axis *columns)
{
    ptrdiff_t lowest = 0, highest = columns->from - 1;
    for (ptrdiff_t phase = 0; phase < columns->divide; phase++)
        for (ptrdiff_t tap = 0; tap < columns->taps; tap++) {
            ptrdiff_t first = column_for(columns, phase, tap);
            ptrdiff_t last = first + (columns_in_phase(columns, phase) - 1) * columns->multiply;
            if (first == NO_COLUMN)
                continue;
            lowest = first < lowest ? first : lowest;
            highest = last > highest ? last : highest;
        }
    ptrdiff_t reach = (rows->taps - 1) * (rows->step < 0 ? -rows->step : rows->step);
    return (struct ring){
        .before = -lowest, .columns = highest - lowest + 1, .num_slots = reach / rows->divide + 1};
}

static inline ptrdiff_t ring_size(const struct ring *ring)
{
    return ring->num_slots * ring->columns * BLOCK;
}

static inline __attribute__((always_inline)) void
widen_row(const uint16_t *row, ptrdiff_t width, ptrdiff_t channels, float *to, const int vectors)
{
    for (ptrdiff_t x = 0; x < width; x++)
        for (int v = 0; v < vectors; v++)
            store(widened(row + x * channels + v * WIDTH), to + x * BLOCK + v * WIDTH);
}

/* Fill the buffer with zeros; those on both sides of the rows are never overwritten. */
static inline void clear(struct ring *ring, float *memory)
{
    ring->values = memory;
    memset(memory, 0, ring_size(ring) * sizeof *memory);
}

static inline void forget_rows(struct ring *ring)
{
    for (ptrdiff_t slot = 0; slot < ring->num_slots; slot++)
        ring->held[slot] = -1;
}

/* Column 0 of a row, which is converted to float32 if it is not in the buffer yet. */
static inline __attribute__((always_inline)) const float *
row_in(struct ring *ring, const uint16_t *image, ptrdiff_t row, ptrdiff_t width, ptrdiff_t channels,
       const int vectors)
{
    ptrdiff_t slot = row % ring->num_slots;
    float *values = ring->values + (slot * ring->columns + ring->before) * BLOCK;
    if (ring->held[slot] != row) {
        widen_row(image + row * width * channels, width, channels, values, vectors);
        ring->held[slot] = row;
    }
    return values;
}

/* The channels of a block. The last block may overlap the one before, so that all are full. */
struct block {
    ptrdiff_t first, overlap; /* first channel, and how many are in the block before too */
    ptrdiff_t vectors;        /* 2, or 1 where one suffices */
};

static inline ptrdiff_t block_step(ptrdiff_t channels)
{
    return channels < BLOCK ? WIDTH : BLOCK;
}

static inline ptrdiff_t num_blocks(ptrdiff_t channels)
{
    return (channels + block_step(channels) - 1) / block_step(channels);
}

static inline struct block block_at(ptrdiff_t channels, ptrdiff_t index)
{
    ptrdiff_t start = index * block_step(channels), rest = channels - start;
    ptrdiff_t vectors = rest <= WIDTH || channels < BLOCK ? 1 : 2;
    ptrdiff_t overlap = rest < vectors * WIDTH ? vectors * WIDTH - rest : 0;
    return (struct block){start - overlap, overlap, vectors};
}

/* Float32 values of scratch memory that a chunk needs, for the convolution and both gradients. */
ptrdiff_t depthwise_convolution_scratch_size(const ptrdiff_t *sizes);

#endif
