/* harmonic.c - a bank of sines at the multiples of f0 with exact integer phase; lanes over time. */
#include "../vec/math.h"
#include "check.h"

#define MOST 4 /* vectors of time in flight */

static es_status check(const es_net *net, const es_node *node) {
    if (!es_counts(net, node, 3, 0, 3, 3)) return ES_ERR_NODE;
    const uint32_t hop = node->attr[0].u, bank = es_in(net, node, 2)->channels;
    int ok = hop > 0 && hop <= 0x100000u && node->attr[1].f > 0.0f && node->attr[1].f < 1e9f &&
             node->attr[2].i >= 0 && es_out(net, node)->channels == 1 &&
             es_in(net, node, 0)->channels == 1 && es_in(net, node, 1)->channels == 1 &&
             bank > 0 && bank <= 0x100000u && es_is_state(net, node, 0, 1, 1) &&
             es_is_state(net, node, 1, 1, 2) && es_is_state(net, node, 2, 0, 2 * (uint64_t)bank);
    for (uint32_t i = 0; i < 3; i++)
        ok = ok && es_in(net, node, i)->period == (uint64_t)hop * node->period;
    return ok ? ES_OK : ES_ERR_NODE;
}

/* Phases of one stretch, then amplitudes of one frame. */
static size_t scratch(const es_net *net, const es_node *node) {
    return ((size_t)es_out(net, node)->capacity + MOST * ES_LANE_PAD +
            es_pad(es_in(net, node, 2)->channels)) * sizeof(float);
}

/* Phase steps per sample in 2^-32 turns, rounded half to even. */
static int64_t increment(float f0, float rate) {
    double turns = f0 > 0.0f ? (double)f0 * 4294967296.0 / (double)rate : 0.0;
    if (!(turns < 2147483647.0)) return 2147483647;
    turns = (turns + 6755399441055744.0) - 6755399441055744.0;
    return turns < 2147483647.0 ? (int64_t)turns : 2147483647;
}

/* The frame's amplitudes: the distribution over the harmonics below half the rate, scaled. */
static void shares(float f0, float amplitude, const float *distribution, uint32_t bank, float rate,
                   float *padded, float *to) {
    const vf zero = v_set1(0.0f), edge = v_set1(rate / 2.0f), pitch = v_set1(f0);
    vf sum = zero;
    for (uint32_t h = 0; h < bank; h += VL) {
        vf number = v_add(v_iota(), v_set1((float)(h + 1)));
        vf share = v_select(v_lt(v_mul(number, pitch), edge), v_load(distribution + h), zero);
        if (bank - h < VL) share = v_keep(share, bank - h);
        v_store(padded + h, share);
        sum = v_add(sum, share);
    }
    const float total = v_hsum(sum);
    const vf all = v_set1(total), loud = v_set1(amplitude);
    for (uint32_t h = 0; h < bank; h += VL)
        v_store(padded + h, v_div(v_mul(loud, v_load(padded + h)), all));
    for (uint32_t h = 0; h < bank; h++) to[h] = total == 0.0f ? 0.0f : padded[h];
}

/* vecs vectors of samples: amplitudes run from a[h] to b[h] along t = t0 + lane * step. */
ES_INLINE void tile(const uint32_t *phase, uint32_t j, float step, const float *a, const float *b,
                    uint32_t live, float *y, const int vecs) {
    vu p[MOST], turn[MOST];
    vf t[MOST], sum[MOST];
    ES_UNROLL for (int v = 0; v < vecs; v++) {
        uint32_t first = (uint32_t)v * VL;
        p[v] = turn[v] = u_load(phase + first);
        t[v] = v_mul(v_add(v_iota(), v_set1((float)(j + first))), v_set1(step));
        sum[v] = v_set1(0.0f);
    }
    for (uint32_t h = 0; h < live; h++) {
        const vf from = v_set1(a[h]), slope = v_set1(b[h] - a[h]);
        ES_UNROLL for (int v = 0; v < vecs; v++) {
            vf wave = v_sinpi(v_mul(v_from_int(turn[v]), v_set1(4.656612873077393e-10f)));
            sum[v] = v_mla(sum[v], v_mla(from, slope, t[v]), wave);
            turn[v] = u_add(turn[v], p[v]);
        }
    }
    ES_UNROLL for (int v = 0; v < vecs; v++) v_store(y + (size_t)v * VL, sum[v]);
}

/* `count` samples from sample j of a hop; the phase moves on. */
static void stretch(const es_call *call, uint32_t hop, uint32_t j, uint32_t count, float *y) {
    const uint32_t bank = es_in(call->net, call->node, 2)->channels;
    const int64_t *ends = call->state[1];
    const float *a = call->state[2], *b = a + bank;
    uint32_t *phase = (uint32_t *)call->scratch, live = bank, i = 0;
    const int64_t scaled = (int64_t)(((uint64_t)ends[1] - (uint64_t)ends[0]) << 32), h = hop;
    const int64_t slope = scaled / h - (scaled % h < 0);
    uint64_t at = *(uint64_t *)call->state[0];
    uint64_t step = ((uint64_t)ends[0] << 32) + (uint64_t)slope * j;
    for (; i < count; i++, at += step, step += (uint64_t)slope) phase[i] = (uint32_t)(at >> 32);
    *(uint64_t *)call->state[0] = at;
    for (uint32_t k = 0; k < MOST * VL; k++) phase[count + k] = 0;
    while (live && a[live - 1] == 0.0f && b[live - 1] == 0.0f) live--;
    const float inv = 1.0f / (float)hop;
    for (i = 0; i + MOST * VL <= count; i += MOST * VL)
        tile(phase + i, j + i, inv, a, b, live, y + i, MOST);
    for (; i + 2 * VL <= count; i += 2 * VL) tile(phase + i, j + i, inv, a, b, live, y + i, 2);
    for (; i < count; i += VL) tile(phase + i, j + i, inv, a, b, live, y + i, 1);
}

/* A frame arrives: what was the hop's end is its start. */
static void arrive(const es_call *call, uint32_t frame, int first) {
    const es_value *v = es_in(call->net, call->node, 2);
    const float rate = call->node->attr[1].f, f0 = call->in[0][frame];
    int64_t *ends = call->state[1];
    float *a = call->state[2], *b = a + v->channels;
    float *padded = call->scratch + es_out(call->net, call->node)->capacity + MOST * ES_LANE_PAD;
    for (uint32_t h = 0; h < v->channels; h++) a[h] = b[h];
    ends[0] = ends[1];
    ends[1] = increment(f0, rate);
    shares(f0, call->in[1][frame], call->in[2] + (size_t)frame * v->stride, v->channels, rate,
           padded, b);
    if (!first) return;
    ends[0] = ends[1];
    for (uint32_t h = 0; h < v->channels; h++) a[h] = b[h];
}

static void run(const es_call *call) {
    const uint32_t hop = call->node->attr[0].u, start = call->node->attr[2].u;
    uint64_t step = es_first_step(call);
    float *y = call->out[0];
    for (uint32_t done = 0, frame = 0; done < call->count;) {
        const uint64_t k = step / hop;
        const uint32_t j = (uint32_t)(step % hop), left = call->count - done;
        const uint32_t n = hop - j < left ? hop - j : left;
        if (j == 0) arrive(call, frame++, k <= start);
        if (k <= start)
            for (uint32_t i = 0; i < n; i++) y[done + i] = 0.0f;
        else
            stretch(call, hop, j, n, y + done);
        done += n;
        step += n;
    }
}

const es_op ES_NAME(es_op_harmonic) = {13, "harmonic", check, scratch, NULL, NULL, NULL, run};
