/* activation.c - relu, leaky_relu, elu, tanh, sigmoid, softplus, silu. */
#include "../vec/math.h"
#include "check.h"

enum { RELU, LEAKY_RELU, ELU, TANH, SIGMOID, SOFTPLUS, SILU, FUNCTIONS };

static es_status check(const es_net *net, const es_node *node) {
    if (!es_counts(net, node, 1, 0, 0, 2)) return ES_ERR_NODE;
    int ok = es_fits(net, node, 0, es_out(net, node)->channels) && node->attr[0].u < FUNCTIONS;
    return ok ? ES_OK : ES_ERR_NODE;
}

ES_INLINE vf function(vf x, vf alpha, const int fn) {
    const vf zero = v_set1(0.0f);
    switch (fn) {
    case RELU: return v_max(x, zero);
    case LEAKY_RELU: return v_select(v_lt(x, zero), v_mul(x, alpha), x);
    case ELU: return v_select(v_lt(x, zero), v_mul(alpha, v_expm1(v_min(x, zero))), x);
    case TANH: return v_tanh(x);
    case SIGMOID: return v_sigmoid(x);
    case SOFTPLUS: return v_softplus(x);
    default: return v_mul(x, v_sigmoid(x));
    }
}

ES_INLINE void map(const es_call *call, const int fn) {
    const es_value *v = es_out(call->net, call->node);
    const es_rows r = es_rows_of(v, call->count);
    const vf alpha = v_set1(call->node->attr[1].f);
    const float *x = call->in[0];
    float *y = call->out[0];
    for (uint32_t row = 0; row < r.rows; row++, x += v->stride, y += v->stride)
        for (uint32_t c = 0; c < r.width; c += VL)
            v_store(y + c, function(v_load(x + c), alpha, fn));
}

static void run(const es_call *call) {
    switch (call->node->attr[0].u) {
    case RELU: map(call, RELU); break;
    case LEAKY_RELU: map(call, LEAKY_RELU); break;
    case ELU: map(call, ELU); break;
    case TANH: map(call, TANH); break;
    case SIGMOID: map(call, SIGMOID); break;
    case SOFTPLUS: map(call, SOFTPLUS); break;
    default: map(call, SILU); break;
    }
}

const es_op ES_NAME(es_op_activation) = {5, "activation", check, NULL, NULL, NULL, NULL, run};
