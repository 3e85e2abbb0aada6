/* measure.c - checks a whole artifact and measures what a model and a voice need. */
#include "measure.h"

#include <string.h>

#define LIMIT ((uint64_t)1 << 40) /* bytes of any one need */

/* A net of one node, with its own entries under indices 0, 1, 2, ... */
typedef struct solo {
    es_net net;
    es_node node;
    es_value values[ES_NODE_VALUES * 2];
    es_param params[ES_NODE_PARAMS];
    es_state states[ES_NODE_STATES];
    uint32_t index[ES_NODE_VALUES * 2], par[ES_NODE_PARAMS];
} solo;

const es_op *es_find_op(const es_kernels *kernels, uint32_t id) {
    for (const es_op *const *op = kernels->ops; *op; op++)
        if ((*op)->id == id) return *op;
    return NULL;
}

static es_status isolate(const es_artifact *artifact, uint32_t index, solo *one) {
    es_node node;
    es_status status = es_artifact_node(artifact, index, &node);
    if (status != ES_OK) return status;
    memset(one, 0, sizeof *one);
    for (uint32_t i = 0; i < ES_NODE_VALUES * 2; i++) one->index[i] = i;
    for (uint32_t i = 0; i < node.n_in + node.n_out && status == ES_OK; i++) {
        uint32_t value = i < node.n_in ? node.in[i] : node.out[i - node.n_in];
        status = es_artifact_value(artifact, value, &one->values[i]);
    }
    for (uint32_t i = 0; i < node.n_par && status == ES_OK; i++) {
        one->par[i] = node.par[i] == ES_NONE ? ES_NONE : i;
        if (node.par[i] != ES_NONE)
            status = es_artifact_param(artifact, node.par[i], &one->params[i]);
    }
    for (uint32_t i = 0; i < node.n_state && status == ES_OK; i++) {
        status = es_artifact_state(artifact, node.state[i], &one->states[i]);
        one->states[i].init = ES_NONE;
    }
    if (status != ES_OK) return status;
    if (node.period != one->values[node.n_in].period) return ES_ERR_NODE;
    one->node = node;
    one->node.in = one->index;
    one->node.out = one->index + node.n_in;
    one->node.par = one->par;
    one->node.state = one->index;
    one->net.values = one->values;
    one->net.params = one->params;
    one->net.states = one->states;
    one->net.nodes = &one->node;
    one->net.n_values = node.n_in + node.n_out;
    one->net.n_params = node.n_par;
    one->net.n_states = node.n_state;
    one->net.n_nodes = 1;
    one->net.chunk = artifact->chunk;
    one->net.arena_floats = artifact->arena_floats;
    one->net.rate = artifact->rate;
    return ES_OK;
}

static es_status measure_node(const es_artifact *artifact, const es_kernels *kernels,
                              uint32_t index, es_measure *m) {
    solo one;
    es_status status = isolate(artifact, index, &one);
    if (status != ES_OK) return status;
    const es_op *op = es_find_op(kernels, one.node.op);
    if (!op) return ES_ERR_OP;
    status = op->check(&one.net, &one.node);
    if (status != ES_OK) return status;
    uint64_t scratch = op->scratch ? op->scratch(&one.net, &one.node) : 0;
    uint64_t prepared = op->prepared ? op->prepared(&one.net, &one.node) : 0;
    if (scratch > LIMIT || prepared > LIMIT) return ES_ERR_NODE;
    if (scratch > m->scratch) m->scratch = scratch;
    es_carve(&m->prepared, prepared);
    m->pointers += (uint64_t)one.node.n_in + one.node.n_out + one.node.n_state;
    return m->prepared > LIMIT ? ES_ERR_NODE : ES_OK;
}

static es_status measure_ports(const es_artifact *artifact, es_measure *m) {
    uint32_t last = ES_INPUT;
    for (uint32_t i = 0; i < artifact->sections[ES_PORTS].count; i++) {
        es_port_row row;
        es_status status = es_artifact_port(artifact, i, &row);
        if (status != ES_OK) return status;
        if (row.port.direction < last) return ES_ERR_PORT;
        last = row.port.direction;
        if (last == ES_INPUT) m->inputs++;
    }
    return ES_OK;
}

/* The numbers of floats that one call of `frames` frames from reset takes and gives. */
static es_status measure_golden(const es_artifact *artifact, es_measure *m) {
    uint64_t floats[2] = {0, 0};
    es_status status = es_artifact_golden(artifact, &m->golden);
    if (status == ES_ERR_NO_GOLDEN) return ES_OK;
    if (status != ES_OK) return status;
    for (uint32_t i = 0; i < artifact->sections[ES_PORTS].count; i++) {
        es_port_row row;
        (void)es_artifact_port(artifact, i, &row);
        floats[row.port.direction] += es_port_floats(&row.port, 0, m->golden.frames);
    }
    return floats[0] == m->golden.floats_in && floats[1] == m->golden.floats_out ? ES_OK
                                                                                : ES_ERR_SECTION;
}

es_status es_measure_all(const es_artifact *artifact, const es_kernels *kernels, es_measure *m) {
    const es_section *s = artifact->sections;
    es_status status = ES_OK;
    memset(m, 0, sizeof *m);
    for (uint32_t i = 0; i < s[ES_VALUES].count && status == ES_OK; i++) {
        es_value value;
        status = es_artifact_value(artifact, i, &value);
    }
    for (uint32_t i = 0; i < s[ES_PARAMS].count && status == ES_OK; i++) {
        es_param param;
        status = es_artifact_param(artifact, i, &param);
    }
    for (uint32_t i = 0; i < s[ES_STATES].count && status == ES_OK; i++) {
        es_state state;
        status = es_artifact_state(artifact, i, &state);
        if (status != ES_OK) break;
        uint64_t bytes = (uint64_t)state.elements * es_state_width(state.dtype);
        es_carve(&m->state, bytes);
        m->packed += bytes;
        if (m->state > UINT32_MAX / 2) return ES_ERR_STATE;
    }
    if (status == ES_OK) status = measure_ports(artifact, m);
    for (uint32_t i = 0; i < s[ES_MIDI].count && status == ES_OK; i++) {
        es_midi_row row;
        status = es_artifact_midi(artifact, i, &row);
    }
    for (uint32_t i = 0; i < s[ES_NODES].count && status == ES_OK; i++)
        status = measure_node(artifact, kernels, i, m);
    return status == ES_OK ? measure_golden(artifact, m) : status;
}
