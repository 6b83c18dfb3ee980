/* Activations of vectors of float32, and the gradient through them. */
#ifndef CLEARSIGHT_ACTIVATIONS_H
#define CLEARSIGHT_ACTIVATIONS_H

#include "vectors.h"

#define INLINE static inline __attribute__((always_inline))

/* Numbers as in batch_normalization.py. */
enum { LINEAR, RELU, RELU6, HARD_SWISH, SWISH };

typedef int32_t Flags __attribute__((vector_size(4 * WIDTH))); /* of a comparison: 0 or -1 */

INLINE Floats choose(Flags condition, Floats yes, Floats no)
{
    return (Floats)(((Flags)yes & condition) | ((Flags)no & ~condition));
}

/* 1 / (1 + exp(-z)), correct to 16 bits. */
INLINE Floats sigmoid(Floats z)
{
    Floats power = z * -1.44269504f; /* of 2 */
    power = choose(power > 126.0f, broadcast(126), power);
    power = choose(power < -126.0f, broadcast(-126), power);
    Floats shifted = power + 12582912.0f; /* 1.5 * 2^23: the lowest bits are the nearest integer */
    Floats part = power - (shifted - 12582912.0f);
    /* 2^part for |part| <= 1/2: the series of exp(part * log 2). */
    Floats exponential = part * 0.00133336f + 0.00961813f;
    exponential = exponential * part + 0.05550411f;
    exponential = exponential * part + 0.24022651f;
    exponential = exponential * part + 0.69314718f;
    exponential = exponential * part + 1.0f;
    exponential = (Floats)((Words)exponential + ((Words)shifted << 23));
    return 1.0f / (1.0f + exponential);
}

INLINE Floats activate(Floats z, int activation)
{
    const Floats zero = {0};
    if (activation == RELU || activation == RELU6)
        z = choose(z < 0.0f, zero, z); /* in this form NaN stays */
    if (activation == RELU6)
        z = choose(z > 6.0f, broadcast(6), z);
    if (activation == HARD_SWISH) {
        Floats gate = z * (1.0f / 6.0f) + 0.5f;
        z = z * activate(gate * 6.0f, RELU6) * (1.0f / 6.0f);
    }
    if (activation == SWISH)
        z = z * sigmoid(z);
    return z;
}

/* The gradient of an activation's input `z`, from that of its output. */
INLINE Floats through(Floats gradient, Floats z, int activation)
{
    const Floats zero = {0};
    if (activation == RELU)
        return choose(z > 0.0f, gradient, zero);
    if (activation == RELU6)
        return choose((z > 0.0f) & (z < 6.0f), gradient, zero);
    if (activation == HARD_SWISH) {
        Floats sloped = gradient * (z * (1.0f / 3.0f) + 0.5f);
        return choose(z > 3.0f, gradient, choose(z < -3.0f, zero, sloped));
    }
    if (activation == SWISH) {
        Floats gate = sigmoid(z);
        return gradient * gate * (1.0f + z * (1.0f - gate));
    }
    return gradient;
}

#endif
