/* math.h - vector elementary functions: polynomials without branches or tables, the same on every
 * instruction set. Bounds hold for finite arguments and are tested against double.
 */
#ifndef ES_VEC_MATH_H
#define ES_VEC_MATH_H

#include "vec.h"

/* The nearest whole number of |x| < 2^22 in *n, and its bits as an integer. */
ES_INLINE vu v_round(vf x, vf *n) {
    const vf magic = v_set1(12582912.0f);
    vf big = v_add(x, magic);
    *n = v_sub(big, magic);
    return u_sub(v_bits(big), v_bits(magic));
}

/* 2^n for whole n in -126..127, given as an integer. */
ES_INLINE vf v_power(vu n) {
    return v_from_bits(u_shl(u_add(n, u_set1(127)), 23));
}

/* e^r - 1 for |r| <= ln(2)/2. */
ES_INLINE vf v_expm1_core(vf r) {
    vf p = v_set1(0.0013946551889128037f);
    p = v_mla(v_set1(0.008366644080703558f), p, r);
    p = v_mla(v_set1(0.04166628066369277f), p, r);
    p = v_mla(v_set1(0.1666654254419817f), p, r);
    p = v_mla(v_set1(0.5000000062266632f), p, r);
    return v_mla(r, p, v_mul(r, r));
}

/* *scale = 2^n and e^r - 1, with e^x = 2^n e^r; x is clipped to -87.33..88.37. */
ES_INLINE vf v_exp_parts(vf x, vf *scale) {
    vf n;
    x = v_min(v_max(x, v_set1(-87.33f)), v_set1(88.37f));
    *scale = v_power(v_round(v_mul(x, v_set1(1.44269504f)), &n));
    vf r = v_nmla(x, n, v_set1(0.693359375f));
    return v_expm1_core(v_nmla(r, n, v_set1(-2.12194440e-4f)));
}

/* e^x: relative error <= 3e-7; 0 below -87.33, at most e^88.37. */
ES_INLINE vf v_exp(vf x) {
    vf scale, e = v_exp_parts(x, &scale);
    return v_select(v_lt(x, v_set1(-87.33f)), v_set1(0.0f), v_mla(scale, scale, e));
}

/* e^x - 1: relative error <= 5e-7; at most e^88.37. */
ES_INLINE vf v_expm1(vf x) {
    vf scale, e = v_exp_parts(x, &scale);
    return v_mla(v_sub(scale, v_set1(1.0f)), scale, e);
}

/* 1 / (1 + e^-x): absolute error <= 2e-7, relative error <= 5e-7 above -80. */
ES_INLINE vf v_sigmoid(vf x) {
    vf scale, e = v_exp_parts(v_max(v_sub(v_set1(0.0f), x), v_set1(-80.0f)), &scale);
    return v_div(v_set1(1.0f), v_add(v_set1(1.0f), v_mla(scale, scale, e)));
}

/* Absolute and relative error <= 5e-7. */
ES_INLINE vf v_tanh(vf x) {
    vf e = v_expm1(v_mul(v_set1(2.0f), v_min(v_max(x, v_set1(-10.0f)), v_set1(10.0f))));
    return v_div(e, v_add(e, v_set1(2.0f)));
}

/* ln(1 + f) for 1 + f in sqrt(1/2)..sqrt(2). */
ES_INLINE vf v_log1p_core(vf f) {
    vf p = v_set1(-0.0785954581330067f);
    p = v_mla(v_set1(0.1288162237684834f), p, f);
    p = v_mla(v_set1(-0.1312876764384579f), p, f);
    p = v_mla(v_set1(0.14181196116623115f), p, f);
    p = v_mla(v_set1(-0.16624553143543513f), p, f);
    p = v_mla(v_set1(0.20002286083941975f), p, f);
    p = v_mla(v_set1(-0.2500081042807134f), p, f);
    p = v_mla(v_set1(0.33333316727464607f), p, f);
    vf s = v_mul(f, f);
    return v_add(f, v_mul(s, v_mla(v_set1(-0.5f), p, f)));
}

/* x = 2^exponent (1 + f), for x from 2^-126. */
ES_INLINE vf v_split(vf x, vf *exponent) {
    const vu edge = u_set1(0x3f3504f3u); /* sqrt(1/2) */
    vu up = u_add(u_sub(v_bits(x), edge), u_set1(127u << 23));
    vu e = u_sub(u_shr(up, 23), u_set1(127));
    *exponent = v_from_int(e);
    return v_sub(v_from_bits(u_sub(v_bits(x), u_shl(e, 23))), v_set1(1.0f));
}

/* The results of a logarithm at 0 (and denormals), below 0, at infinity and NaN. */
ES_INLINE vf v_log_edges(vf x, vf y) {
    const vf zero = v_set1(0.0f), inf = v_from_bits(u_set1(0x7f800000u));
    y = v_select(v_lt(x, inf), y, x);
    y = v_select(v_lt(x, v_set1(1.17549435e-38f)), v_sub(zero, inf), y);
    return v_select(v_lt(x, zero), v_from_bits(u_set1(0x7fc00000u)), y);
}

