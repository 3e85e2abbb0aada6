/* reduce.c - sum, mean, max or min over the channels. */
#include "check.h"

enum { SUM, MEAN, MAX, MIN, FUNCTIONS };

static es_status check(const es_net *net, const es_node *node) {
    if (!es_counts(net, node, 1, 0, 0, 1)) return ES_ERR_NODE;
    const es_value *x = es_in(net, node, 0);
    int ok = es_fits(net, node, 0, x->channels) && x->channels > 0 &&
             es_out(net, node)->channels == 1 && node->attr[0].u < FUNCTIONS;
    return ok ? ES_OK : ES_ERR_NODE;
}

ES_INLINE float fold(const float *x, uint32_t n, const int fn) {
    const vf none = v_set1(fn == MAX || fn == MIN ? x[0] : 0.0f);
    vf all = none;
    for (uint32_t c = 0; c < n; c += VL) {
        vf v = v_load(x + c);
        if (n - c < VL) v = v_select(v_head(n - c), v, none);
        all = fn == MAX ? v_max(all, v) : fn == MIN ? v_min(all, v) : v_add(all, v);
    }
    if (fn == MAX) return v_hmax(all);
    if (fn == MIN) return v_hmin(all);
    return fn == MEAN ? v_hsum(all) / (float)n : v_hsum(all);
}

static void run(const es_call *call) {
    const es_value *v = es_in(call->net, call->node, 0);
    const float *x = call->in[0];
    float *y = call->out[0];
    for (uint32_t f = 0; f < call->count; f++, x += v->stride) {
        switch (call->node->attr[0].u) {
        case SUM: y[f] = fold(x, v->channels, SUM); break;
        case MEAN: y[f] = fold(x, v->channels, MEAN); break;
        case MAX: y[f] = fold(x, v->channels, MAX); break;
        default: y[f] = fold(x, v->channels, MIN); break;
        }
    }
}

const es_op ES_NAME(es_op_reduce) = {10, "reduce", check, NULL, NULL, NULL, NULL, run};
