/* neon.h - the vector vocabulary on NEON: 4 lanes; ARMv7 (no fused multiply-add) and AArch64. */
#include <arm_neon.h>

#define VL 4u

typedef float32x4_t vf;
typedef uint32x4_t vu;
typedef uint32x4_t vm;

ES_INLINE vf v_load(const float *p) { return vld1q_f32(p); }
ES_INLINE void v_store(float *p, vf a) { vst1q_f32(p, a); }
ES_INLINE vf v_set1(float a) { return vdupq_n_f32(a); }
ES_INLINE vu u_set1(uint32_t a) { return vdupq_n_u32(a); }
ES_INLINE vu u_load(const uint32_t *p) { return vld1q_u32(p); }
ES_INLINE vu u_iota(void) {
    static const uint32_t lanes[4] = {0, 1, 2, 3};
    return vld1q_u32(lanes);
}
ES_INLINE vf v_iota(void) { return vcvtq_f32_u32(u_iota()); }
ES_INLINE vf v_load_i8(const int8_t *p) {
    int32_t four;
    __builtin_memcpy(&four, p, 4);
    int8x8_t codes = vreinterpret_s8_s32(vdup_n_s32(four));
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(codes))));
}
ES_INLINE vf v_add(vf a, vf b) { return vaddq_f32(a, b); }
ES_INLINE vf v_sub(vf a, vf b) { return vsubq_f32(a, b); }
ES_INLINE vf v_mul(vf a, vf b) { return vmulq_f32(a, b); }
ES_INLINE vf v_min(vf a, vf b) { return vminq_f32(a, b); }
ES_INLINE vf v_max(vf a, vf b) { return vmaxq_f32(a, b); }
ES_INLINE vm v_lt(vf a, vf b) { return vcltq_f32(a, b); }
ES_INLINE vm v_eq(vf a, vf b) { return vceqq_f32(a, b); }
ES_INLINE vf v_select(vm m, vf a, vf b) { return vbslq_f32(m, a, b); }
ES_INLINE vf v_abs(vf a) { return vabsq_f32(a); }
ES_INLINE vu u_add(vu a, vu b) { return vaddq_u32(a, b); }
ES_INLINE vu u_sub(vu a, vu b) { return vsubq_u32(a, b); }
ES_INLINE vu u_mul(vu a, vu b) { return vmulq_u32(a, b); }
ES_INLINE vu u_xor(vu a, vu b) { return veorq_u32(a, b); }
ES_INLINE vu u_and(vu a, vu b) { return vandq_u32(a, b); }
#define u_shl(a, n) vshlq_n_u32(a, n)
#define u_shr(a, n) vshrq_n_u32(a, n)
ES_INLINE vf v_from_int(vu a) { return vcvtq_f32_s32(vreinterpretq_s32_u32(a)); }
ES_INLINE vu v_bits(vf a) { return vreinterpretq_u32_f32(a); }
ES_INLINE vf v_from_bits(vu a) { return vreinterpretq_f32_u32(a); }

#if defined(__aarch64__)
ES_INLINE vf v_mla(vf acc, vf a, vf b) { return vfmaq_f32(acc, a, b); }
ES_INLINE vf v_nmla(vf acc, vf a, vf b) { return vfmsq_f32(acc, a, b); }
ES_INLINE vf v_div(vf a, vf b) { return vdivq_f32(a, b); }
ES_INLINE vf v_sqrt(vf a) { return vsqrtq_f32(a); }
#else
ES_INLINE vf v_mla(vf acc, vf a, vf b) { return vaddq_f32(acc, vmulq_f32(a, b)); }
ES_INLINE vf v_nmla(vf acc, vf a, vf b) { return vsubq_f32(acc, vmulq_f32(a, b)); }
/* A reciprocal after two Newton steps, and one step on the quotient: about 1 ulp for |b| in
 * 2^-126 .. 2^126. A zero or infinite b takes the estimate's own result. */
ES_INLINE vf v_div(vf a, vf b) {
    vf r = vrecpeq_f32(b);
    r = vmulq_f32(r, vrecpsq_f32(b, r));
    r = vmulq_f32(r, vrecpsq_f32(b, r));
    vf q = vmulq_f32(a, r);
    vf better = vaddq_f32(q, vmulq_f32(r, vsubq_f32(a, vmulq_f32(q, b))));
    vf off = vsubq_f32(better, better);
    return vbslq_f32(vceqq_f32(off, off), better, q);
}
ES_INLINE vf v_sqrt(vf a) {
    vf r = vrsqrteq_f32(a);
    r = vmulq_f32(r, vrsqrtsq_f32(vmulq_f32(a, r), r));
    r = vmulq_f32(r, vrsqrtsq_f32(vmulq_f32(a, r), r));
    vf y = vmulq_f32(a, r);
    y = vaddq_f32(y, vmulq_f32(vmulq_f32(vdupq_n_f32(0.5f), r), vsubq_f32(a, vmulq_f32(y, y))));
    return vbslq_f32(vceqq_f32(a, vdupq_n_f32(0.0f)), a, y);
}
#endif

#define ES_FOLD(name, op)                                                                    \
    ES_INLINE float name(vf a) {                                                             \
        float32x2_t x = op(vget_low_f32(a), vget_high_f32(a));                               \
        x = op(x, vrev64_f32(x));                                                            \
        return vget_lane_f32(x, 0);                                                          \
    }
ES_FOLD(v_hsum, vadd_f32)
ES_FOLD(v_hmax, vmax_f32)
ES_FOLD(v_hmin, vmin_f32)
#undef ES_FOLD
