/* model.c - opens a model in caller memory: measure and check all, then build. */
#include "model.h"

#include <string.h>

#include "measure.h"

/* Where the parts of a model lie in its memory, as byte offsets. */
typedef struct layout {
    uint64_t values, params, states, nodes, ops, prepared, ports, midi, made, tables, end;
} layout;

static layout lay_out(const es_artifact *artifact, const es_measure *m) {
    const es_section *s = artifact->sections;
    layout l;
    uint64_t at = 0;
    es_carve(&at, sizeof(es_model));
    l.values = es_carve(&at, sizeof(es_value) * (uint64_t)s[ES_VALUES].count);
    l.params = es_carve(&at, sizeof(es_param) * (uint64_t)s[ES_PARAMS].count);
    l.states = es_carve(&at, sizeof(es_state) * (uint64_t)s[ES_STATES].count);
    l.nodes = es_carve(&at, sizeof(es_node) * (uint64_t)s[ES_NODES].count);
    l.ops = es_carve(&at, sizeof(es_op *) * (uint64_t)s[ES_NODES].count);
    l.prepared = es_carve(&at, sizeof(void *) * (uint64_t)s[ES_NODES].count);
    l.ports = es_carve(&at, sizeof(es_port_row) * (uint64_t)s[ES_PORTS].count);
    l.midi = es_carve(&at, sizeof(es_midi_row) * (uint64_t)s[ES_MIDI].count);
    l.made = es_carve(&at, s[ES_VALUES].count);
    l.tables = es_carve(&at, m->prepared);
    l.end = at;
    return l;
}

/* Every value is made once, by an input port or by a node that stands before its first use. */
static es_status check_order(const es_model *model, uint8_t *made) {
    const es_net *net = &model->net;
    memset(made, 0, net->n_values);
    for (uint32_t i = 0; i < model->n_inputs; i++) {
        if (model->ports[i].port.kind == ES_EVENT) continue;
        if (made[model->ports[i].value]++) return ES_ERR_PORT;
    }
    for (uint32_t i = 0; i < net->n_nodes; i++) {
        const es_node *node = &net->nodes[i];
        for (uint32_t j = 0; j < node->n_in; j++)
            if (!made[node->in[j]]) return ES_ERR_NODE;
        for (uint32_t j = 0; j < node->n_out; j++)
            if (made[node->out[j]]++) return ES_ERR_NODE;
    }
    for (uint32_t i = 0; i < model->n_outputs; i++)
        if (!made[model->ports[model->n_inputs + i].value]) return ES_ERR_PORT;
    return ES_OK;
}

/* The tables; every record has passed es_measure_all, so none fails here. */
static void fill(es_model *model, const es_kernels *kernels, uint8_t *base, const layout *l) {
    const es_artifact *a = &model->artifact;
    es_value *values = (void *)(base + l->values);
    es_param *params = (void *)(base + l->params);
    es_state *states = (void *)(base + l->states);
    es_node *nodes = (void *)(base + l->nodes);
    es_net *net = &model->net;
    uint64_t state_at = 0;
    net->n_values = a->sections[ES_VALUES].count;
    net->n_params = a->sections[ES_PARAMS].count;
    net->n_states = a->sections[ES_STATES].count;
    net->n_nodes = a->sections[ES_NODES].count;
    net->chunk = a->chunk;
    net->arena_floats = a->arena_floats;
    net->rate = a->rate;
    for (uint32_t i = 0; i < net->n_values; i++) (void)es_artifact_value(a, i, &values[i]);
    for (uint32_t i = 0; i < net->n_params; i++) (void)es_artifact_param(a, i, &params[i]);
    for (uint32_t i = 0; i < net->n_states; i++) {
        (void)es_artifact_state(a, i, &states[i]);
        states[i].offset = (uint32_t)es_carve(
            &state_at, (uint64_t)states[i].elements * es_state_width(states[i].dtype));
    }
    for (uint32_t i = 0; i < net->n_nodes; i++) {
        (void)es_artifact_node(a, i, &nodes[i]);
        model->ops[i] = es_find_op(kernels, nodes[i].op);
    }
    for (uint32_t i = 0; i < a->sections[ES_PORTS].count; i++)
        (void)es_artifact_port(a, i, &model->ports[i]);
    for (uint32_t i = 0; i < model->n_midi; i++) (void)es_artifact_midi(a, i, &model->midi[i]);
    net->values = values;
    net->params = params;
    net->states = states;
    net->nodes = nodes;
}

static void prepare(es_model *model, uint8_t *tables) {
    const es_net *net = &model->net;
    uint64_t at = 0;
    for (uint32_t i = 0; i < net->n_nodes; i++) {
        const es_op *op = model->ops[i];
        size_t bytes = op->prepared ? op->prepared(net, &net->nodes[i]) : 0;
        model->prepared[i] = NULL;
        if (bytes == 0) continue;
        void *to = tables + es_carve(&at, bytes);
        op->prepare(net, &net->nodes[i], to);
        model->prepared[i] = to;
    }
}

es_status es_model_open(const void *blob, size_t blob_bytes, const es_kernels *kernels, void *mem,
                        size_t *mem_bytes, const es_model **out) {
    es_artifact artifact;
    es_measure measure;
    if (!blob || !kernels || !kernels->ops || !mem_bytes || (mem && !out)) return ES_ERR_ARGUMENT;
    if ((uintptr_t)blob % ES_ALIGN || (uintptr_t)mem % ES_ALIGN) return ES_ERR_MEMORY;
    es_status status = es_artifact_read(blob, blob_bytes, &artifact);
    if (status == ES_OK) status = es_measure_all(&artifact, kernels, &measure);
    if (status != ES_OK) return status;
    layout l = lay_out(&artifact, &measure);
    if (l.end > PTRDIFF_MAX) return ES_ERR_MEMORY;
    if (!mem) {
        *mem_bytes = (size_t)l.end;
        return ES_OK;
    }
    if (*mem_bytes < l.end) return ES_ERR_MEMORY;

    uint8_t *base = mem;
    es_model *model = mem;
    memset(model, 0, sizeof *model);
    model->artifact = artifact;
    model->ops = (void *)(base + l.ops);
    model->prepared = (void *)(base + l.prepared);
    model->ports = (void *)(base + l.ports);
    model->midi = (void *)(base + l.midi);
    model->n_inputs = measure.inputs;
    model->n_outputs = artifact.sections[ES_PORTS].count - measure.inputs;
    model->n_midi = artifact.sections[ES_MIDI].count;
    model->golden = measure.golden;
    model->scratch_bytes = (size_t)measure.scratch;
    model->state_bytes = (size_t)measure.state;
    model->packed_bytes = (size_t)measure.packed;
    model->pointers = (size_t)measure.pointers;
    fill(model, kernels, base, &l);
    status = check_order(model, base + l.made);
    if (status != ES_OK) return status;
    prepare(model, base + l.tables);
    *out = model;
    return ES_OK;
}
