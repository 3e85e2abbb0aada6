/* unary.c - neg, abs, exp, log, log2, sqrt, sin, cos, square, reciprocal. */
#include "../vec/math.h"
#include "check.h"

enum { NEG, ABS, EXP, LOG, LOG2, SQRT, SIN, COS, SQUARE, RECIPROCAL, FUNCTIONS };

static es_status check(const es_net *net, const es_node *node) {
    if (!es_counts(net, node, 1, 0, 0, 1)) return ES_ERR_NODE;
    int ok = es_fits(net, node, 0, es_out(net, node)->channels) && node->attr[0].u < FUNCTIONS;
    return ok ? ES_OK : ES_ERR_NODE;
}

ES_INLINE vf function(vf x, const int fn) {
    switch (fn) {
    case NEG: return v_from_bits(u_xor(v_bits(x), u_set1(0x80000000u)));
    case ABS: return v_abs(x);
    case EXP: return v_exp(x);
    case LOG: return v_log(x);
    case LOG2: return v_log2(x);
    case SQRT: return v_sqrt(x);
    case SIN: return v_sin(x);
    case COS: return v_cos(x);
    case SQUARE: return v_mul(x, x);
    default: return v_div(v_set1(1.0f), x);
    }
}

ES_INLINE void map(const es_call *call, const int fn) {
    const es_value *v = es_out(call->net, call->node);
    const es_rows r = es_rows_of(v, call->count);
    const float *x = call->in[0];
    float *y = call->out[0];
    for (uint32_t row = 0; row < r.rows; row++, x += v->stride, y += v->stride)
        for (uint32_t c = 0; c < r.width; c += VL) v_store(y + c, function(v_load(x + c), fn));
}

static void run(const es_call *call) {
    switch (call->node->attr[0].u) {
    case NEG: map(call, NEG); break;
    case ABS: map(call, ABS); break;
    case EXP: map(call, EXP); break;
    case LOG: map(call, LOG); break;
    case LOG2: map(call, LOG2); break;
    case SQRT: map(call, SQRT); break;
    case SIN: map(call, SIN); break;
    case COS: map(call, COS); break;
    case SQUARE: map(call, SQUARE); break;
    default: map(call, RECIPROCAL); break;
    }
}

const es_op ES_NAME(es_op_unary) = {6, "unary", check, NULL, NULL, NULL, NULL, run};
