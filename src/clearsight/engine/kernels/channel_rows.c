#include "channel_rows.h"

#include <string.h>

#include "parallel.h"

/* Of 4096, 16384 and 32768 bytes and at least 4, 8 and 16 rows these were fastest for three of
   six shapes of 32 to 2048 channels, and no slower for the others (two cores of a Zen 5). */
enum { TILE_BYTES = 32768, MAX_TILE_ROWS = 256, MIN_TILE_ROWS = 16 };

static struct sizes sizes_of(const ptrdiff_t *shape)
{
    struct sizes s = {shape[0], shape[1], shape[2], 0, 0, 0};
    s.whole = s.rows * s.channels / s.width;
    s.rest = s.rows * s.channels % s.width;
    s.tile = TILE_BYTES / 2 / s.width;
    s.tile = s.tile > MAX_TILE_ROWS ? MAX_TILE_ROWS : s.tile;
    s.tile = s.tile < MIN_TILE_ROWS ? MIN_TILE_ROWS : s.tile;
    return s;
}

struct pass {
    const struct job *job;
    Tile tile;
};

static void run_tiles(const struct job *job, Tile tile, ptrdiff_t first, ptrdiff_t last,
                      double *sums)
{
    const struct sizes *s = &job->sizes;
    for (ptrdiff_t row = first; row < last; row += s->tile) {
        uint16_t *at[NUM_ARRAYS];
        for (int i = 0; i < NUM_ARRAYS; i++)
            at[i] = job->arrays[i] ? job->arrays[i] + row * s->width : 0;
        tile(job, at, last - row < s->tile ? last - row : s->tile, sums);
    }
}

/* The last values, padded with zeros, which add nothing to any sum. */
static void run_rest(const struct job *job, Tile tile, double *sums)
{
    const struct sizes *s = &job->sizes;
    uint16_t *at[NUM_ARRAYS] = {0}, *rest[NUM_ARRAYS];
    for (int i = 0; i < NUM_ARRAYS; i++)
        if (job->arrays[i]) {
            at[i] = job->copies + i * s->width;
            rest[i] = job->arrays[i] + s->whole * s->width;
            memset(at[i], 0, s->width * sizeof **at);
            if (i < FIRST_WRITTEN)
                memcpy(at[i], rest[i], s->rest * sizeof **at);
        }
    tile(job, at, 1, sums);
    for (int i = FIRST_WRITTEN; i < NUM_ARRAYS; i++)
        if (at[i])
            memcpy(rest[i], at[i], s->rest * sizeof **at);
}

static void run_chunk(const void *data, ptrdiff_t first, ptrdiff_t last, int chunk)
{
    const struct pass *pass = data;
    const struct job *job = pass->job;
    double *sums = job->sums + 2 * chunk * job->sizes.width;
    ptrdiff_t whole = job->sizes.whole;
    run_tiles(job, pass->tile, first, last < whole ? last : whole, sums);
    if (last > whole)
        run_rest(job, pass->tile, sums);
}

void run(const struct job *job, Tile tile, ptrdiff_t num_chunks)
{
    struct pass pass = {job, tile};
    parallel_for(run_chunk, &pass, job->sizes.whole + (job->sizes.rest > 0), (int)num_chunks);
}

struct job job_of(double *scratch, const ptrdiff_t *shape, ptrdiff_t activation,
                  ptrdiff_t num_chunks)
{
    struct job job = {.sizes = sizes_of(shape), .activation = (int)activation, .sums = scratch};
    ptrdiff_t width = job.sizes.width;
    job.scale = (float *)(scratch + 2 * num_chunks * width);
    job.shift = job.scale + width;
    job.slope = job.shift + width;
    job.offset = job.slope + width;
    job.copies = (uint16_t *)(job.offset + width);
    memset(job.sums, 0, 2 * num_chunks * width * sizeof *job.sums);
    return job;
}

double total(const struct job *job, int which, ptrdiff_t channel, ptrdiff_t num_chunks)
{
    double sum = 0;
    for (ptrdiff_t chunk = 0; chunk < num_chunks; chunk++)
        for (ptrdiff_t c = channel; c < job->sizes.width; c += job->sizes.channels)
            sum += job->sums[(2 * chunk + which) * job->sizes.width + c];
    return sum;
}

void repeat(float *row, const float *channels, const struct sizes *s)
{
    for (ptrdiff_t c = 0; c < s->width; c += s->channels)
        memcpy(row + c, channels, s->channels * sizeof *row);
}
