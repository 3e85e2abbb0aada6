/* linear.c - y = W x + b. */
#include "linear.h"

/* Registers (of VL outputs) and frames in one tile: enough sums in flight to hide the latency of
 * a multiply-add, few enough to stay in registers. */
#if VL == 16
#define MANY_R 2
#define MANY_F 4
#elif VL == 8
#define MANY_R 2
#define MANY_F 3
#elif VL == 4 && defined(__aarch64__)
#define MANY_R 4
#define MANY_F 2
#elif VL == 4
#define MANY_R 2
#define MANY_F 2
#else
#define MANY_R 4
#define MANY_F 1
#endif
#if VL == 1
#define ONE_R 8
#else
#define ONE_R 4
#endif
#define PANEL 16u

ES_INLINE vf weights(const void *data, size_t at, int coded) {
    return coded ? v_load_i8((const int8_t *)data + at) : v_load((const float *)data + at);
}

/* Input i's share of the sums. */
ES_INLINE void add(const es_matrix *m, const float *x, size_t x_step, const size_t *at, uint32_t i,
                   vf (*sum)[ONE_R], const int regs, const int frames, const int coded) {
    vf w[ONE_R];
    ES_UNROLL for (int r = 0; r < regs; r++)
        w[r] = weights(m->data, at[r] + (size_t)i * PANEL, coded);
    ES_UNROLL for (int f = 0; f < frames; f++) {
        const vf one = v_set1(x[(size_t)f * x_step + i]);
        ES_UNROLL for (int r = 0; r < regs; r++) sum[f][r] = v_mla(sum[f][r], w[r], one);
    }
}

/* `regs` registers of outputs from `o`, for `frames` frames; both are constants of the caller. */
ES_INLINE void tile(const es_matrix *m, const float *x, size_t x_step, float *y, size_t y_step,
                    uint32_t o, const int regs, const int frames, const int coded) {
    vf even[4][ONE_R], odd[4][ONE_R];
    size_t at[ONE_R];
    const uint32_t in = m->in;
    ES_UNROLL for (int r = 0; r < regs; r++) {
        uint32_t first = o + (uint32_t)r * VL;
        at[r] = (size_t)(first / PANEL) * in * PANEL + first % PANEL;
        vf start = m->bias && !coded ? v_load(m->bias + first) : v_set1(0.0f);
        ES_UNROLL for (int f = 0; f < frames; f++) {
            even[f][r] = start;
            odd[f][r] = v_set1(0.0f);
        }
    }
    uint32_t i = 0;
    for (; i + 2 <= in; i += 2) {
        add(m, x, x_step, at, i, even, regs, frames, coded);
        add(m, x, x_step, at, i + 1, odd, regs, frames, coded);
    }
    if (i < in) add(m, x, x_step, at, i, even, regs, frames, coded);
    ES_UNROLL for (int r = 0; r < regs; r++) {
        uint32_t first = o + (uint32_t)r * VL;
        ES_UNROLL for (int f = 0; f < frames; f++) {
            vf sum = v_add(even[f][r], odd[f][r]);
            if (coded) {
                vf bias = m->bias ? v_load(m->bias + first) : v_set1(0.0f);
                sum = v_mla(bias, sum, v_load(m->scale + first));
            }
            v_store(y + (size_t)f * y_step + first, sum);
        }
    }
}

/* All frames of `regs` registers of outputs from `o`. */
ES_INLINE void strip(const es_matrix *m, const float *x, size_t x_step, float *y, size_t y_step,
                     uint32_t count, uint32_t o, const int regs, const int many, const int coded) {
    uint32_t f = 0;
    if (many > 1)
        for (; f + (uint32_t)many <= count; f += (uint32_t)many)
            tile(m, x + f * x_step, x_step, y + f * y_step, y_step, o, regs, many, coded);
    if (many > 2)
        for (; f + 2 <= count; f += 2)
            tile(m, x + f * x_step, x_step, y + f * y_step, y_step, o, regs, 2, coded);
    for (; f < count; f++)
        tile(m, x + f * x_step, x_step, y + f * y_step, y_step, o, regs, 1, coded);
}

ES_INLINE void apply(const es_matrix *m, const float *x, size_t x_step, float *y, size_t y_step,
                     uint32_t count, const int coded) {
    uint32_t o = 0;
    if (count < MANY_F || MANY_F == 1) {
        for (; o + ONE_R * VL <= m->out; o += ONE_R * VL)
            strip(m, x, x_step, y, y_step, count, o, ONE_R, 1, coded);
    } else {
        for (; o + MANY_R * VL <= m->out; o += MANY_R * VL)
            strip(m, x, x_step, y, y_step, count, o, MANY_R, MANY_F, coded);
    }
    for (; o + 2 * VL <= m->out; o += 2 * VL)
        strip(m, x, x_step, y, y_step, count, o, 2, 1, coded);
    for (; o < m->out; o += VL) strip(m, x, x_step, y, y_step, count, o, 1, MANY_F, coded);
}

void ES_NAME(es_matrix_apply)(const es_matrix *m, const float *x, size_t x_step, float *y,
                              size_t y_step, uint32_t frames) {
    if (m->scale)
        apply(m, x, x_step, y, y_step, frames, 1);
    else
        apply(m, x, x_step, y, y_step, frames, 0);
}

static es_status check(const es_net *net, const es_node *node) {
    if (!es_counts(net, node, 1, 2, 0, 0)) return ES_ERR_NODE;
    const es_param *w = es_par(net, node, 0), *b = es_par(net, node, 1);
    uint32_t in = es_in(net, node, 0)->channels, out = es_out(net, node)->channels;
    int ok = es_fits(net, node, 0, in) && w && es_is_panels(w, out, in, 0, 1) &&
             (!b || es_is_vector(b, out, 1));
    return ok ? ES_OK : ES_ERR_NODE;
}

static void run(const es_call *call) {
    const es_net *net = call->net;
    const es_value *x = es_in(net, call->node, 0), *y = es_out(net, call->node);
    const es_matrix m = es_matrix_of(es_par(net, call->node, 0), es_par(net, call->node, 1));
    const float *from = call->in[0];
    float *to = call->out[0];
    if (y->stride > 1) {
        ES_NAME(es_matrix_apply)(&m, from, x->stride, to, y->stride, call->count);
        return;
    }
    for (uint32_t f = 0; f < call->count; f += 12) { /* one output: its lane of the panel */
        float panel[12 * PANEL];
        uint32_t n = call->count - f < 12 ? call->count - f : 12;
        ES_NAME(es_matrix_apply)(&m, from + (size_t)f * x->stride, x->stride, panel, PANEL, n);
        for (uint32_t i = 0; i < n; i++) to[f + i] = panel[i * PANEL];
    }
}

const es_op ES_NAME(es_op_linear) = {1, "linear", check, NULL, NULL, NULL, NULL, run};
