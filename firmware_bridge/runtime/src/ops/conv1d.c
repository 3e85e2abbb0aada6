/* conv1d.c - y[i] = b + sum over taps, then input channels; lanes over the outputs. */
#include "check.h"

#define PANEL 16u
#if VL == 16
#define REGS 1
#define FRAMES 8
#elif VL == 4 && !defined(__aarch64__)
#define REGS 2
#define FRAMES 2
#else
#define REGS 2
#define FRAMES 4
#endif

typedef struct conv {
    const void *data;
    const float *bias, *scale;
    uint32_t in, out, taps, dilation; /* in: channels of one group */
    uint32_t per_group;               /* outputs of one group */
    size_t width;                     /* floats from input frame to input frame */
    int grouped;
} conv;

static es_status check(const es_net *net, const es_node *node) {
    if (!es_counts(net, node, 1, 2, 1, 5)) return ES_ERR_NODE;
    const es_param *w = es_par(net, node, 0), *b = es_par(net, node, 1);
    const uint32_t in = es_in(net, node, 0)->channels, out = es_out(net, node)->channels;
    const uint32_t dilation = node->attr[0].u, groups = node->attr[1].u;
    int ok = w && w->rank == 3 && w->dims[2] > 0 && dilation > 0 && dilation < 0x10000000u &&
             w->dims[2] < 0x10000000u && groups > 0 && in % groups == 0 && out % groups == 0 &&
             in > 0 && out > 0 && es_fits(net, node, 0, in) &&
             es_is_panels(w, out, in / groups, w->dims[2], 1) &&
             (!b || es_is_vector(b, out, 1)) && node->attr[4].i >= 0;
    if (!ok) return ES_ERR_NODE;
    uint64_t rows = (uint64_t)(w->dims[2] - 1) * dilation;
    return rows < 0x10000000u && es_is_state(net, node, 0, 0, rows * in) ? ES_OK : ES_ERR_NODE;
}

static size_t history(const es_net *net, const es_node *node) {
    return (size_t)(es_par(net, node, 0)->dims[2] - 1) * node->attr[0].u *
           es_in(net, node, 0)->channels;
}

static size_t scratch(const es_net *net, const es_node *node) {
    const es_value *x = es_in(net, node, 0);
    size_t now = (size_t)es_out(net, node)->capacity * x->channels;
    return (history(net, node) + now + 2 * ES_LANE_PAD) * sizeof(float);
}

ES_INLINE vf weights(const conv *c, size_t at, int coded) {
    return coded ? v_load_i8((const int8_t *)c->data + at) : v_load((const float *)c->data + at);
}

/* One input channel of each lane's own group. */
ES_INLINE vf gather(const conv *c, const float *x, uint32_t first, uint32_t i) {
    if (c->in == 1 && c->per_group == 1) return v_load(x + first);
    float lanes[VL];
    for (uint32_t l = 0; l < VL; l++) {
        uint32_t o = first + l < c->out ? first + l : c->out - 1;
        lanes[l] = x[(size_t)(o / c->per_group) * c->in + i];
    }
    return v_load(lanes);
}

/* x: the oldest input frame that the first output reads. `panel` holds regs * VL floats a frame. */
ES_INLINE void tile(const conv *c, const float *x, uint32_t o, float *y, size_t y_step,
                    const int regs, const int frames, const int coded, const int grouped) {
    vf sum[8][2];
    size_t at[2];
    ES_UNROLL for (int r = 0; r < regs; r++) {
        uint32_t first = o + (uint32_t)r * VL;
        at[r] = (size_t)(first / PANEL) * c->taps * c->in * PANEL + first % PANEL;
        vf start = c->bias && !coded ? v_load(c->bias + first) : v_set1(0.0f);
        ES_UNROLL for (int f = 0; f < frames; f++) sum[f][r] = start;
    }
    for (uint32_t k = 0; k < c->taps; k++) {
        const float *row = x + (size_t)k * c->dilation * c->width;
        for (uint32_t i = 0; i < c->in; i++) {
            const size_t step = ((size_t)k * c->in + i) * PANEL;
            vf w[2];
            ES_UNROLL for (int r = 0; r < regs; r++) w[r] = weights(c, at[r] + step, coded);
            ES_UNROLL for (int f = 0; f < frames; f++) {
                const float *xf = row + (size_t)f * c->width;
                vf one = grouped ? v_set1(0.0f) : v_set1(xf[i]);
                ES_UNROLL for (int r = 0; r < regs; r++) {
                    if (grouped) one = gather(c, xf, o + (uint32_t)r * VL, i);
                    sum[f][r] = v_mla(sum[f][r], w[r], one);
                }
            }
        }
    }
    ES_UNROLL for (int r = 0; r < regs; r++) {
        uint32_t first = o + (uint32_t)r * VL;
        ES_UNROLL for (int f = 0; f < frames; f++) {
            vf value = sum[f][r];
            if (coded) {
                vf bias = c->bias ? v_load(c->bias + first) : v_set1(0.0f);
                value = v_mla(bias, value, v_load(c->scale + first));
            }
            if (y_step == 1) { /* one output channel: its lane alone */
                float lanes[VL];
                v_store(lanes, value);
                if (first == 0) y[f] = lanes[0];
            } else {
                v_store(y + (size_t)f * y_step + first, value);
            }
        }
    }
}

ES_INLINE void sweep(const conv *c, const float *x, float *y, size_t y_step, uint32_t count,
                     const int coded, const int grouped) {
    for (uint32_t o = 0; o < c->out; o += REGS * VL) {
        uint32_t f = 0;
        for (; f + FRAMES <= count; f += FRAMES)
            tile(c, x + f * c->width, o, y + f * y_step, y_step, REGS, FRAMES, coded, grouped);
        for (; f < count; f++)
            tile(c, x + f * c->width, o, y + f * y_step, y_step, REGS, 1, coded, grouped);
    }
}

static void run(const es_call *call) {
    const es_net *net = call->net;
    const es_node *node = call->node;
    const es_value *x = es_in(net, node, 0), *y = es_out(net, node);
    const es_param *w = es_par(net, node, 0), *b = es_par(net, node, 1);
    const uint32_t groups = node->attr[1].u, early = es_early(call, node->attr[4].u);
    const conv c = {w->data, b ? (const float *)b->data : NULL,
                    w->format == ES_I8 ? w->scale : NULL, x->channels / groups, y->channels,
                    w->dims[2], node->attr[0].u, y->channels / groups, x->channels, groups > 1};
    const size_t old = history(net, node);
    float *line = call->scratch, *now = line + old, *state = call->state[0];
    for (size_t i = 0; i < old; i++) line[i] = state[i];
    for (uint32_t f = 0; f < call->count; f++) {
        const float *from = call->in[0] + (size_t)f * x->stride;
        for (uint32_t i = 0; i < x->channels; i++)
            now[f * c.width + i] = f < early ? 0.0f : from[i];
    }
    if (c.grouped) {
        if (c.scale)
            sweep(&c, line, call->out[0], y->stride, call->count, 1, 1);
        else
            sweep(&c, line, call->out[0], y->stride, call->count, 0, 1);
    } else if (c.scale) {
        sweep(&c, line, call->out[0], y->stride, call->count, 1, 0);
    } else {
        sweep(&c, line, call->out[0], y->stride, call->count, 0, 0);
    }
    for (size_t i = 0; i < old; i++) state[i] = line[call->count * c.width + i];
}

const es_op ES_NAME(es_op_conv1d) = {2, "conv1d", check, scratch, NULL, NULL, NULL, run};
