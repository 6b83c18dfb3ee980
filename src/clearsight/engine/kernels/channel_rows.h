/* Passes over arrays (rows, channels) of bfloat16 that sum over the rows of each channel.

   The arrays are read as rows of `width` values, a multiple of the number of channels and of four
   vectors, so that all vectors are full. The last values, if they do not fill a row, are computed in
   a copy that is padded with zeros. */
#ifndef CLEARSIGHT_CHANNEL_ROWS_H
#define CLEARSIGHT_CHANNEL_ROWS_H

#include <stddef.h>
#include <stdint.h>

/* Arrays (rows, channels) of bfloat16. The forward pass computes OUTPUT from VALUES and perhaps
   RESIDUAL. The backward pass computes MASKED, the gradient of the activation's input, from GRADIENT
   and either VALUES or FORWARD_OUTPUT; and from MASKED VALUES_GRADIENT. */
enum { VALUES, RESIDUAL, FORWARD_OUTPUT, GRADIENT, OUTPUT, MASKED, VALUES_GRADIENT, NUM_ARRAYS };
enum { FIRST_WRITTEN = OUTPUT };

struct sizes {
    ptrdiff_t rows, channels, width;
    ptrdiff_t whole; /* rows of `width` that the values fill */
    ptrdiff_t rest;  /* values after them */
    ptrdiff_t tile;  /* rows of `width` that fit into the L1 cache */
};

/* `_scratch_and_sizes` in batch_normalization.py computes the size of the memory. */
struct job {
    struct sizes sizes;
    uint16_t *arrays[NUM_ARRAYS]; /* NULL if not needed */
    int activation;
    double *sums;               /* (chunks, 2, width) */
    float *scale, *shift;       /* (width,) of the forward pass */
    float *slope, *offset;      /* (width,) of the backward pass: see `differentiate` */
    uint16_t *copies;           /* (arrays, width): the rest of each, padded with zeros */
};

/* Computes so many rows, the first of which the pointers `at` point to; `sums` are its chunk's. */
typedef void (*Tile)(const struct job *job, uint16_t *const *at, ptrdiff_t rows, double *sums);

/* Hidden, so that a function of the same name in another library is never called instead. */
#pragma GCC visibility push(hidden)

struct job job_of(double *scratch, const ptrdiff_t *shape, ptrdiff_t activation,
                  ptrdiff_t num_chunks);

/* Compute all rows, in tiles. */
void run(const struct job *job, Tile tile, ptrdiff_t num_chunks);

/* A channel's sum over all chunks and rows: the first (`which` 0) or second (1) of its two sums. */
double total(const struct job *job, int which, ptrdiff_t channel, ptrdiff_t num_chunks);

/* Fill a row of `width` with repetitions of one number per channel. */
void repeat(float *row, const float *channels, const struct sizes *s);

#pragma GCC visibility pop

#endif
