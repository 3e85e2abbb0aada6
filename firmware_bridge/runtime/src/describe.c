/* describe.c - what a host may ask of a model. */
#include <string.h>

#include "state.h"

es_status es_model_describe(const es_model *model, es_model_info *info) {
    size_t voice_bytes = 0;
    if (!model || !info) return ES_ERR_ARGUMENT;
    es_status status = es_voice_open(model, NULL, &voice_bytes, NULL);
    if (status != ES_OK) return status;
    memset(info, 0, sizeof *info);
    info->rate = model->net.rate;
    info->latency = model->artifact.latency;
    info->inputs = model->n_inputs;
    info->outputs = model->n_outputs;
    info->nodes = model->net.n_nodes;
    info->chunk = model->net.chunk;
    info->voice_bytes = voice_bytes;
    info->arena_bytes = (size_t)model->net.arena_floats * sizeof(float) + model->scratch_bytes;
    info->state_bytes = es_saved_bytes(model);
    memcpy(info->hash, model->artifact.hash, sizeof info->hash);
    info->manifest = (const char *)model->artifact.sections[ES_MANIFEST].data;
    info->manifest_bytes = model->artifact.sections[ES_MANIFEST].bytes;
    return ES_OK;
}

es_status es_model_port(const es_model *model, es_direction direction, uint32_t index,
                        es_port *port) {
    if (!model || !port) return ES_ERR_ARGUMENT;
    if (direction != ES_INPUT && direction != ES_OUTPUT) return ES_ERR_PORT;
    uint32_t limit = direction == ES_INPUT ? model->n_inputs : model->n_outputs;
    if (index >= limit) return ES_ERR_PORT;
    *port = model->ports[direction == ES_INPUT ? index : model->n_inputs + index].port;
    return ES_OK;
}

uint32_t es_voice_due(const es_voice *voice, uint32_t period, uint32_t frames) {
    return voice && period ? es_due(period, es_voice_clock(voice), frames) : 0;
}

const char *es_kernels_name(const es_kernels *kernels) {
    return kernels && kernels->name ? kernels->name : "";
}
