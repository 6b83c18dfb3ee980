/* Batch normalization in training of bfloat16 values, with an activation and the addition of a
   residual: y = activation(scale * x + shift + residual), where a channel's scale and shift follow
   from its mean and variance over all rows.

   Sums are float32 within a tile of rows and float64 over the tiles. The square of a bfloat16 has 16
   bits, so a float32, with 24, adds 256 squares of similar size without rounding. Their size is
   similar in the case that needs precision: a mean far larger than the standard deviation. */
#include <math.h>
#include <string.h>

#include "activations.h"
#include "channel_rows.h"
#include "vectors.h"

enum { GROUP = 4 }; /* vectors that are summed at once */

/* Rows of `statistics`: the numbers of each channel that the forward pass computes. */
enum { MEAN, VARIANCE, INVERSE_DEVIATION, SCALE, SHIFT };

INLINE void add_to(double *sums, Floats more)
{
    float spilled[WIDTH];
    store(more, spilled);
    for (int lane = 0; lane < WIDTH; lane++)
        sums[lane] += spilled[lane];
}

/* Sums of the values and of their squares. */
static void sum_squares(const struct job *job, uint16_t *const *at, ptrdiff_t rows,
                        double *sums)
{
    ptrdiff_t width = job->sizes.width;
    for (ptrdiff_t c = 0; c < width; c += GROUP * WIDTH) {
        Floats sum[GROUP] = {0}, squares[GROUP] = {0};
        for (ptrdiff_t row = 0; row < rows; row++) {
#pragma GCC unroll 4
            for (int k = 0; k < GROUP; k++) {
                Floats x = widened(at[VALUES] + row * width + c + k * WIDTH);
                sum[k] += x;
                squares[k] += x * x;
            }
        }
        for (int k = 0; k < GROUP; k++) {
            add_to(sums + c + k * WIDTH, sum[k]);
            add_to(sums + width + c + k * WIDTH, squares[k]);
        }
    }
}

INLINE void normalize(const struct job *job, uint16_t *const *at, ptrdiff_t rows, int activation,
                      int adds)
{
    const float *scale = job->scale, *shift = job->shift;
    ptrdiff_t width = job->sizes.width;
    for (ptrdiff_t row = 0; row < rows; row++) {
        const uint16_t *values = at[VALUES] + row * width;
        const uint16_t *residual = adds ? at[RESIDUAL] + row * width : 0;
        uint16_t *output = at[OUTPUT] + row * width;
        for (ptrdiff_t c = 0; c < width; c += WIDTH) {
            Floats z = widened(values + c) * load(scale + c) + load(shift + c);
            if (adds)
                z += widened(residual + c);
            narrow(activate(z, activation), output + c);
        }
    }
}

/* Sums of the gradient of the activation's input, and of this gradient times the value. It is
   computed from the activation's output if `from_output` (for ReLU and ReLU6 alone), else from its
   input, and stored if `stores`; otherwise `differentiate` computes it again. */
INLINE void sum_gradients(const struct job *job, uint16_t *const *at, ptrdiff_t rows,
                          double *sums, int activation, int from_output, int stores)
{
    const uint16_t *values = at[VALUES], *gradient = at[GRADIENT], *output = at[FORWARD_OUTPUT];
    const float *scale = job->scale, *shift = job->shift;
    uint16_t *masked = at[MASKED];
    ptrdiff_t width = job->sizes.width;
    for (ptrdiff_t c = 0; c < width; c += GROUP * WIDTH) {
        Floats sum[GROUP] = {0}, products[GROUP] = {0};
        for (ptrdiff_t row = 0; row < rows; row++) {
#pragma GCC unroll 4
            for (int k = 0; k < GROUP; k++) {
                ptrdiff_t column = c + k * WIDTH, index = row * width + column;
                Floats x = widened(values + index), z = x;
                if (from_output)
                    z = widened(output + index);
                else if (activation != LINEAR)
                    z = x * load(scale + column) + load(shift + column);
                Floats g = through(widened(gradient + index), z, activation);
                if (stores)
                    narrow(g, masked + index);
                sum[k] += g;
                products[k] += g * x;
            }
        }
        for (int k = 0; k < GROUP; k++) {
            add_to(sums + c + k * WIDTH, sum[k]);
            add_to(sums + width + c + k * WIDTH, products[k]);
        }
    }
}

