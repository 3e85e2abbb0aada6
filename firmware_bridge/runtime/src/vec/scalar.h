/* scalar.h - the vector vocabulary with one lane: the reference. */
#define VL 1u

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

typedef float vf;
typedef uint32_t vu;
typedef int vm;

ES_INLINE vf v_load(const float *p) { return *p; }
ES_INLINE void v_store(float *p, vf a) { *p = a; }
ES_INLINE vf v_set1(float a) { return a; }
ES_INLINE vf v_iota(void) { return 0.0f; }
ES_INLINE vf v_load_i8(const int8_t *p) { return (float)*p; }
ES_INLINE vf v_add(vf a, vf b) { return a + b; }
ES_INLINE vf v_sub(vf a, vf b) { return a - b; }
ES_INLINE vf v_mul(vf a, vf b) { return a * b; }
ES_INLINE vf v_div(vf a, vf b) { return a / b; }
ES_INLINE vf v_mla(vf acc, vf a, vf b) { return acc + a * b; }
ES_INLINE vf v_nmla(vf acc, vf a, vf b) { return acc - a * b; }
ES_INLINE vf v_min(vf a, vf b) { return a < b ? a : b; }
ES_INLINE vf v_max(vf a, vf b) { return a > b ? a : b; }
ES_INLINE vm v_lt(vf a, vf b) { return a < b; }
ES_INLINE vm v_eq(vf a, vf b) { return a == b; }
ES_INLINE vf v_select(vm m, vf a, vf b) { return m ? a : b; }
ES_INLINE vu u_set1(uint32_t a) { return a; }
ES_INLINE vu u_iota(void) { return 0; }
ES_INLINE vu u_load(const uint32_t *p) { return *p; }
ES_INLINE vu u_add(vu a, vu b) { return a + b; }
ES_INLINE vu u_sub(vu a, vu b) { return a - b; }
ES_INLINE vu u_mul(vu a, vu b) { return a * b; }
ES_INLINE vu u_xor(vu a, vu b) { return a ^ b; }
ES_INLINE vu u_and(vu a, vu b) { return a & b; }
#define u_shl(a, n) ((vu)(a) << (n))
#define u_shr(a, n) ((vu)(a) >> (n))
/* Lanes as signed integers, to the nearest float. */
ES_INLINE vf v_from_int(vu a) {
    union { uint32_t u; int32_t i; } x = {a};
    return (float)x.i;
}
ES_INLINE vu v_bits(vf a) {
    union { float f; uint32_t u; } x = {a};
    return x.u;
}
ES_INLINE vf v_from_bits(vu a) {
    union { uint32_t u; float f; } x = {a};
    return x.f;
}
ES_INLINE vf v_abs(vf a) { return v_from_bits(v_bits(a) & 0x7fffffffu); }
ES_INLINE float v_hsum(vf a) { return a; }
ES_INLINE float v_hmax(vf a) { return a; }
ES_INLINE float v_hmin(vf a) { return a; }
ES_INLINE vf v_sqrt(vf a) {
#if defined(__SSE__)
    return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(a)));
#else
    if (!(a > 0.0f) || a > 3.4028235e38f) return a < 0.0f ? (a - a) / 0.0f : a;
    union { float f; uint32_t u; } guess = {a};
    guess.u = 0x1fbd1df5u + (guess.u >> 1);
    double y = (double)guess.f;
    for (int i = 0; i < 4; i++) y = 0.5 * (y + (double)a / y);
    return (float)y;
#endif
}
