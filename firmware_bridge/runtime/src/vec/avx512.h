/* avx512.h - the vector vocabulary on AVX-512 F: 16 lanes. */
#include <immintrin.h>

#define VL 16u

typedef __m512 vf;
typedef __m512i vu;
typedef __mmask16 vm;

ES_INLINE vf v_load(const float *p) { return _mm512_loadu_ps(p); }
ES_INLINE void v_store(float *p, vf a) { _mm512_storeu_ps(p, a); }
ES_INLINE vf v_set1(float a) { return _mm512_set1_ps(a); }
ES_INLINE vf v_iota(void) {
    return _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}
ES_INLINE vf v_load_i8(const int8_t *p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}
ES_INLINE vf v_add(vf a, vf b) { return _mm512_add_ps(a, b); }
ES_INLINE vf v_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
ES_INLINE vf v_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
ES_INLINE vf v_div(vf a, vf b) { return _mm512_div_ps(a, b); }
ES_INLINE vf v_mla(vf acc, vf a, vf b) { return _mm512_fmadd_ps(a, b, acc); }
ES_INLINE vf v_nmla(vf acc, vf a, vf b) { return _mm512_fnmadd_ps(a, b, acc); }
ES_INLINE vf v_min(vf a, vf b) { return _mm512_min_ps(a, b); }
ES_INLINE vf v_max(vf a, vf b) { return _mm512_max_ps(a, b); }
ES_INLINE vm v_lt(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
ES_INLINE vm v_eq(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
ES_INLINE vf v_select(vm m, vf a, vf b) { return _mm512_mask_blend_ps(m, b, a); }
ES_INLINE vf v_sqrt(vf a) { return _mm512_sqrt_ps(a); }
ES_INLINE vu u_set1(uint32_t a) { return _mm512_set1_epi32((int)a); }
ES_INLINE vu u_iota(void) {
    return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}
ES_INLINE vu u_load(const uint32_t *p) { return _mm512_loadu_si512(p); }
ES_INLINE vu u_add(vu a, vu b) { return _mm512_add_epi32(a, b); }
ES_INLINE vu u_sub(vu a, vu b) { return _mm512_sub_epi32(a, b); }
ES_INLINE vu u_mul(vu a, vu b) { return _mm512_mullo_epi32(a, b); }
ES_INLINE vu u_xor(vu a, vu b) { return _mm512_xor_si512(a, b); }
ES_INLINE vu u_and(vu a, vu b) { return _mm512_and_si512(a, b); }
#define u_shl(a, n) _mm512_slli_epi32(a, n)
#define u_shr(a, n) _mm512_srli_epi32(a, n)
ES_INLINE vf v_from_int(vu a) { return _mm512_cvtepi32_ps(a); }
ES_INLINE vu v_bits(vf a) { return _mm512_castps_si512(a); }
ES_INLINE vf v_from_bits(vu a) { return _mm512_castsi512_ps(a); }
ES_INLINE vf v_abs(vf a) {
    return v_from_bits(u_and(v_bits(a), u_set1(0x7fffffffu)));
}
/* Halves folded onto each other down to one lane. */
#define ES_FOLD(name, op)                                                                    \
    ES_INLINE float name(vf a) {                                                             \
        __m512 y = _mm512_shuffle_f32x4(a, a, 0x4e);                                         \
        __m256 h = op(_mm512_castps512_ps256(a), _mm512_castps512_ps256(y), 256);            \
        __m128 x = op(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1), );             \
        x = op(x, _mm_movehl_ps(x, x), );                                                    \
        x = op(x, _mm_shuffle_ps(x, x, 1), );                                                \
        return _mm_cvtss_f32(x);                                                             \
    }
#define ES_SUM(a, b, width) _mm##width##_add_ps(a, b)
#define ES_MAX(a, b, width) _mm##width##_max_ps(a, b)
#define ES_MIN(a, b, width) _mm##width##_min_ps(a, b)
ES_FOLD(v_hsum, ES_SUM)
ES_FOLD(v_hmax, ES_MAX)
ES_FOLD(v_hmin, ES_MIN)
#undef ES_FOLD
#undef ES_SUM
#undef ES_MAX
#undef ES_MIN
