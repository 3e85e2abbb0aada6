/* float_mode.h - flush denormals and round to nearest; the caller's mode comes back. Internal. */
#ifndef ES_FLOAT_MODE_H
#define ES_FLOAT_MODE_H

#include <stdint.h>

#if defined(__x86_64__) || defined(__SSE__)
#include <xmmintrin.h>
typedef uint32_t es_float_mode;
static inline es_float_mode es_float_enter(void) {
    uint32_t old = _mm_getcsr();
    _mm_setcsr(0x9fc0u); /* flush to zero, denormals are zero, no trap, to nearest */
    return old;
}
static inline void es_float_leave(es_float_mode old) { _mm_setcsr(old); }

#elif defined(__aarch64__)
typedef uint64_t es_float_mode;
static inline es_float_mode es_float_enter(void) {
    uint64_t old, flush = (uint64_t)1 << 24;
    __asm__ volatile("mrs %0, fpcr" : "=r"(old));
    __asm__ volatile("msr fpcr, %0" : : "r"(flush) : "memory");
    return old;
}
static inline void es_float_leave(es_float_mode old) {
    __asm__ volatile("msr fpcr, %0" : : "r"(old) : "memory");
}

#elif defined(__arm__) && defined(__ARM_FP)
typedef uint32_t es_float_mode;
static inline es_float_mode es_float_enter(void) {
    uint32_t old, flush = 1u << 24;
    __asm__ volatile("vmrs %0, fpscr" : "=r"(old));
    __asm__ volatile("vmsr fpscr, %0" : : "r"(flush) : "memory");
    return old;
}
static inline void es_float_leave(es_float_mode old) {
    __asm__ volatile("vmsr fpscr, %0" : : "r"(old) : "memory");
}

#else /* no such mode that a program could set */
typedef int es_float_mode;
static inline es_float_mode es_float_enter(void) { return 0; }
static inline void es_float_leave(es_float_mode old) { (void)old; }
#endif

#endif