/* The gradient of the values, from that of the activation's input:
   scale * gradient + slope * value + offset. */
INLINE void differentiate(const struct job *job, uint16_t *const *at, ptrdiff_t rows,
                          int activation)
{
    const float *scale = job->scale, *shift = job->shift;
    const float *slope = job->slope, *offset = job->offset;
    ptrdiff_t width = job->sizes.width;
    for (ptrdiff_t row = 0; row < rows; row++) {
        const uint16_t *values = at[VALUES] + row * width, *gradient = at[GRADIENT] + row * width;
        uint16_t *values_gradient = at[VALUES_GRADIENT] + row * width;
        for (ptrdiff_t c = 0; c < width; c += WIDTH) {
            Floats x = widened(values + c), factor = load(scale + c), z = x;
            if (activation != LINEAR)
                z = x * factor + load(shift + c);
            Floats g = through(widened(gradient + c), z, activation);
            narrow(g * factor + (x * load(slope + c) + load(offset + c)), values_gradient + c);
        }
    }
}

/* One compiled loop for each activation. */
#define BY_ACTIVATION(call)                                                                        \
    switch (job->activation) {                                                                     \
    case RELU: call(RELU); break;                                                                  \
    case RELU6: call(RELU6); break;                                                                \
    case HARD_SWISH: call(HARD_SWISH); break;                                                      \
    case SWISH: call(SWISH); break;                                                                \
    default: call(LINEAR);                                                                         \
    }

static void normalize_tile(const struct job *job, uint16_t *const *at, ptrdiff_t rows,
                           double *sums)
{
    (void)sums;
#define ADDED(activation) normalize(job, at, rows, activation, 1)
#define ALONE(activation) normalize(job, at, rows, activation, 0)
    if (at[RESIDUAL])
        BY_ACTIVATION(ADDED)
    else
        BY_ACTIVATION(ALONE)
}

static void sum_gradients_tile(const struct job *job, uint16_t *const *at, ptrdiff_t rows,
                               double *sums)
{
#define STORED(activation) sum_gradients(job, at, rows, sums, activation, 0, 1)
#define UNSTORED(activation) sum_gradients(job, at, rows, sums, activation, 0, 0)
    if (at[FORWARD_OUTPUT] && job->activation == RELU)
        sum_gradients(job, at, rows, sums, RELU, 1, 1);
    else if (at[FORWARD_OUTPUT])
        sum_gradients(job, at, rows, sums, RELU6, 1, 1);
    else if (at[MASKED])
        BY_ACTIVATION(STORED)
    else
        BY_ACTIVATION(UNSTORED)
}

static void differentiate_tile(const struct job *job, uint16_t *const *at, ptrdiff_t rows,
                               double *sums)
{
    (void)sums;
#define DIFFERENTIATED(activation) differentiate(job, at, rows, activation)
    BY_ACTIVATION(DIFFERENTIATED)
}

static void find_statistics(const struct job *job, const float *gamma, const float *beta,
                            float *statistics, double epsilon, ptrdiff_t num_chunks)
{
    ptrdiff_t channels = job->sizes.channels;
    double rows = (double)job->sizes.rows;
    run(job, sum_squares, num_chunks);
    for (ptrdiff_t c = 0; c < channels; c++) {
        double mean = total(job, 0, c, num_chunks) / rows;
        double variance = total(job, 1, c, num_chunks) / rows - mean * mean;
        variance = variance < 0 ? 0 : variance; /* NaN stays */
        double inverse = 1 / sqrt(variance + epsilon), scale = gamma ? gamma[c] * inverse : inverse;
        statistics[MEAN * channels + c] = (float)mean;
        statistics[VARIANCE * channels + c] = (float)variance;
        statistics[INVERSE_DEVIATION * channels + c] = (float)inverse;
        statistics[SCALE * channels + c] = (float)scale;
        statistics[SHIFT * channels + c] = (float)((beta ? beta[c] : 0) - mean * scale);
    }
}

