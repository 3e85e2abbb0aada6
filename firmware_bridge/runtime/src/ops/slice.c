/* slice.c - a run of channels. */
#include "check.h"

static es_status check(const es_net *net, const es_node *node) {
    if (!es_counts(net, node, 1, 0, 0, 2)) return ES_ERR_NODE;
    const es_value *x = es_in(net, node, 0);
    uint64_t end = (uint64_t)node->attr[0].u + node->attr[1].u;
    int ok = es_fits(net, node, 0, x->channels) && end <= x->channels &&
             es_out(net, node)->channels == node->attr[1].u;
    return ok ? ES_OK : ES_ERR_NODE;
}

static void run(const es_call *call) {
    const es_value *v = es_in(call->net, call->node, 0), *w = es_out(call->net, call->node);
    const float *x = call->in[0] + call->node->attr[0].u;
    float *y = call->out[0];
    for (uint32_t f = 0; f < call->count; f++, x += v->stride, y += w->stride)
        for (uint32_t c = 0; c < w->channels; c++) y[c] = x[c];
}

const es_op ES_NAME(es_op_slice) = {9, "slice", check, NULL, NULL, NULL, NULL, run};
