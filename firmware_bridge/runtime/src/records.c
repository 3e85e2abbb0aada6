/* records.c - one checked record of each section (docs/artifact.md). */
#include <string.h>

#include "artifact.h"

#define LIMIT ((uint64_t)1 << 31) /* elements of one parameter, padding included */

static uint64_t padded(uint64_t n) { return (n + ES_LANE_PAD - 1) / ES_LANE_PAD * ES_LANE_PAD; }

/* Copies record `index` of 4 * `words` bytes; 0 if the section has no such record. */
static int fetch(const es_artifact *artifact, int id, uint32_t index, es_word *row, size_t words) {
    const es_section *section = &artifact->sections[id];
    if (!section->data || index >= section->count) return 0;
    memcpy(row, section->data + (size_t)index * words * 4, words * 4);
    return 1;
}

static int zeros(const es_word *row, size_t n) {
    uint32_t any = 0;
    for (size_t i = 0; i < n; i++) any |= row[i].u;
    return any == 0;
}

es_status es_artifact_value(const es_artifact *artifact, uint32_t index, es_value *value) {
    es_word row[4];
    if (!fetch(artifact, ES_VALUES, index, row, 4)) return ES_ERR_VALUE;
    uint32_t channels = row[0].u, period = row[1].u, offset = row[2].u;
    if (channels < 1 || period < 1 || offset % ES_LANE_PAD || row[3].u) return ES_ERR_VALUE;
    uint64_t stride = channels == 1 ? 1 : padded(channels);
    uint64_t capacity = ((uint64_t)artifact->chunk + period - 1) / period;
    uint64_t need = capacity * stride + ES_LANE_PAD; /* at most 2^16 * 2^33 */
    if (offset + need > artifact->arena_floats) return ES_ERR_VALUE;
    value->channels = channels;
    value->period = period;
    value->stride = (uint32_t)stride;
    value->offset = offset;
    value->capacity = (uint32_t)capacity;
    return ES_OK;
}

/* Elements as packed, and of the scale vector; 0 where the layout does not fit the dims. */
static uint64_t packed(const es_param *param, uint64_t *scales) {
    uint64_t rest = 1, elements = 0;
    for (uint32_t i = 1; i < 4; i++) {
        rest *= param->dims[i]; /* at most 2^31 * 2^32 */
        if (rest > LIMIT) return 0;
    }
    *scales = padded(param->dims[0] / param->blocks) * param->blocks; /* at most 2^36 */
    if (*scales > LIMIT) return 0;
    if (param->layout == ES_PLAIN && param->blocks == 1) elements = param->dims[0] * rest;
    if (param->layout == ES_VECTOR && param->rank <= 1) elements = *scales;
    if (param->layout == ES_PANELS && (param->rank == 2 || param->rank == 3))
        elements = *scales * rest;
    return elements > LIMIT ? 0 : elements;
}

static int within(const es_section *weights, uint32_t offset, uint32_t bytes) {
    return weights->data && offset % ES_ALIGN == 0 && (uint64_t)offset + bytes <= weights->bytes;
}

es_status es_artifact_param(const es_artifact *artifact, uint32_t index, es_param *param) {
    const es_section *weights = &artifact->sections[ES_WEIGHTS];
    es_word row[16];
    if (!fetch(artifact, ES_PARAMS, index, row, 16) || !zeros(row + 12, 4)) return ES_ERR_PARAM;
    memset(param, 0, sizeof *param);
    param->format = row[0].u;
    param->layout = row[1].u;
    param->blocks = row[2].u;
    param->rank = row[3].u;
    if (param->format > ES_I8 || param->rank > 4 || param->blocks < 1) return ES_ERR_PARAM;
    for (uint32_t i = 0; i < 4; i++) {
        param->dims[i] = row[4 + i].u;
        if (param->dims[i] < 1 || (i >= param->rank && param->dims[i] != 1)) return ES_ERR_PARAM;
    }
    if (param->dims[0] % param->blocks) return ES_ERR_PARAM;
    uint32_t offset = row[8].u, bytes = row[9].u, scale = row[10].u, scale_bytes = row[11].u;
    uint64_t scales = 0, elements = packed(param, &scales);
    if (elements == 0 || elements * (param->format == ES_F32 ? 4 : 1) != bytes ||
        !within(weights, offset, bytes))
        return ES_ERR_PARAM;
    param->data = weights->data + offset;
    if (param->format == ES_F32) return scale || scale_bytes ? ES_ERR_PARAM : ES_OK;
    if (scales * 4 != scale_bytes || !within(weights, scale, scale_bytes)) return ES_ERR_PARAM;
    param->scale = (const float *)(const void *)(weights->data + scale);
    return ES_OK;
}

