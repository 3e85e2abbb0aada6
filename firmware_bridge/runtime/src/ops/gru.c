/* gru.c - gated recurrent unit, torch's gates: n = tanh(W_in x + b_in + r (W_hn h + b_hn)). */
#include "../vec/math.h"
#include "linear.h"

static es_status check(const es_net *net, const es_node *node) {
    if (!es_counts(net, node, 1, 4, 1, 1)) return ES_ERR_NODE;
    uint32_t in = es_in(net, node, 0)->channels, h = es_out(net, node)->channels;
    const es_param *wi = es_par(net, node, 0), *wh = es_par(net, node, 1);
    const es_param *bi = es_par(net, node, 2), *bh = es_par(net, node, 3);
    int ok = es_fits(net, node, 0, in) && h <= 0x1000000u && wi && wh && bi && bh &&
             es_is_panels(wi, 3 * h, in, 0, 3) && es_is_panels(wh, 3 * h, h, 0, 3) &&
             es_is_vector(bi, 3 * h, 3) && es_is_vector(bh, 3 * h, 3) &&
             es_is_state(net, node, 0, 0, h) && node->attr[0].i >= 0;
    return ok ? ES_OK : ES_ERR_NODE;
}

/* The inputs' gate sums of every step, then the state's of one step, then the padded state. */
static size_t scratch(const es_net *net, const es_node *node) {
    const es_value *y = es_out(net, node);
    return ((size_t)y->capacity * 3 + 4) * es_pad(y->channels) * sizeof(float);
}

/* h, `padded` long, moves on by one step. */
ES_INLINE void gates(const float *from_x, const float *from_h, uint32_t padded, float *h) {
    for (uint32_t c = 0; c < padded; c += VL) {
        const float *gx = from_x + c, *gh = from_h + c;
        vf r = v_sigmoid(v_add(v_load(gx), v_load(gh)));
        vf z = v_sigmoid(v_add(v_load(gx + padded), v_load(gh + padded)));
        vf n = v_tanh(v_mla(v_load(gx + 2 * padded), r, v_load(gh + 2 * padded)));
        v_store(h + c, v_flush(v_mla(n, z, v_sub(v_load(h + c), n))));
    }
}

static void run(const es_call *call) {
    const es_net *net = call->net;
    const es_node *node = call->node;
    const es_value *x = es_in(net, node, 0), *y = es_out(net, node);
    const es_matrix wi = es_matrix_of(es_par(net, node, 0), es_par(net, node, 2));
    const es_matrix wh = es_matrix_of(es_par(net, node, 1), es_par(net, node, 3));
    const uint32_t hidden = y->channels, padded = es_pad(hidden), count = call->count;
    const uint32_t early = es_early(call, node->attr[0].u);
    float *from_x = call->scratch, *from_h = from_x + (size_t)y->capacity * 3 * padded;
    float *h = from_h + 3 * (size_t)padded, *state = call->state[0], *out = call->out[0];
    for (uint32_t c = 0; c < padded; c++) h[c] = c < hidden ? state[c] : 0.0f;
    ES_NAME(es_matrix_apply)(&wi, call->in[0] + (size_t)early * x->stride, x->stride, from_x,
                             3 * (size_t)padded, count - early);
    for (uint32_t f = 0; f < count; f++, out += y->stride) {
        if (f >= early) {
            ES_NAME(es_matrix_apply)(&wh, h, 0, from_h, 0, 1);
            gates(from_x + (size_t)(f - early) * 3 * padded, from_h, padded, h);
        }
        if (y->stride == 1)
            out[0] = h[0];
        else
            for (uint32_t c = 0; c < padded; c += VL) v_store(out + c, v_load(h + c));
    }
    for (uint32_t c = 0; c < hidden; c++) state[c] = h[c];
}

const es_op ES_NAME(es_op_gru) = {3, "gru", check, scratch, NULL, NULL, NULL, run};
