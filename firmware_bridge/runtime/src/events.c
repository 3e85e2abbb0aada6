/* events.c - control changes, notes, controllers and bend, as ramps on the controls.
 *
 * Every value is a function of the absolute frame, so that no split of a block shows. One voice
 * plays one note: the key pressed last sounds; when it is let go, the one before it that is still
 * held sounds again; velocity falls to `off` when the last one is let go. A bend transposes the
 * ports that have a bend row, whatever set them. */
#include <string.h>

#include "voice.h"

#define LARGEST 3.402823466e38

/* 2^x for |x| below 1000, by its series on [0, 1); multiply and add only, so that every machine
 * comes to the same bits. */
static double power_of_two(double x) {
    int whole = (int)x - (x < (double)(int)x);
    double y = (x - whole) * 0.69314718055994530942, term = 1.0, sum = 1.0;
    for (int i = 1; i < 20; i++) {
        term *= y / i;
        sum += term;
    }
    for (; whole > 0; whole--) sum *= 2.0;
    for (; whole < 0; whole++) sum *= 0.5;
    return sum;
}

float es_control_at(const es_control *control, uint64_t at) {
    double gone = (double)(at - control->start);
    if (!(gone < control->length)) return control->to;
    double from = control->from, to = control->to;
    return (float)(from + (to - from) * (gone / control->length));
}

float es_control_clip(const es_port *port, float value) {
    if (!es_finite(value)) value = 0.0f;
    if (port->low == 0.0f && port->high == 0.0f) return value;
    return value < port->low ? port->low : value > port->high ? port->high : value;
}

/* 2^(bend in octaves) of a port; 1 without a bend row. */
static double bend_ratio(const es_voice *voice, uint32_t port) {
    const es_model *model = voice->model;
    double octaves = 0.0;
    if (voice->bend == 0.0f) return 1.0;
    for (uint32_t i = 0; i < model->n_midi; i++)
        if (model->midi[i].source == ES_BEND && model->midi[i].port == port)
            octaves += (double)voice->bend * model->midi[i].high / 12.0;
    return power_of_two(octaves > 900.0 ? 900.0 : octaves < -900.0 ? -900.0 : octaves);
}

/* Head for `base`, bent, from wherever the control is at frame `at`. */
static void move(es_voice *voice, uint32_t port, double base, double length, uint64_t at) {
    const es_port *spec = &voice->model->ports[port].port;
    es_control *control = &voice->controls[port];
    double bent = base * bend_ratio(voice, port);
    bent = bent > LARGEST ? LARGEST : bent < -LARGEST ? -LARGEST : bent;
    base = base > LARGEST ? LARGEST : base < -LARGEST ? -LARGEST : base;
    control->from = es_control_at(control, at);
    control->to = es_control_clip(spec, (float)bent);
    control->base = (float)base;
    control->start = at;
    control->length = length;
}

void es_events_reset(es_voice *voice) {
    voice->bend = 0.0f;
    voice->n_held = 0;
    memset(voice->held, 0, sizeof voice->held);
    for (uint32_t i = 0; i < voice->model->n_inputs; i++) {
        const es_port *port = &voice->model->ports[i].port;
        es_control *control = &voice->controls[i];
        memset(control, 0, sizeof *control);
        control->from = control->to = control->base = es_control_clip(port, port->initial);
    }
}

static int in_range(const es_voice *voice, const es_event *event) {
    switch (event->type) {
    case ES_EVENT_CONTROL:
        return event->index < voice->model->n_inputs && es_finite(event->ramp) &&
               voice->model->ports[event->index].port.kind == ES_CONTROL;
    case ES_EVENT_NOTE_ON:
    case ES_EVENT_CC: return event->index < 128 && event->value >= 0.0f && event->value <= 1.0f;
    case ES_EVENT_NOTE_OFF: return event->index < 128;
    case ES_EVENT_BEND: return event->value >= -1.0f && event->value <= 1.0f;
    default: return 0;
    }
}

es_status es_events_check(const es_voice *voice, uint32_t frames, const es_event *events,
                          uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (events[i].offset >= frames || !es_finite(events[i].value)) return ES_ERR_EVENT;
        if (i > 0 && events[i].offset < events[i - 1].offset) return ES_ERR_EVENT;
        if (!in_range(voice, &events[i])) return ES_ERR_EVENT;
    }
    return ES_OK;
}

/* Take the key out of the held ones; 1 if it was the one that sounds. */
static int lift(es_voice *voice, uint8_t key) {
    for (uint32_t i = 0; i < voice->n_held; i++) {
        if (voice->held[i] != key) continue;
        voice->n_held--;
        memmove(voice->held + i, voice->held + i + 1, voice->n_held - i);
        voice->held[voice->n_held] = 0;
        return i == voice->n_held;
    }
    return 0;
}

static void press(es_voice *voice, uint8_t key) {
    (void)lift(voice, key);
    if (voice->n_held == ES_HELD_KEYS) (void)lift(voice, voice->held[0]);
    voice->held[voice->n_held++] = key;
}

static double hertz(uint8_t key) { return 440.0 * power_of_two(((int)key - 69) / 12.0); }

static double between(const es_midi_row *row, double share) {
    return row->low + ((double)row->high - row->low) * share;
}

static void note_on(es_voice *voice, const es_event *event, uint64_t at) {
    const es_model *model = voice->model;
    press(voice, (uint8_t)event->index);
    for (uint32_t i = 0; i < model->n_midi; i++) {
        const es_midi_row *row = &model->midi[i];
        if (row->source == ES_KEY)
            move(voice, row->port, hertz((uint8_t)event->index), row->attack, at);
        if (row->source == ES_VELOCITY)
            move(voice, row->port, between(row, event->value), row->attack, at);
    }
}

static void note_off(es_voice *voice, const es_event *event, uint64_t at) {
    const es_model *model = voice->model;
    if (!lift(voice, (uint8_t)event->index)) return;
    for (uint32_t i = 0; i < model->n_midi; i++) {
        const es_midi_row *row = &model->midi[i];
        if (row->source == ES_KEY && voice->n_held > 0)
            move(voice, row->port, hertz(voice->held[voice->n_held - 1]), row->attack, at);
        if (row->source == ES_VELOCITY && voice->n_held == 0)
            move(voice, row->port, row->off, row->release, at);
    }
}

static void controller(es_voice *voice, const es_event *event, uint64_t at) {
    const es_model *model = voice->model;
    int bend = event->type == ES_EVENT_BEND;
    if (bend) voice->bend = event->value;
    for (uint32_t i = 0; i < model->n_midi; i++) {
        const es_midi_row *row = &model->midi[i];
        if (bend && row->source == ES_BEND)
            move(voice, row->port, voice->controls[row->port].base, row->attack, at);
        if (!bend && row->source == ES_CC && row->number == event->index)
            move(voice, row->port, between(row, event->value), row->attack, at);
    }
}

void es_event_apply(es_voice *voice, const es_event *event, uint64_t at) {
    if (event->type == ES_EVENT_CONTROL) {
        const es_port *port = &voice->model->ports[event->index].port;
        double length = event->ramp < 0.0f ? (double)port->ramp : (double)event->ramp;
        move(voice, event->index, event->value, length, at);
    } else if (event->type == ES_EVENT_NOTE_OFF ||
               (event->type == ES_EVENT_NOTE_ON && event->value == 0.0f)) {
        note_off(voice, event, at);
    } else if (event->type == ES_EVENT_NOTE_ON) {
        note_on(voice, event, at);
    } else {
        controller(voice, event, at);
    }
}
