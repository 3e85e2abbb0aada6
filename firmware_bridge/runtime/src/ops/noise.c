/* noise.c - white noise through a filter drawn anew every frame; lanes over time. */
#include "linear.h"

#define MOST 4 /* vectors of time in flight */
#define SPAN (MOST * VL)

/* Magnitudes, taps, samples of a stretch and taps with margins, all in floats. */
static uint32_t taps_of(const es_net *net, const es_node *node) {
    return 2 * (es_in(net, node, 0)->channels - 1);
}

static es_status check(const es_net *net, const es_node *node) {
    if (!es_counts(net, node, 1, 0, 2, 3)) return ES_ERR_NODE;
    const es_value *x = es_in(net, node, 0);
    const uint32_t hop = node->attr[0].u;
    int ok = hop > 0 && hop <= 0x100000u && node->attr[2].i >= 0 && x->channels >= 2 &&
             x->channels <= 4096 && es_out(net, node)->channels == 1 &&
             x->period == (uint64_t)hop * node->period;
    if (!ok) return ES_ERR_NODE;
    const uint32_t taps = taps_of(net, node);
    ok = es_is_state(net, node, 0, 0, taps) && es_is_state(net, node, 1, 0, taps);
    return ok ? ES_OK : ES_ERR_NODE;
}

/* cos(2 pi r / m), by a series after folding to an eighth of a turn. */
static double cosine(uint32_t r, uint32_t m) {
    const double quarter = 1.5707963267948966;
    double turns = 4.0 * (double)(r % m) / (double)m; /* quarters, 0..4 */
    uint32_t q = (uint32_t)(turns + 0.5);
    double x = (turns - (double)q) * quarter, s = x * x, c = 1.0, v = x, term = 1.0;
    for (int i = 1; i <= 9; i++) {
        term *= -s / (double)((2 * i - 1) * (2 * i));
        c += term;
    }
    term = x;
    for (int i = 1; i <= 9; i++) {
        term *= -s / (double)((2 * i) * (2 * i + 1));
        v += term;
    }
    return q % 4 == 0 ? c : q % 4 == 1 ? -v : q % 4 == 2 ? -c : v;
}

static size_t prepared(const es_net *net, const es_node *node) {
    size_t bands = es_in(net, node, 0)->channels;
    return bands * es_pad((uint32_t)bands) * sizeof(float);
}

/* Panels of the matrix from bands to the taps at and after the centre: window and scale within. */
static void prepare(const es_net *net, const es_node *node, void *to) {
    const uint32_t bands = es_in(net, node, 0)->channels, taps = 2 * (bands - 1);
    float *table = to;
    for (uint32_t d = 0; d < es_pad(bands); d++) {
        float *column = table + (size_t)(d / ES_LANE_PAD) * bands * ES_LANE_PAD + d % ES_LANE_PAD;
        const double window = d < bands - 1 ? 0.5 + 0.5 * cosine(d, taps) : 0.0;
        for (uint32_t b = 0; b < bands; b++) {
            double weight = b == 0 || b == bands - 1 ? 1.0 : 2.0;
            uint32_t r = (uint32_t)((uint64_t)b * d % taps);
            column[(size_t)b * ES_LANE_PAD] =
                (float)(window * weight / (double)taps * cosine(r, taps));
        }
    }
}

static size_t scratch(const es_net *net, const es_node *node) {
    size_t taps = taps_of(net, node), steps = es_out(net, node)->capacity;
    return (2 * steps + 2 * taps + 6 * (size_t)SPAN + es_pad((uint32_t)(taps / 2 + 1))) *
           sizeof(float);
}

ES_INLINE vu mix(vu x) {
    x = u_mul(u_xor(x, u_shr(x, 16)), u_set1(0x7feb352du));
    x = u_mul(u_xor(x, u_shr(x, 15)), u_set1(0x846ca68bu));
    return u_xor(x, u_shr(x, 16));
}

static uint32_t mix_one(uint32_t x) {
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    return x ^ (x >> 16);
}

