/* binary.c - add, sub, mul, div, minimum, maximum, pow of two inputs, or of one and a constant. */
#include "../vec/math.h"
#include "check.h"

enum { ADD, SUB, MUL, DIV, MINIMUM, MAXIMUM, POW, FUNCTIONS };

/* A constant has one value, or one per channel. */
static int constant_fits(const es_param *p, uint32_t channels) {
    if (p->format != ES_F32) return 0;
    if (p->rank == 0 || (p->rank == 1 && p->dims[0] == 1)) return p->layout != ES_PANELS;
    return es_is_vector(p, channels, 1);
}

static es_status check(const es_net *net, const es_node *node) {
    const int two = node->n_in == 2;
    if (!es_counts(net, node, two ? 2 : 1, 1, 0, 2)) return ES_ERR_NODE;
    const es_param *constant = es_par(net, node, 0);
    const uint32_t n = es_out(net, node)->channels;
    int ok = es_fits(net, node, 0, n) && node->attr[0].u < FUNCTIONS && node->attr[1].u < 2;
    if (two)
        ok = ok && !constant && (es_fits(net, node, 1, n) || es_fits(net, node, 1, 1));
    else
        ok = ok && constant && constant_fits(constant, n);
    return ok ? ES_OK : ES_ERR_NODE;
}

ES_INLINE vf function(vf a, vf b, const int fn) {
    switch (fn) {
    case ADD: return v_add(a, b);
    case SUB: return v_sub(a, b);
    case MUL: return v_mul(a, b);
    case DIV: return v_div(a, b);
    case MINIMUM: return v_min(a, b);
    case MAXIMUM: return v_max(a, b);
    default: return v_pow(a, b);
    }
}

/* The second operand: rows of its own, one value a row, or one for all. */
ES_INLINE void map(const es_call *call, const int fn) {
    const es_value *v = es_out(call->net, call->node);
    const es_rows r = es_rows_of(v, call->count);
    const int swapped = call->node->attr[1].u != 0;
    const float *x = call->in[0], *other;
    size_t step;
    int spread;
    if (call->node->n_in == 2) {
        const es_value *w = es_in(call->net, call->node, 1);
        other = call->in[1];
        step = w->stride;
        spread = w->channels != v->channels;
    } else {
        const es_param *p = es_par(call->net, call->node, 0);
        other = p->data;
        step = 0;
        spread = p->rank == 0 || p->dims[0] == 1;
    }
    float *y = call->out[0];
    for (uint32_t row = 0; row < r.rows; row++, x += v->stride, y += v->stride, other += step) {
        const vf same = v_set1(other[0]);
        for (uint32_t c = 0; c < r.width; c += VL) {
            vf a = v_load(x + c), b = spread ? same : v_load(other + c);
            v_store(y + c, swapped ? function(b, a, fn) : function(a, b, fn));
        }
    }
}

static void run(const es_call *call) {
    switch (call->node->attr[0].u) {
    case ADD: map(call, ADD); break;
    case SUB: map(call, SUB); break;
    case MUL: map(call, MUL); break;
    case DIV: map(call, DIV); break;
    case MINIMUM: map(call, MINIMUM); break;
    case MAXIMUM: map(call, MAXIMUM); break;
    default: map(call, POW); break;
    }
}

const es_op ES_NAME(es_op_binary) = {7, "binary", check, NULL, NULL, NULL, NULL, run};
