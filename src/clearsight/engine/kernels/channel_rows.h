/* Work on arrays (rows, channels) of bfloat16 that needs sums for each channel.

   They are read as rows of `width` values, a multiple of the number of channels and of four vectors,
   so that no vector is ever partly used; the last values, if they fill no such row, are computed in
   a copy that zeros fill up. */
#ifndef CLEARSIGHT_CHANNEL_ROWS_H
#define CLEARSIGHT_CHANNEL_ROWS_H

#include <stddef.h>
#include <stdint.h>

/* Arrays (rows, channels) of bfloat16. Forward: values and perhaps a residual give the output.
   Backward: those, or the output, with its gradient give what is in front of the activation, and
   that the gradient of the values. */
enum { VALUES, RESIDUAL, FORWARD_OUTPUT, GRADIENT, OUTPUT, MASKED, OF_VALUES, NUM_ARRAYS };
enum { FIRST_WRITTEN = OUTPUT };

struct sizes {
    ptrdiff_t rows, channels, width;
    ptrdiff_t whole; /* rows of `width` that the values fill */
    ptrdiff_t rest;  /* values behind them */
    ptrdiff_t tile;  /* rows of `width` that the first cache holds */
};

/* Memory of floats and doubles, whose size `_scratch_and_sizes` in batch_normalization.py computes. */
struct job {
    struct sizes sizes;
    uint16_t *arrays[NUM_ARRAYS]; /* NULL: not needed */
    int activation;
    double *sums;               /* (chunks, 2, width) */
    float *scale, *shift;       /* (width,) of the forward pass */
    float *slope, *offset;      /* (width,) of the backward pass: see `differentiate` */
    uint16_t *copies;           /* (arrays, width): the rest of each, filled up with zeros */
};

/* Computes some rows, from where the arrays point to; `sums` is a chunk's. */
typedef void (*Tile)(const struct job *job, uint16_t *const *at, ptrdiff_t rows, double *sums);

/* Hidden, so that no function of another library is called by such a name. */
#pragma GCC visibility push(hidden)

struct job job_of(double *scratch, const ptrdiff_t *shape, ptrdiff_t activation,
                  ptrdiff_t num_chunks);

/* Compute all rows, in tiles. */
void run(const struct job *job, Tile tile, ptrdiff_t num_chunks);

/* The sum of all chunks and repetitions of a channel: the first (0) or the second (1) of two. */
double total(const struct job *job, int which, ptrdiff_t channel, ptrdiff_t num_chunks);

/* Write the channels' numbers again and again into a row. */
void repeat(float *row, const float *channels, const struct sizes *s);

#pragma GCC visibility pop

#endif
