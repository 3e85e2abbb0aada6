/* layer_norm.c - (x - mean) / sqrt(variance + eps) over the channels, two passes. */
#include "check.h"

static es_status check(const es_net *net, const es_node *node) {
    if (!es_counts(net, node, 1, 2, 0, 1)) return ES_ERR_NODE;
    uint32_t n = es_out(net, node)->channels;
    const es_param *w = es_par(net, node, 0), *b = es_par(net, node, 1);
    int ok = es_fits(net, node, 0, n) && (!w || es_is_vector(w, n, 1)) &&
             (!b || es_is_vector(b, n, 1)) && node->attr[0].f >= 0.0f;
    return ok ? ES_OK : ES_ERR_NODE;
}

/* Sum over n channels of x - mean, or of its square, in two interleaved vectors. */
ES_INLINE float total(const float *x, uint32_t n, float mean, const int squared) {
    vf sum[2] = {v_set1(0.0f), v_set1(0.0f)};
    const vf m = v_set1(mean);
    for (uint32_t c = 0, i = 0; c < n; c += VL, i ^= 1) {
        vf d = v_sub(v_load(x + c), m);
        if (n - c < VL) d = v_keep(d, n - c);
        vf term = squared ? v_mul(d, d) : d;
        if (i)
            sum[1] = v_add(sum[1], term);
        else
            sum[0] = v_add(sum[0], term);
    }
    return v_hsum(v_add(sum[0], sum[1]));
}

static void run(const es_call *call) {
    const es_net *net = call->net;
    const es_value *v = es_out(net, call->node);
    const es_param *w = es_par(net, call->node, 0), *b = es_par(net, call->node, 1);
    const uint32_t n = v->channels;
    const float eps = call->node->attr[0].f, *x = call->in[0];
    float *y = call->out[0];
    for (uint32_t f = 0; f < call->count; f++, x += v->stride, y += v->stride) {
        const float mean = total(x, n, 0.0f, 0) / (float)n;
        const float variance = total(x, n, mean, 1) / (float)n;
        const vf m = v_set1(mean);
        const vf gain = v_div(v_set1(1.0f), v_sqrt(v_set1(variance + eps)));
        for (uint32_t c = 0; c < n; c += VL) {
            vf d = v_mul(v_sub(v_load(x + c), m), gain);
            if (w) d = v_mul(d, v_load((const float *)w->data + c));
            if (b) d = v_add(d, v_load((const float *)b->data + c));
            if (v->stride == 1 && VL > 1) {
                float lanes[VL];
                v_store(lanes, d);
                *y = lanes[0];
            } else {
                v_store(y + c, d);
            }
        }
    }
}

const es_op ES_NAME(es_op_layer_norm) = {4, "layer_norm", check, NULL, NULL, NULL, NULL, run};
