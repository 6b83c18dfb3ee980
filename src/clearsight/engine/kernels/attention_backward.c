/* The gradients of attention; see attention.h. */
#include "attention.h"

/* For two rows of scores, from the gradients of their probabilities: the probabilities, 0 where
   dropped, in pairs; and the gradients of the scores, as rows and in pairs. */
static void differentiate(const struct job *job, const struct memory *m, ptrdiff_t row,
                          const float log_sums[2], const float means[2],
                          struct generators *generators)
{
    ptrdiff_t keys = job->sizes.keys, width = padded(keys);
    __m512 scale = _mm512_set1_ps(job->kept_scale);
    for (ptrdiff_t at = 0; at < width; at += LANES) {
        __mmask16 kept[2], lanes = lanes_of(keys - at);
        __m512i probabilities[2], gradients[2];
        draw(job, generators, kept);
        for (int i = 0; i < 2; i++) {
            ptrdiff_t from = (row + i) * width + at;
            __m512 score = _mm512_loadu_ps(m->scores + from);
            __m512 values = exponential(_mm512_sub_ps(score, _mm512_set1_ps(log_sums[i])));
            values = _mm512_maskz_mov_ps(lanes, values);
            __m512 gradient =
                _mm512_maskz_mul_ps(kept[i], _mm512_loadu_ps(m->gradients + from), scale);
            gradient = _mm512_mul_ps(values, _mm512_sub_ps(gradient, _mm512_set1_ps(means[i])));
            probabilities[i] = narrowed(_mm512_maskz_mul_ps(kept[i], values, scale));
            gradients[i] = narrowed(gradient);
            _mm256_storeu_epi16(m->score_gradients + from, _mm512_cvtepi32_epi16(gradients[i]));
        }
        _mm512_storeu_si512(
            m->probability_rows + row / 2 * width + at,
            _mm512_or_si512(probabilities[0], _mm512_slli_epi32(probabilities[1], 16)));
        _mm512_storeu_si512(m->score_gradient_rows + row / 2 * width + at,
                            _mm512_or_si512(gradients[0], _mm512_slli_epi32(gradients[1], 16)));
    }
}

static float sum_of_products(const uint16_t *a, const uint16_t *b, ptrdiff_t width)
{
    __m512 sums = _mm512_setzero_ps();
    for (ptrdiff_t i = 0; i < width; i += LANES)
        sums = _mm512_fmadd_ps(widened(_mm256_loadu_epi16(a + i)),
                               widened(_mm256_loadu_epi16(b + i)), sums);
    return _mm512_reduce_add_ps(sums);
}

static void attend_backward(const void *data, ptrdiff_t first, ptrdiff_t last, int chunk)
{
    const struct job *job = data;
    struct sizes s = job->sizes;
    struct memory m;
    lay_out(&s, job->scratch + chunk * job->scratch_size, &m);
    ptrdiff_t keys = padded(s.keys), size = padded(s.size), value_size = padded(s.value_size);
    for (ptrdiff_t task = first; task < last; task++) {
        ptrdiff_t image = task / s.groups, group = task % s.groups, shared = s.heads / s.groups;
        copy_values(job, image, group, m.rows);
        pair_columns(m.rows, keys, value_size, m.value_columns);
        copy_keys(job, image, group, m.rows);
        pair_columns(m.rows, keys, size, m.key_columns);
        pair_rows(m.rows, keys, size, m.key_rows);
        memset(m.key_sums, 0, (size_t)(keys * size) * sizeof(float));
        memset(m.value_sums, 0, (size_t)(keys * value_size) * sizeof(float));
        for (ptrdiff_t head = group * shared; head < (group + 1) * shared; head++) {
            struct generators generators = generators_of(job, image, head);
            for (ptrdiff_t at = 0; at < s.queries; at += ROWS) {
                ptrdiff_t count = s.queries - at < ROWS ? s.queries - at : ROWS;
                ptrdiff_t position = image * s.queries + at;
                ptrdiff_t from = (position * s.heads + head) * s.value_size;
                const float *log_sums = job->log_sums + (image * s.heads + head) * s.queries + at;
                copy_rows(job->query + position * s.query_stride + head * s.size, s.query_stride,
                          count, s.size, ROWS, m.query);
                copy_rows(job->gradient + from, s.heads * s.value_size, count, s.value_size, ROWS,
                          m.gradient);
                copy_rows(job->output + from, s.heads * s.value_size, count, s.value_size, ROWS,
                          m.output);
                pair_rows(m.query, ROWS, size, m.query_rows);
                pair_rows(m.gradient, ROWS, value_size, m.gradient_rows);
                multiply(pairs(m.query), size / 2, (s.size + 1) / 2, m.key_columns, keys, m.scores);
                multiply(pairs(m.gradient), value_size / 2, (s.value_size + 1) / 2,
                         m.value_columns, keys, m.gradients);
                for (ptrdiff_t row = 0; row < ROWS; row += 2) {
                    float sums[2], means[2];
                    for (ptrdiff_t i = 0; i < 2; i++) {
                        ptrdiff_t offset = (row + i) * value_size;
                        sums[i] = row + i < count ? log_sums[row + i] : 0.0f;
                        means[i] =
                            sum_of_products(m.gradient + offset, m.output + offset, value_size);
                    }
                    differentiate(job, &m, row, sums, means, &generators);
                }
                add_transposed(m.probability_rows, keys, m.gradient_rows, value_size,
                               m.value_sums);
                add_transposed(m.score_gradient_rows, keys, m.query_rows, size, m.key_sums);
                multiply(pairs(m.score_gradients), keys / 2, (s.keys + 1) / 2, m.key_rows, size,
                         m.sums);
                write_rows(m.sums, count, s.size,
                           job->query_gradient + (position * s.heads + head) * s.size,
                           s.heads * s.size);
            }
        }
        write_rows(m.key_sums, s.keys, s.size,
                   job->key_gradient + (image * s.keys * s.groups + group) * s.size,
                   s.groups * s.size);
        write_rows(m.value_sums, s.keys, s.value_size,
                   job->value_gradient + (image * s.keys * s.groups + group) * s.value_size,
                   s.groups * s.value_size);
    }
}

void attention_backward(const uint16_t *query, const uint16_t *key, const uint16_t *value,
                        const int64_t *random_key, const uint16_t *output,
                        const uint16_t *gradient, const float *log_sums, uint16_t *query_gradient,
                        uint16_t *key_gradient, uint16_t *value_gradient, float *scratch,
                        const ptrdiff_t *sizes, double rate, ptrdiff_t num_chunks)
{
    struct job job = job_of(sizes, random_key, rate, scratch);
    job.query = query, job.key = key, job.value = value;
    job.output = output, job.gradient = gradient, job.log_sums = (float *)log_sums;
    job.query_gradient = query_gradient;
    job.key_gradient = key_gradient, job.value_gradient = value_gradient;
    parallel_for(attend_backward, &job, job.sizes.count * job.sizes.groups, num_chunks);
}
