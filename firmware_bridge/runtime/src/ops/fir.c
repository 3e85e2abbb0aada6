/* fir.c - y[n] = sum over k of taps[k] x[n - k], k ascending; lanes over time. */
#include "check.h"

#define TILE 8 /* vectors of time in flight */

static es_status check(const es_net *net, const es_node *node) {
    if (!es_counts(net, node, 1, 1, 1, 1)) return ES_ERR_NODE;
    const es_param *taps = es_par(net, node, 0);
    int ok = es_fits(net, node, 0, 1) && es_out(net, node)->channels == 1 && taps &&
             taps->rank == 1 && taps->dims[0] > 0 && es_is_vector(taps, taps->dims[0], 1) &&
             es_is_state(net, node, 0, 0, taps->dims[0] - 1) && node->attr[0].i >= 0;
    return ok ? ES_OK : ES_ERR_NODE;
}

static size_t scratch(const es_net *net, const es_node *node) {
    size_t taps = es_par(net, node, 0)->dims[0];
    return (taps + es_out(net, node)->capacity + ES_LANE_PAD) * sizeof(float);
}

/* newest: the input at the first output's own time. */
ES_INLINE void tile(const float *taps, uint32_t n, const float *newest, float *y, const int vecs) {
    vf sum[TILE];
    ES_UNROLL for (int v = 0; v < vecs; v++) sum[v] = v_set1(0.0f);
    for (uint32_t k = 0; k < n; k++) {
        const vf tap = v_set1(taps[k]);
        const float *x = newest - k;
        ES_UNROLL for (int v = 0; v < vecs; v++)
            sum[v] = v_mla(sum[v], v_load(x + (size_t)v * VL), tap);
    }
    ES_UNROLL for (int v = 0; v < vecs; v++) v_store(y + (size_t)v * VL, sum[v]);
}

static void run(const es_call *call) {
    const es_param *p = es_par(call->net, call->node, 0);
    const uint32_t n = p->dims[0], count = call->count;
    const uint32_t early = es_early(call, call->node->attr[0].u);
    float *line = call->scratch, *state = call->state[0], *now = line + n - 1;
    for (uint32_t i = 0; i + 1 < n; i++) line[i] = state[i];
    for (uint32_t i = 0; i < count; i++) now[i] = i < early ? 0.0f : call->in[0][i];
    for (uint32_t i = 0; i < ES_LANE_PAD; i++) now[count + i] = 0.0f;
    uint32_t f = 0;
    for (; f + TILE * VL <= count; f += TILE * VL)
        tile(p->data, n, now + f, call->out[0] + f, TILE);
    for (; f + 4 * VL <= count; f += 4 * VL) tile(p->data, n, now + f, call->out[0] + f, 4);
    for (; f < count; f += VL) tile(p->data, n, now + f, call->out[0] + f, 1);
    for (uint32_t i = 0; i + 1 < n; i++) state[i] = line[count + i];
}

const es_op ES_NAME(es_op_fir) = {15, "fir", check, scratch, NULL, NULL, NULL, run};
