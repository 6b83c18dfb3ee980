/* Attention forward; see attention.h. */
#include "attention.h"

/* For two rows of scores: their exponentials, 0 where dropped; and for each row the sum of all its
   exponentials, and its largest score. */
static void exponentials_of(const struct job *job, const float *scores,
                            struct generators *generators, uint16_t *to, float sum[2],
                            float largest[2])
{
    ptrdiff_t keys = job->sizes.keys, width = padded(keys);
    __m512 sums[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    for (int row = 0; row < 2; row++) {
        __m512 highest = _mm512_set1_ps(-INFINITY);
        for (ptrdiff_t at = 0; at < width; at += LANES)
            highest = _mm512_mask_max_ps(highest, lanes_of(keys - at), highest,
                                         _mm512_loadu_ps(scores + row * width + at));
        largest[row] = _mm512_reduce_max_ps(highest);
    }
    for (ptrdiff_t at = 0; at < width; at += LANES) {
        __mmask16 kept[2], lanes = lanes_of(keys - at);
        draw(job, generators, kept);
        for (int row = 0; row < 2; row++) {
            __m512 score = _mm512_loadu_ps(scores + row * width + at);
            __m512 values = exponential(_mm512_sub_ps(score, _mm512_set1_ps(largest[row])));
            sums[row] = _mm512_mask_add_ps(sums[row], lanes, sums[row], values);
            values = _mm512_maskz_mov_ps(lanes & kept[row], values);
            _mm256_storeu_epi16(to + row * width + at, (__m256i)_mm512_cvtneps_pbh(values));
        }
    }
    sum[0] = _mm512_reduce_add_ps(sums[0]), sum[1] = _mm512_reduce_add_ps(sums[1]);
}

static void attend(const void *data, ptrdiff_t first, ptrdiff_t last, int chunk)
{
    const struct job *job = data;
    struct sizes s = job->sizes;
    struct memory m;
    lay_out(&s, job->scratch + chunk * job->scratch_size, &m);
    ptrdiff_t keys = padded(s.keys), size = padded(s.size), value_size = padded(s.value_size);
    for (ptrdiff_t task = first; task < last; task++) {
        ptrdiff_t image = task / s.groups, group = task % s.groups, shared = s.heads / s.groups;
        copy_values(job, image, group, m.rows);
        pair_rows(m.rows, keys, value_size, m.value_rows);
        copy_keys(job, image, group, m.rows);
        pair_columns(m.rows, keys, size, m.key_columns);
        for (ptrdiff_t head = group * shared; head < (group + 1) * shared; head++) {
            struct generators generators = generators_of(job, image, head);
            for (ptrdiff_t at = 0; at < s.queries; at += ROWS) {
                ptrdiff_t count = s.queries - at < ROWS ? s.queries - at : ROWS;
                ptrdiff_t position = image * s.queries + at;
                copy_rows(job->query + position * s.query_stride + head * s.size, s.query_stride,
                          count, s.size, ROWS, m.query);
                multiply(pairs(m.query), size / 2, (s.size + 1) / 2, m.key_columns, keys, m.scores);
                float sums[ROWS], largest[ROWS];
                for (ptrdiff_t row = 0; row < ROWS; row += 2)
                    exponentials_of(job, m.scores + row * keys, &generators,
                                    m.probabilities + row * keys, sums + row, largest + row);
                multiply(pairs(m.probabilities), keys / 2, (s.keys + 1) / 2, m.value_rows,
                         value_size, m.sums);
                for (ptrdiff_t row = 0; row < ROWS; row++)
                    for (ptrdiff_t i = 0; i < value_size; i++)
                        m.sums[row * value_size + i] *= job->kept_scale / sums[row];
                write_rows(m.sums, count, s.value_size,
                           job->written + (position * s.heads + head) * s.value_size,
                           s.heads * s.value_size);
                for (ptrdiff_t row = 0; row < count && job->log_sums != NULL; row++)
                    job->log_sums[(image * s.heads + head) * s.queries + at + row] =
                        largest[row] + logf(sums[row]);
            }
        }
    }
}

ptrdiff_t attention_scratch_size(const ptrdiff_t *sizes)
{
    struct sizes s;
    struct memory m;
    memcpy(&s, sizes, sizeof s);
    return lay_out(&s, NULL, &m) / (ptrdiff_t)sizeof(float);
}

/* `random_key` is NULL if nothing is dropped, `log_sums` if no gradients are needed. */
void attention(const uint16_t *query, const uint16_t *key, const uint16_t *value,
               const int64_t *random_key, uint16_t *output, float *log_sums, float *scratch,
               const ptrdiff_t *sizes, double rate, ptrdiff_t num_chunks)
{
    struct job job = job_of(sizes, random_key, rate, scratch);
    job.query = query, job.key = key, job.value = value;
    job.written = output, job.log_sums = log_sums;
    parallel_for(attend, &job, job.sizes.count * job.sizes.groups, num_chunks);
}

