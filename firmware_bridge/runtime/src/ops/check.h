/* check.h - what the ops' checks ask of a node, and the clock of a call. */
#ifndef ES_OPS_CHECK_H
#define ES_OPS_CHECK_H

#include "../net.h"
#include "../vec/vec.h"

ES_INLINE uint32_t es_pad(uint32_t n) {
    return (n + ES_LANE_PAD - 1) / ES_LANE_PAD * ES_LANE_PAD;
}

ES_INLINE const es_value *es_in(const es_net *net, const es_node *node, uint32_t i) {
    return &net->values[node->in[i]];
}

ES_INLINE const es_value *es_out(const es_net *net, const es_node *node) {
    return &net->values[node->out[0]];
}

/* The parameter in a slot, NULL where it is absent. */
ES_INLINE const es_param *es_par(const es_net *net, const es_node *node, uint32_t slot) {
    return node->par[slot] == ES_NONE ? NULL : &net->params[node->par[slot]];
}

/* One output on the node's own period, and these counts; every index in range. */
ES_INLINE int es_counts(const es_net *net, const es_node *node, uint32_t ins, uint32_t pars,
                        uint32_t states, uint32_t attrs) {
    int ok = node->period > 0 && node->n_in == ins && node->n_out == 1 && node->n_par == pars &&
             node->n_state == states && node->n_attr == attrs;
    for (uint32_t i = 0; ok && i < ins; i++) ok = node->in[i] < net->n_values;
    for (uint32_t i = 0; ok && i < pars; i++)
        ok = node->par[i] == ES_NONE || node->par[i] < net->n_params;
    for (uint32_t i = 0; ok && i < states; i++) ok = node->state[i] < net->n_states;
    return ok && node->out[0] < net->n_values && es_out(net, node)->period == node->period;
}

/* Input i has these channels and steps with the output. */
ES_INLINE int es_fits(const es_net *net, const es_node *node, uint32_t i, uint32_t channels) {
    const es_value *v = es_in(net, node, i);
    return v->channels == channels && v->period == node->period;
}

ES_INLINE int es_is_vector(const es_param *p, uint32_t n, uint32_t blocks) {
    return p->format == ES_F32 && p->layout == ES_VECTOR && p->blocks == blocks &&
           p->rank <= 1 && (p->rank ? p->dims[0] : 1) == n;
}

/* A matrix (taps 0) or a convolution's kernel in panels, f32 or i8 with scales. */
ES_INLINE int es_is_panels(const es_param *p, uint32_t out, uint32_t in, uint32_t taps,
                           uint32_t blocks) {
    return (p->format == ES_F32 || (p->format == ES_I8 && p->scale)) &&
           p->layout == ES_PANELS && p->blocks == blocks && p->rank == (taps ? 3u : 2u) &&
           p->dims[0] == out && p->dims[1] == in && (!taps || p->dims[2] == taps);
}

ES_INLINE int es_is_state(const es_net *net, const es_node *node, uint32_t i, uint32_t dtype,
                          uint64_t elements) {
    const es_state *s = &net->states[node->state[i]];
    return s->dtype == dtype && s->elements == elements;
}

/* Number of the call's first step at the node's period. */
ES_INLINE uint64_t es_first_step(const es_call *call) {
    uint32_t period = call->node->period;
    return (call->clock + period - 1) / period;
}

/* How many of the call's steps lie before step `start`. */
ES_INLINE uint32_t es_early(const es_call *call, uint32_t start) {
    uint64_t first = es_first_step(call);
    if (first >= start) return 0;
    return start - first < call->count ? (uint32_t)(start - first) : call->count;
}

/* Rows to walk over an edge: one long row where it has one channel. */
typedef struct es_rows {
    uint32_t rows, width;
} es_rows;

ES_INLINE es_rows es_rows_of(const es_value *v, uint32_t count) {
    es_rows r = {v->stride == 1 ? 1 : count, v->stride == 1 ? count : v->channels};
    return r;
}

#endif