es_status es_artifact_state(const es_artifact *artifact, uint32_t index, es_state *state) {
    es_word row[4];
    if (!fetch(artifact, ES_STATES, index, row, 4)) return ES_ERR_STATE;
    if (row[0].u > 2 || row[1].u > 1u << 28 || row[3].u) return ES_ERR_STATE;
    state->dtype = row[0].u;
    state->elements = row[1].u;
    state->init = row[2].u;
    state->offset = 0;
    if (state->init == ES_NONE) return ES_OK;
    es_param init;
    es_status status = es_artifact_param(artifact, state->init, &init);
    if (status != ES_OK) return status;
    uint64_t elements = (uint64_t)init.dims[0] * init.dims[1]; /* at most LIMIT in all */
    elements *= (uint64_t)init.dims[2] * init.dims[3];
    int dense = init.layout == ES_PLAIN || (init.layout == ES_VECTOR && init.blocks == 1);
    if (state->dtype != 0 || init.format != ES_F32 || !dense || elements != state->elements)
        return ES_ERR_STATE;
    return ES_OK;
}

static int list(const es_artifact *artifact, uint32_t count, uint32_t first, const es_word **at) {
    const es_section *words = &artifact->sections[ES_WORDS];
    if (count > words->count || first > words->count - count) return 0;
    *at = (const es_word *)(const void *)words->data + first;
    return 1;
}

static int below(const es_word *list, uint32_t n, uint32_t limit, int none_allowed) {
    for (uint32_t i = 0; i < n; i++)
        if (list[i].u >= limit && !(none_allowed && list[i].u == ES_NONE)) return 0;
    return 1;
}

es_status es_artifact_node(const es_artifact *artifact, uint32_t index, es_node *node) {
    const es_section *s = artifact->sections;
    const es_word *lists[5];
    es_word row[16];
    if (!fetch(artifact, ES_NODES, index, row, 16) || !zeros(row + 12, 4)) return ES_ERR_NODE;
    for (int i = 0; i < 5; i++)
        if (!list(artifact, row[2 + 2 * i].u, row[3 + 2 * i].u, &lists[i])) return ES_ERR_NODE;
    node->op = row[0].u;
    node->period = row[1].u;
    node->n_in = row[2].u;
    node->n_out = row[4].u;
    node->n_par = row[6].u;
    node->n_state = row[8].u;
    node->n_attr = row[10].u;
    if (node->n_in > ES_NODE_VALUES || node->n_out > ES_NODE_VALUES || node->n_out < 1 ||
        node->n_par > ES_NODE_PARAMS || node->n_state > ES_NODE_STATES)
        return ES_ERR_NODE;
    if (!below(lists[0], node->n_in, s[ES_VALUES].count, 0) ||
        !below(lists[1], node->n_out, s[ES_VALUES].count, 0))
        return ES_ERR_VALUE;
    if (!below(lists[2], node->n_par, s[ES_PARAMS].count, 1)) return ES_ERR_PARAM;
    if (!below(lists[3], node->n_state, s[ES_STATES].count, 0)) return ES_ERR_STATE;
    node->in = &lists[0]->u;
    node->out = &lists[1]->u;
    node->par = &lists[2]->u;
    node->state = &lists[3]->u;
    node->attr = lists[4];
    return ES_OK;
}