/* gamma and beta are (channels,) or NULL; statistics are (5, channels). If the normalization is
   `frozen`, their scale and shift are inputs, and the other rows are neither read nor written. */
void batch_normalization(uint16_t *values, uint16_t *residual, const float *gamma,
                         const float *beta, uint16_t *output, float *statistics, double *scratch,
                         const ptrdiff_t *shape, double epsilon, ptrdiff_t activation, int frozen,
                         ptrdiff_t num_chunks)
{
    struct job job = job_of(scratch, shape, activation, num_chunks);
    ptrdiff_t channels = job.sizes.channels;
    job.arrays[VALUES] = values;
    if (!frozen)
        find_statistics(&job, gamma, beta, statistics, epsilon, num_chunks);
    repeat(job.scale, statistics + SCALE * channels, &job.sizes);
    repeat(job.shift, statistics + SHIFT * channels, &job.sizes);
    job.arrays[RESIDUAL] = residual;
    job.arrays[OUTPUT] = output;
    run(&job, normalize_tile, num_chunks);
}

/* The batch's statistics depend on its values, so gradients also flow through mean and variance. */
static void find_gradients(struct job *job, const float *statistics,
                           float *parameter_gradients, ptrdiff_t num_chunks)
{
    ptrdiff_t channels = job->sizes.channels;
    double rows = (double)job->sizes.rows;
    for (ptrdiff_t c = 0; c < channels; c++) {
        double mean = statistics[MEAN * channels + c], sum = total(job, 0, c, num_chunks);
        double inverse = statistics[INVERSE_DEVIATION * channels + c];
        double gamma_gradient = inverse * (total(job, 1, c, num_chunks) - mean * sum);
        double scale = statistics[SCALE * channels + c];
        double slope = -scale * inverse * gamma_gradient / rows;
        parameter_gradients[c] = (float)gamma_gradient;
        parameter_gradients[channels + c] = (float)sum;
        job->slope[c] = (float)slope;
        job->offset[c] = (float)(-scale * sum / rows - slope * mean);
    }
    for (ptrdiff_t c = channels; c < job->sizes.width; c++) {
        job->slope[c] = job->slope[c - channels];
        job->offset[c] = job->offset[c - channels];
    }
}

/* `parameter_gradients` is (2, channels), of gamma and beta; NULL if the normalization is frozen.
   `output` is the forward output if ReLU's or ReLU6's gradient is computed from it, else NULL.
   `masked` receives the gradient of the activation's input, which is also the residual's; it may be
   NULL, or the same memory as `values_gradient`, which is NULL if the values need no gradient. */
void batch_normalization_backward(uint16_t *gradient, uint16_t *values, uint16_t *output,
                                  const float *statistics, uint16_t *values_gradient,
                                  uint16_t *masked, float *parameter_gradients, double *scratch,
                                  const ptrdiff_t *shape, ptrdiff_t activation,
                                  ptrdiff_t num_chunks)
{
    struct job job = job_of(scratch, shape, activation, num_chunks);
    ptrdiff_t channels = job.sizes.channels;
    repeat(job.scale, statistics + SCALE * channels, &job.sizes);
    repeat(job.shift, statistics + SHIFT * channels, &job.sizes);
    memset(job.slope, 0, 2 * job.sizes.width * sizeof *job.slope); /* and `offset` */
    job.arrays[VALUES] = values;
    job.arrays[FORWARD_OUTPUT] = output;
    job.arrays[GRADIENT] = gradient;
    job.arrays[MASKED] = masked;
    if (parameter_gradients || masked)
        run(&job, sum_gradients_tile, num_chunks);
    if (parameter_gradients)
        find_gradients(&job, statistics, parameter_gradients, num_chunks);
    if (!values_gradient)
        return;
    if (masked) {
        job.arrays[GRADIENT] = masked;
        job.activation = LINEAR;
    }
    job.arrays[FORWARD_OUTPUT] = job.arrays[MASKED] = 0;
    job.arrays[VALUES_GRADIENT] = values_gradient;
    run(&job, differentiate_tile, num_chunks);
}
