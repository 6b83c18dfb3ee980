/* Vectors of float32, as wide as the processor's, in plain GCC C; and bfloat16 in memory. */
#ifndef CLEARSIGHT_VECTORS_H
#define CLEARSIGHT_VECTORS_H

#include <stdint.h>
#include <string.h>
#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

#ifdef __AVX512F__
enum { WIDTH = 16 };
#else
enum { WIDTH = 8 };
#endif

typedef float Floats __attribute__((vector_size(4 * WIDTH)));
typedef uint32_t Words __attribute__((vector_size(4 * WIDTH)));
typedef uint16_t Halves __attribute__((vector_size(2 * WIDTH)));

static inline Floats load(const float *values)
{
    Floats loaded;
    memcpy(&loaded, values, sizeof loaded);
    return loaded;
}

static inline void store(Floats values, float *to)
{
    memcpy(to, &values, sizeof values);
}

static inline Floats broadcast(float value)
{
    return value - (Floats){0};
}

/* Convert bfloat16 values to float32. */
static inline Floats widened(const uint16_t *bits)
{
    Halves loaded;
    memcpy(&loaded, bits, sizeof loaded);
#ifdef __AVX512BF16__ /* GCC 12 would convert each half by itself */
    return (Floats)_mm512_slli_epi32(_mm512_cvtepu16_epi32((__m256i)loaded), 16);
#else
    return (Floats)(__builtin_convertvector(loaded, Words) << 16);
#endif
}

/* Convert float32 values to bfloat16, rounded to nearest, ties to even. */
static inline void narrow(Floats values, uint16_t *to)
{
#ifdef __AVX512BF16__
    __m256bh narrowed = _mm512_cvtneps_pbh((__m512)values);
    memcpy(to, &narrowed, sizeof narrowed);
#else
    Words bits = (Words)values;
    Words rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    Words is_nan = (Words)(values != values);
    rounded = (is_nan & 0x7fc0) | (~is_nan & rounded);
    Halves narrowed = __builtin_convertvector(rounded, Halves);
    memcpy(to, &narrowed, sizeof narrowed);
#endif
}

#endif