es_status es_artifact_port(const es_artifact *artifact, uint32_t index, es_port_row *out) {
    const es_section *strings = &artifact->sections[ES_STRINGS];
    es_port *port = &out->port;
    es_word row[16];
    es_value value;
    if (!fetch(artifact, ES_PORTS, index, row, 16) || !zeros(row + 12, 4)) return ES_ERR_PORT;
    if (row[0].u >= strings->bytes || row[1].u >= strings->bytes) return ES_ERR_PORT;
    if (row[2].u > ES_OUTPUT || row[3].u > ES_EVENT) return ES_ERR_PORT;
    port->name = (const char *)strings->data + row[0].u;
    port->unit = (const char *)strings->data + row[1].u;
    port->direction = (es_direction)row[2].u;
    port->kind = (es_kind)row[3].u;
    out->value = row[4].u;
    port->channels = row[5].u;
    port->period = row[6].u;
    port->delay = row[7].u;
    port->low = row[8].f;
    port->high = row[9].f;
    port->initial = row[10].f;
    port->ramp = row[11].u;
    if (!es_finite(port->low) || !es_finite(port->high) || !es_finite(port->initial) ||
        port->low > port->high)
        return ES_ERR_PORT;
    if (port->kind == ES_EVENT) {
        int plain = port->direction == ES_INPUT && out->value == ES_NONE && port->channels == 0;
        return plain && port->period >= 1 ? ES_OK : ES_ERR_PORT;
    }
    es_status status = es_artifact_value(artifact, out->value, &value);
    if (status != ES_OK) return status;
    if (value.channels != port->channels || value.period != port->period) return ES_ERR_PORT;
    if (port->kind == ES_AUDIO && port->period != 1) return ES_ERR_PORT;
    if (port->kind == ES_CONTROL && port->channels != 1) return ES_ERR_PORT;
    return ES_OK;
}

es_status es_artifact_midi(const es_artifact *artifact, uint32_t index, es_midi_row *row) {
    es_word w[8];
    es_port_row port;
    if (!fetch(artifact, ES_MIDI, index, w, 8)) return ES_ERR_PORT;
    row->source = w[0].u;
    row->number = w[1].u;
    row->port = w[2].u;
    row->low = w[3].f;
    row->high = w[4].f;
    row->off = w[5].f;
    row->attack = w[6].u;
    row->release = w[7].u;
    if (row->source > ES_BEND || row->number > 127) return ES_ERR_PORT;
    if (!es_finite(row->low) || !es_finite(row->high) || !es_finite(row->off)) return ES_ERR_PORT;
    if (row->source == ES_BEND && !(row->high >= -120.0f && row->high <= 120.0f))
        return ES_ERR_PORT;
    es_status status = es_artifact_port(artifact, row->port, &port);
    if (status != ES_OK) return status;
    if (port.port.direction != ES_INPUT || port.port.kind != ES_CONTROL) return ES_ERR_PORT;
    return ES_OK;
}

es_status es_artifact_golden(const es_artifact *artifact, es_golden *golden) {
    const es_section *section = &artifact->sections[ES_GOLDEN];
    es_word head[4];
    if (!section->data) return ES_ERR_NO_GOLDEN;
    if (section->bytes < sizeof head) return ES_ERR_SECTION;
    memcpy(head, section->data, sizeof head);
    golden->frames = head[0].u;
    golden->tolerance = head[1].f;
    golden->floats_in = head[2].u;
    golden->floats_out = head[3].u;
    if (golden->frames < 1 || golden->frames > 256 || !es_finite(golden->tolerance) ||
        golden->tolerance < 0.0f ||
        sizeof head + 4 * ((uint64_t)head[2].u + head[3].u) != section->bytes)
        return ES_ERR_SECTION;
    golden->in = (const float *)(const void *)(section->data + sizeof head);
    golden->out = golden->in + golden->floats_in;
    return ES_OK;
}