/* Random numbers of samples first .. first + count - 1; writes up to VL - 1 more. */
static void draw(uint32_t seed, uint64_t first, uint32_t count, float *to) {
    for (uint32_t i = 0; i < count;) {
        uint64_t at = first + i, turn = 0x100000000u - (at & 0xffffffffu);
        uint32_t n = count - i < turn ? count - i : (uint32_t)turn;
        vu key = u_set1(mix_one((uint32_t)(at >> 32) ^ mix_one(seed)));
        for (uint32_t k = 0; k < n; k += VL) {
            vu frame = u_add(u_set1((uint32_t)at + k), u_iota());
            vf u = v_from_int(mix(u_xor(frame, key)));
            v_store(to + i + k, v_mul(u, v_set1(4.656612873077393e-10f)));
        }
        i += n;
    }
}

/* The frame's impulse response, mirrored about its centre. */
static void respond(const es_call *call, const float *magnitudes, float *half, float *taps) {
    const uint32_t bands = es_in(call->net, call->node, 0)->channels, mid = bands - 1;
    const es_matrix m = {call->prepared, NULL, NULL, bands, es_pad(bands)};
    ES_NAME(es_matrix_apply)(&m, magnitudes, 0, half, 0, 1);
    for (uint32_t d = 0; d < es_pad(bands); d += VL) v_store(half + d, v_flush(v_load(half + d)));
    taps[0] = half[mid];
    for (uint32_t d = 0; d < mid; d++) taps[mid + d] = taps[mid - d] = half[d];
}

/* sum[n] += u[i] h[n - i] for SPAN outputs from n, i ascending from `from` to below `to`.
 * h has margins of SPAN zeros. */
ES_INLINE void tile(const float *u, uint32_t from, uint32_t to, const float *h, uint32_t n,
                    float *sum) {
    vf acc[MOST];
    ES_UNROLL for (int v = 0; v < MOST; v++) acc[v] = v_load(sum + n + (size_t)v * VL);
    for (uint32_t i = from; i < to; i++) {
        const vf x = v_set1(u[i]);
        const float *tap = h + (ptrdiff_t)n - (ptrdiff_t)i;
        ES_UNROLL for (int v = 0; v < MOST; v++)
            acc[v] = v_mla(acc[v], v_load(tap + (size_t)v * VL), x);
    }
    ES_UNROLL for (int v = 0; v < MOST; v++) v_store(sum + n + (size_t)v * VL, acc[v]);
}

static void run(const es_call *call) {
    const es_value *x = es_in(call->net, call->node, 0);
    const uint32_t hop = call->node->attr[0].u, taps = taps_of(call->net, call->node);
    const uint32_t start = call->node->attr[2].u, capacity = es_out(call->net, call->node)->capacity;
    float *h = call->state[0], *tail = call->state[1], *y = call->out[0];
    float *margin = call->scratch, *u = margin + taps + 2 * SPAN;
    float *sum = u + capacity + SPAN, *half = sum + capacity + taps + 2 * SPAN;
    uint64_t step = es_first_step(call);
    int fresh = 1;
    for (uint32_t i = 0; i < taps + 2 * SPAN; i++) margin[i] = 0.0f;
    for (uint32_t done = 0, frame = 0; done < call->count;) {
        const uint64_t k = step / hop;
        const uint32_t j = (uint32_t)(step % hop), left = call->count - done;
        const uint32_t n = hop - j < left ? hop - j : left, live = k >= start;
        if (j == 0) {
            if (live) respond(call, call->in[0] + (size_t)frame * x->stride, half, h);
            fresh = 1;
            frame++;
        }
        for (uint32_t i = 0; fresh && i < taps; i++) margin[SPAN + i] = h[i];
        fresh = 0;
        for (uint32_t i = 0; i < taps; i++) sum[i] = tail[i];
        for (uint32_t i = taps; i < taps + n + SPAN; i++) sum[i] = 0.0f;
        if (live) {
            draw(call->node->attr[1].u, step - (uint64_t)start * hop, n, u);
            for (uint32_t o = 0; o < taps + n; o += SPAN) {
                uint32_t from = o + 1 > taps ? o + 1 - taps : 0, to = o + SPAN < n ? o + SPAN : n;
                tile(u, from, to, margin + SPAN, o, sum);
            }
        }
        for (uint32_t i = 0; i < n; i++) y[done + i] = sum[i];
        for (uint32_t i = 0; i < taps; i++) tail[i] = sum[n + i];
        done += n;
        step += n;
    }
}

const es_op ES_NAME(es_op_noise) = {14, "noise", check, scratch, prepared, prepare, NULL, run};
