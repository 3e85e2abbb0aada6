/* state.c - resets, saves and loads what a voice remembers.
 *
 * Saved voice, little-endian, no padding: "ESV\1" · 32 bytes model hash · u64 clock · f32 bend ·
 * u32 keys held · 16 bytes keys, unused ones 0 · per control input: f32 from, to, base, u64 start,
 * f64 length · every state of the artifact in order. */
#include "state.h"

#include <string.h>

#define MAGIC "ESV\1"
#define HEAD_BYTES (4u + 32u + 8u + 4u + 4u + ES_HELD_KEYS)
#define CONTROL_BYTES (3u * 4u + 8u + 8u)

static int is_control(const es_model *model, uint32_t port) {
    return model->ports[port].port.kind == ES_CONTROL;
}

size_t es_saved_bytes(const es_model *model) {
    size_t bytes = HEAD_BYTES + model->packed_bytes;
    for (uint32_t i = 0; i < model->n_inputs; i++)
        if (is_control(model, i)) bytes += CONTROL_BYTES;
    return bytes;
}

void es_states_reset(es_voice *voice) {
    const es_net *net = &voice->model->net;
    memset(voice->state, 0, voice->model->state_bytes);
    for (uint32_t i = 0; i < net->n_states; i++) {
        const es_state *state = &net->states[i];
        if (state->init == ES_NONE) continue;
        memcpy(voice->state + state->offset, net->params[state->init].data,
               (size_t)state->elements * sizeof(float));
    }
    for (uint32_t i = 0; i < net->n_nodes; i++) {
        const es_op *op = voice->model->ops[i];
        es_call *call = &voice->calls[i];
        call->clock = 0;
        call->frames = call->count = 0;
        if (op->reset) op->reset(call);
    }
}

es_status es_voice_reset(es_voice *voice) {
    if (!voice) return ES_ERR_ARGUMENT;
    voice->clock = 0;
    es_events_reset(voice);
    es_states_reset(voice);
    return ES_OK;
}

static void put(uint8_t **to, const void *from, size_t bytes) {
    memcpy(*to, from, bytes);
    *to += bytes;
}

static void get(const uint8_t **from, void *to, size_t bytes) {
    memcpy(to, *from, bytes);
    *from += bytes;
}

es_status es_voice_save(const es_voice *voice, void *to, size_t bytes) {
    if (!voice || !to) return ES_ERR_ARGUMENT;
    const es_model *model = voice->model;
    if (bytes < es_saved_bytes(model)) return ES_ERR_MEMORY;
    uint8_t *at = to;
    put(&at, MAGIC, 4);
    put(&at, model->artifact.hash, 32);
    put(&at, &voice->clock, 8);
    put(&at, &voice->bend, 4);
    put(&at, &voice->n_held, 4);
    put(&at, voice->held, ES_HELD_KEYS);
    for (uint32_t i = 0; i < model->n_inputs; i++) {
        const es_control *control = &voice->controls[i];
        if (!is_control(model, i)) continue;
        put(&at, &control->from, 4);
        put(&at, &control->to, 4);
        put(&at, &control->base, 4);
        put(&at, &control->start, 8);
        put(&at, &control->length, 8);
    }
    for (uint32_t i = 0; i < model->net.n_states; i++) {
        const es_state *state = &model->net.states[i];
        put(&at, voice->state + state->offset,
            (size_t)state->elements * es_state_width(state->dtype));
    }
    return ES_OK;
}

static void get_control(const uint8_t **from, es_control *control) {
    get(from, &control->from, 4);
    get(from, &control->to, 4);
    get(from, &control->base, 4);
    get(from, &control->start, 8);
    get(from, &control->length, 8);
}

/* A control that this voice could have come to by itself. */
static int plausible(const es_port *port, const es_control *control, uint64_t clock) {
    return es_control_clip(port, control->from) == control->from &&
           es_control_clip(port, control->to) == control->to && es_finite(control->base) &&
           control->start <= clock && control->length >= 0.0 && control->length <= 1e39;
}

es_status es_voice_load(es_voice *voice, const void *from, size_t bytes) {
    uint64_t clock;
    uint32_t n_held;
    float bend;
    uint8_t held[ES_HELD_KEYS];
    es_control control;
    if (!voice || !from) return ES_ERR_ARGUMENT;
    const es_model *model = voice->model;
    if (bytes < es_saved_bytes(model)) return ES_ERR_TRUNCATED;
    const uint8_t *at = from;
    if (memcmp(at, MAGIC, 4) != 0) return ES_ERR_MAGIC;
    if (memcmp(at + 4, model->artifact.hash, 32) != 0) return ES_ERR_MODEL;
    at += 36;
    get(&at, &clock, 8);
    get(&at, &bend, 4);
    get(&at, &n_held, 4);
    get(&at, held, ES_HELD_KEYS);
    if (clock >= ES_CLOCK_END || !(bend >= -1.0f && bend <= 1.0f) || n_held > ES_HELD_KEYS)
        return ES_ERR_STATE;
    for (uint32_t i = 0; i < ES_HELD_KEYS; i++)
        if (held[i] > 127 || (i >= n_held && held[i] != 0)) return ES_ERR_STATE;
    const uint8_t *controls = at;
    for (uint32_t i = 0; i < model->n_inputs; i++) {
        if (!is_control(model, i)) continue;
        get_control(&at, &control);
        if (!plausible(&model->ports[i].port, &control, clock)) return ES_ERR_STATE;
    }

    at = controls;
    voice->clock = clock;
    voice->bend = bend;
    voice->n_held = n_held;
    memcpy(voice->held, held, sizeof held);
    for (uint32_t i = 0; i < model->n_inputs; i++)
        if (is_control(model, i)) get_control(&at, &voice->controls[i]);
    for (uint32_t i = 0; i < model->net.n_states; i++) {
        const es_state *state = &model->net.states[i];
        get(&at, voice->state + state->offset,
            (size_t)state->elements * es_state_width(state->dtype));
    }
    return ES_OK;
}
