/* delay.c - y[n] = x[n - steps]. The history is a ring whose place follows from the clock. */
#include "check.h"

static es_status check(const es_net *net, const es_node *node) {
    if (!es_counts(net, node, 1, 0, 1, 2)) return ES_ERR_NODE;
    uint32_t n = es_out(net, node)->channels;
    int ok = es_fits(net, node, 0, n) && node->attr[0].i >= 0 && node->attr[1].i >= 0 &&
             es_is_state(net, node, 0, 0, (uint64_t)node->attr[0].u * n);
    return ok ? ES_OK : ES_ERR_NODE;
}

static void run(const es_call *call) {
    const es_value *v = es_out(call->net, call->node);
    const uint32_t n = v->channels, steps = call->node->attr[0].u;
    const uint32_t early = es_early(call, call->node->attr[1].u);
    uint32_t at = steps ? (uint32_t)(es_first_step(call) % steps) : 0;
    const float *x = call->in[0];
    float *y = call->out[0], *history = call->state[0];
    for (uint32_t f = 0; f < call->count; f++, x += v->stride, y += v->stride) {
        float *row = history + (size_t)at * n;
        for (uint32_t c = 0; c < n; c++) {
            float now = f < early ? 0.0f : x[c];
            y[c] = steps ? row[c] : now;
            if (steps) row[c] = now;
        }
        if (++at >= steps) at = 0;
    }
}

const es_op ES_NAME(es_op_delay) = {12, "delay", check, NULL, NULL, NULL, NULL, run};
