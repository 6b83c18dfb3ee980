/* Random 32-bit words that depend on a key and a position alone, never on threads or instructions.

   Values are divided into blocks of BLOCK_VALUES. Each block has 16 generators xoshiro128++
   (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021) side by side, in
   the lanes of vectors. Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2,
   3", 2011) computes what they start from: its key is the key, its counter the number of the block
   and the lane. Philox alone would give the same quality for four times the instructions.

   PractRand 0.96 found no anomaly in the 16-bit numbers in the order of values: 222 tests on 16 GiB
   of one key, and as many on 16 GiB of the first two blocks of keys that follow each other. */
#ifndef CLEARSIGHT_RANDOM_WORDS_H
#define CLEARSIGHT_RANDOM_WORDS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __AVX512F__
#define VECTOR_BYTES 64
#else
#define VECTOR_BYTES 32
#endif

enum {
    LANES = 16,
    STEP_VALUES = 2 * LANES, /* of 16 bits each */
    BLOCK_VALUES = 128 * STEP_VALUES,
    WIDTH = VECTOR_BYTES / 4, /* 32-bit words in a vector */
    PARTS = LANES / WIDTH,    /* vectors that make the lanes */
};

typedef uint32_t Words __attribute__((vector_size(VECTOR_BYTES)));

struct generators {
    Words state[PARTS][4];
};

static inline Words rotate(Words words, int bits)
{
    return words << bits | words >> (32 - bits);
}

/* The next word of each of the generators of a part. */
static inline __attribute__((always_inline)) Words next_words(struct generators *generators,
                                                              int part)
{
    Words *s = generators->state[part];
    Words result = rotate(s[0] + s[3], 7) + s[0];
    Words shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 11);
    return result;
}

/* Start the generators of a block. */
static inline void start_block(struct generators *generators, uint64_t key, ptrdiff_t block)
{
    uint32_t words[4][LANES];
    for (int lane = 0; lane < LANES; lane++) {
        uint32_t a = (uint32_t)lane, b = 0, c = (uint32_t)block;
        uint32_t d = (uint32_t)((uint64_t)block >> 32);
        uint32_t key_low = (uint32_t)key, key_high = (uint32_t)(key >> 32);
        for (int round = 0; round < 10; round++) {
            uint64_t first = (uint64_t)a * 0xD2511F53u, second = (uint64_t)c * 0xCD9E8D57u;
            a = (uint32_t)(second >> 32) ^ b ^ key_low;
            b = (uint32_t)second;
            c = (uint32_t)(first >> 32) ^ d ^ key_high;
            d = (uint32_t)first;
            key_low += 0x9E3779B9u;
            key_high += 0xBB67AE85u;
        }
        words[0][lane] = a;
        words[1][lane] = b;
        words[2][lane] = c;
        words[3][lane] = d;
    }
    for (int part = 0; part < PARTS; part++)
        for (int word = 0; word < 4; word++)
            __builtin_memcpy(&generators->state[part][word], &words[word][part * WIDTH],
                             VECTOR_BYTES);
}

#endif