/* ln x: error <= 1.5e-7 max(1, |ln x|). -inf at 0, NaN below. */
ES_INLINE vf v_log(vf x) {
    vf e, f = v_split(v_max(x, v_set1(1.17549435e-38f)), &e);
    vf y = v_add(v_log1p_core(f), v_mul(e, v_set1(-2.12194440e-4f)));
    return v_log_edges(x, v_add(y, v_mul(e, v_set1(0.693359375f))));
}

/* log2 x: error <= 2e-7 max(1, |log2 x|). -inf at 0, NaN below. */
ES_INLINE vf v_log2(vf x) {
    vf e, f = v_split(v_max(x, v_set1(1.17549435e-38f)), &e);
    return v_log_edges(x, v_mla(e, v_log1p_core(f), v_set1(1.44269504f)));
}

/* ln(1 + e^x): error <= 2e-7 max(1, |x|), relative error <= 1e-6 below 0 (above -87). */
ES_INLINE vf v_softplus(vf x) {
    const vf one = v_set1(1.0f);
    vf t = v_exp(v_sub(v_set1(0.0f), v_abs(x)));
    vm low = v_lt(t, v_set1(0.41421356f));
    vf f = v_select(low, t, v_mul(v_sub(t, one), v_set1(0.5f)));
    vf y = v_add(v_log1p_core(f), v_select(low, v_set1(0.0f), v_set1(0.693147181f)));
    return v_add(v_max(x, v_set1(0.0f)), y);
}

/* sin(pi x) for x in [-1, 1): absolute error <= 3e-7. */
ES_INLINE vf v_sinpi(vf x) {
    vf s = v_mul(x, x);
    vf p = v_set1(-0.0003898159587041594f);
    p = v_mla(v_set1(0.006867922027784135f), p, s);
    p = v_mla(v_set1(-0.07519222430491251f), p, s);
    p = v_mla(v_set1(0.5240371772670553f), p, s);
    p = v_mla(v_set1(-2.026119455475241f), p, s);
    p = v_mla(v_set1(3.141592635008606f), p, s);
    return v_mul(v_mul(x, v_nmla(v_set1(1.0f), x, x)), p);
}

/* x / pi less a whole even number: in [-1, 1]. */
ES_INLINE vf v_half_turns(vf x) {
    vf n;
    x = v_min(v_max(x, v_set1(-1e6f)), v_set1(1e6f));
    (void)v_round(v_mul(x, v_set1(0.159154943f)), &n);
    vf r = v_nmla(x, n, v_set1(6.28125f));
    r = v_nmla(r, n, v_set1(0.00193500518798828125f));
    r = v_nmla(r, n, v_set1(3.01991598e-7f));
    return v_mul(r, v_set1(0.318309886f));
}

/* sin x, cos x: absolute error <= 5e-7 for |x| <= 1000; x is clipped to +-1e6. */
ES_INLINE vf v_sin(vf x) {
    return v_sinpi(v_half_turns(x));
}
ES_INLINE vf v_cos(vf x) {
    vf h = v_abs(v_half_turns(x));
    return v_sinpi(v_sub(v_set1(0.5f), h));
}

/* x^y: relative error <= 4e-7 + 1e-7 max(|y|, |y log2 x|) for x > 0; 0 below 2^-126, at most
 * 2^127.5. For x below 0 it is NaN but for whole y. */
ES_INLINE vf v_pow(vf x, vf y) {
    const vf zero = v_set1(0.0f), one = v_set1(1.0f);
    vf e, n, m, a = v_abs(x);
    vf f = v_split(v_min(v_max(a, v_set1(1.17549435e-38f)), v_set1(3.4028235e38f)), &e);
    vf l = v_mul(v_log1p_core(f), v_set1(1.44269504f));
    vf t = v_min(v_max(v_mla(v_mul(e, y), l, y), v_set1(-200.0f)), v_set1(200.0f));
    (void)v_round(t, &n);
    vf g = v_mla(v_mla(v_sub(zero, n), e, y), l, y);
    g = v_min(v_max(g, v_set1(-0.6f)), v_set1(0.6f));
    vm tiny = v_lt(n, v_set1(-126.0f));
    vu k = v_round(v_min(v_max(n, v_set1(-126.0f)), v_set1(127.0f)), &n);
    vf s = v_power(k);
    vf z = v_mla(s, s, v_expm1_core(v_mul(g, v_set1(0.693147181f))));
    z = v_select(tiny, zero, z);
    (void)v_round(v_min(v_max(y, v_set1(-4e6f)), v_set1(4e6f)), &m);
    vf odd;
    (void)v_round(v_mul(m, v_set1(0.5f)), &odd);
    odd = v_abs(v_sub(m, v_add(odd, odd)));
    vf signed_z = v_select(v_eq(m, y), v_select(v_eq(odd, one), v_sub(zero, z), z),
                           v_from_bits(u_set1(0x7fc00000u)));
    z = v_select(v_lt(x, zero), signed_z, z);
    vf at_zero = v_select(v_lt(zero, y), zero, v_from_bits(u_set1(0x7f800000u)));
    z = v_select(v_eq(x, zero), at_zero, z);
    return v_select(v_eq(y, zero), one, z);
}

#endif
