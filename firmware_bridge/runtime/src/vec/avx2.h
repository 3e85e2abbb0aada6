/* avx2.h - the vector vocabulary on AVX2 with FMA: 8 lanes. */
#include <immintrin.h>

#define VL 8u

typedef __m256 vf;
typedef __m256i vu;
typedef __m256 vm;

ES_INLINE vf v_load(const float *p) { return _mm256_loadu_ps(p); }
ES_INLINE void v_store(float *p, vf a) { _mm256_storeu_ps(p, a); }
ES_INLINE vf v_set1(float a) { return _mm256_set1_ps(a); }
ES_INLINE vf v_iota(void) { return _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7); }
ES_INLINE vf v_load_i8(const int8_t *p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}
ES_INLINE vf v_add(vf a, vf b) { return _mm256_add_ps(a, b); }
ES_INLINE vf v_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
ES_INLINE vf v_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
ES_INLINE vf v_div(vf a, vf b) { return _mm256_div_ps(a, b); }
ES_INLINE vf v_mla(vf acc, vf a, vf b) { return _mm256_fmadd_ps(a, b, acc); }
ES_INLINE vf v_nmla(vf acc, vf a, vf b) { return _mm256_fnmadd_ps(a, b, acc); }
ES_INLINE vf v_min(vf a, vf b) { return _mm256_min_ps(a, b); }
ES_INLINE vf v_max(vf a, vf b) { return _mm256_max_ps(a, b); }
ES_INLINE vm v_lt(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
ES_INLINE vm v_eq(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
ES_INLINE vf v_select(vm m, vf a, vf b) { return _mm256_blendv_ps(b, a, m); }
ES_INLINE vf v_sqrt(vf a) { return _mm256_sqrt_ps(a); }
ES_INLINE vu u_set1(uint32_t a) { return _mm256_set1_epi32((int)a); }
ES_INLINE vu u_iota(void) { return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7); }
ES_INLINE vu u_load(const uint32_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
ES_INLINE vu u_add(vu a, vu b) { return _mm256_add_epi32(a, b); }
ES_INLINE vu u_sub(vu a, vu b) { return _mm256_sub_epi32(a, b); }
ES_INLINE vu u_mul(vu a, vu b) { return _mm256_mullo_epi32(a, b); }
ES_INLINE vu u_xor(vu a, vu b) { return _mm256_xor_si256(a, b); }
ES_INLINE vu u_and(vu a, vu b) { return _mm256_and_si256(a, b); }
#define u_shl(a, n) _mm256_slli_epi32(a, n)
#define u_shr(a, n) _mm256_srli_epi32(a, n)
ES_INLINE vf v_from_int(vu a) { return _mm256_cvtepi32_ps(a); }
ES_INLINE vu v_bits(vf a) { return _mm256_castps_si256(a); }
ES_INLINE vf v_from_bits(vu a) { return _mm256_castsi256_ps(a); }
ES_INLINE vf v_abs(vf a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }

/* Pairwise over the lanes: (0+4)+(2+6), (1+5)+(3+7), and so for max and min. */
#define ES_FOLD(name, op)                                                                    \
    ES_INLINE float name(vf a) {                                                             \
        __m128 x = op##_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));          \
        x = op##_ps(x, _mm_movehl_ps(x, x));                                                 \
        x = op##_ps(x, _mm_shuffle_ps(x, x, 1));                                             \
        return _mm_cvtss_f32(x);                                                             \
    }
ES_FOLD(v_hsum, _mm_add)
ES_FOLD(v_hmax, _mm_max)
ES_FOLD(v_hmin, _mm_min)
#undef ES_FOLD
