/* vec.h - the vector vocabulary: one instruction set per translation unit.
 *
 * -DES_ISA_AVX2=1, -DES_ISA_AVX512=1 or -DES_ISA_NEON=1 picks it, scalar without any; ES_NAME(x) is
 * x with the set's name behind it. VL is the lane count. vf: VL floats; vu: VL uint32; vm: a mask.
 * v_mla fuses where the set fuses. v_min and v_max return b where either is NaN (but on NEON).
 */
#ifndef ES_VEC_H
#define ES_VEC_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define ES_INLINE static inline __attribute__((always_inline, unused))
#else
#define ES_INLINE static inline
#endif
#if defined(__clang__)
#define ES_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define ES_UNROLL _Pragma("GCC unroll 16")
#else
#define ES_UNROLL
#endif

#if defined(ES_ISA_AVX512)
#define ES_ISA avx512
#include "avx512.h"
#elif defined(ES_ISA_AVX2)
#define ES_ISA avx2
#include "avx2.h"
#elif defined(ES_ISA_NEON)
#define ES_ISA neon
#include "neon.h"
#else
#define ES_ISA scalar
#include "scalar.h"
#endif

#define ES_JOIN2(a, b) a##_##b
#define ES_JOIN(a, b) ES_JOIN2(a, b)
#define ES_NAME(x) ES_JOIN(x, ES_ISA)
#define ES_TEXT2(x) #x
#define ES_TEXT(x) ES_TEXT2(x)
#define ES_ISA_TEXT ES_TEXT(ES_ISA)

/* Vectors that hold n floats. */
#define ES_VECS(n) (((n) + VL - 1) / VL)

/* Lanes below n, n from 0. */
ES_INLINE vm v_head(uint32_t n) {
    return v_lt(v_iota(), v_set1((float)n));
}

/* x in the lanes below n, 0 in the others, whatever they hold. */
ES_INLINE vf v_keep(vf x, uint32_t n) {
    return v_select(v_head(n), x, v_set1(0.0f));
}

/* Values too small to hear become 0, so that no state decays into denormals. */
ES_INLINE vf v_flush(vf x) {
    return v_select(v_lt(v_abs(x), v_set1(1e-20f)), v_set1(0.0f), x);
}

#endif
