/* voice.c - one stream in caller memory, and its rendering in passes of at most `chunk` frames. */
#include "voice.h"

#include <string.h>

#include "float_mode.h"

typedef struct layout {
    uint64_t controls, calls, pointers, arena, state, scratch, golden, golden_in, golden_out, end;
} layout;

static layout lay_out(const es_model *model) {
    layout l;
    uint64_t at = 0;
    es_carve(&at, sizeof(es_voice));
    l.controls = es_carve(&at, sizeof(es_control) * (uint64_t)model->n_inputs);
    l.calls = es_carve(&at, sizeof(es_call) * (uint64_t)model->net.n_nodes);
    l.pointers = es_carve(&at, sizeof(void *) * (uint64_t)model->pointers);
    l.arena = es_carve(&at, sizeof(float) * (uint64_t)model->net.arena_floats);
    l.state = es_carve(&at, model->state_bytes);
    l.scratch = es_carve(&at, model->scratch_bytes);
    l.golden = es_carve(&at, model->golden.frames ? 4 * (uint64_t)model->golden.floats_out : 0);
    l.golden_in = es_carve(&at, sizeof(float *) * (uint64_t)model->n_inputs);
    l.golden_out = es_carve(&at, sizeof(float *) * (uint64_t)model->n_outputs);
    l.end = at;
    return l;
}

static void bind_calls(es_voice *voice, void **pointers, float *scratch) {
    const es_model *model = voice->model;
    const es_net *net = &model->net;
    for (uint32_t i = 0; i < net->n_nodes; i++) {
        const es_node *node = &net->nodes[i];
        es_call *call = &voice->calls[i];
        const float **in = (const float **)(void *)pointers;
        float **out = (float **)(void *)(pointers + node->n_in);
        void **state = pointers + node->n_in + node->n_out;
        pointers = state + node->n_state;
        for (uint32_t j = 0; j < node->n_in; j++)
            in[j] = voice->arena + net->values[node->in[j]].offset;
        for (uint32_t j = 0; j < node->n_out; j++)
            out[j] = voice->arena + net->values[node->out[j]].offset;
        for (uint32_t j = 0; j < node->n_state; j++)
            state[j] = voice->state + net->states[node->state[j]].offset;
        call->net = net;
        call->node = node;
        call->in = in;
        call->out = out;
        call->state = state;
        call->prepared = model->prepared[i];
        call->scratch = scratch;
    }
}

es_status es_voice_open(const es_model *model, void *mem, size_t *mem_bytes, es_voice **out) {
    if (!model || !mem_bytes || (mem && !out)) return ES_ERR_ARGUMENT;
    if ((uintptr_t)mem % ES_ALIGN) return ES_ERR_MEMORY;
    layout l = lay_out(model);
    if (l.end > PTRDIFF_MAX) return ES_ERR_MEMORY;
    if (!mem) {
        *mem_bytes = (size_t)l.end;
        return ES_OK;
    }
    if (*mem_bytes < l.end) return ES_ERR_MEMORY;
    uint8_t *base = mem;
    es_voice *voice = mem;
    memset(mem, 0, (size_t)l.end);
    voice->model = model;
    voice->controls = (void *)(base + l.controls);
    voice->calls = (void *)(base + l.calls);
    voice->arena = (void *)(base + l.arena);
    voice->state = base + l.state;
    voice->golden = (void *)(base + l.golden);
    voice->golden_in = (void *)(base + l.golden_in);
    voice->golden_out = (void *)(base + l.golden_out);
    bind_calls(voice, (void *)(base + l.pointers), (void *)(base + l.scratch));
    *out = voice;
    return es_voice_reset(voice);
}

uint64_t es_voice_clock(const es_voice *voice) { return voice ? voice->clock : 0; }

/* One block while it is rendered: frames [start, start + frames), of which `done` are. */
typedef struct block {
    uint64_t start;
    uint32_t frames, done, now; /* now: frames of this pass */
    const float *const *in;
    float *const *out;
} block;

/* Steps of `period` in the whole block, before this pass, and in this pass. */
typedef struct steps {
    uint32_t all, before, now;
} steps;

static steps count_steps(const block *b, uint32_t period) {
    steps s;
    s.all = es_due(period, b->start, b->frames);
    s.before = es_due(period, b->start, b->done);
    s.now = es_due(period, b->start + b->done, b->now);
    return s;
}

static float clean(float x) { return es_finite(x) ? x : 0.0f; }

static void read_input(es_voice *voice, const block *b, uint32_t port) {
    const es_value *value = &voice->model->net.values[voice->model->ports[port].value];
    steps s = count_steps(b, value->period);
    float *to = voice->arena + value->offset;
    for (uint32_t c = 0; s.now && c < value->channels; c++) {
        const float *from = b->in[port] + (size_t)c * s.all + s.before;
        for (uint32_t i = 0; i < s.now; i++) to[(size_t)i * value->stride + c] = clean(from[i]);
    }
}

static void write_output(const es_voice *voice, const block *b, uint32_t port) {
    const es_model *model = voice->model;
    const es_value *value = &model->net.values[model->ports[model->n_inputs + port].value];
    steps s = count_steps(b, value->period);
    const float *from = voice->arena + value->offset;
    for (uint32_t c = 0; s.now && c < value->channels; c++) {
        float *to = b->out[port] + (size_t)c * s.all + s.before;
        for (uint32_t i = 0; i < s.now; i++) to[i] = from[(size_t)i * value->stride + c];
    }
}

/* A control's steps in frames [from, to) of the block, both within this pass. */
static void sample_control(es_voice *voice, const block *b, uint32_t port, uint32_t from,
                           uint32_t to) {
    const es_port_row *row = &voice->model->ports[port];
    const float *values = b->in ? b->in[port] : NULL;
    uint64_t pass = b->start + b->done, period = row->port.period;
    float *at = voice->arena + voice->model->net.values[row->value].offset;
    at += es_due(row->port.period, pass, from - b->done);
    uint64_t first = (b->start + from + period - 1) / period * period;
    for (uint64_t frame = first; frame < b->start + to; frame += period)
        *at++ = values ? es_control_clip(&row->port, values[frame - b->start])
                       : es_control_at(&voice->controls[port], frame);
}

static void sample_controls(es_voice *voice, const block *b, uint32_t from, uint32_t to) {
    for (uint32_t i = 0; i < voice->model->n_inputs && from < to; i++)
        if (voice->model->ports[i].port.kind == ES_CONTROL) sample_control(voice, b, i, from, to);
}

static void run_nodes(es_voice *voice, const block *b) {
    const es_net *net = &voice->model->net;
    uint64_t clock = b->start + b->done;
    uint32_t period = 1, count = b->now; /* neighbours mostly share a period: divide once */
    for (uint32_t i = 0; i < net->n_nodes; i++) {
        es_call *call = &voice->calls[i];
        if (net->nodes[i].period != period) {
            period = net->nodes[i].period;
            count = period == 1 ? b->now : es_due(period, clock, b->now);
        }
        call->clock = clock;
        call->frames = b->now;
        call->count = count;
        if (call->count) voice->model->ops[i]->run(call);
    }
}

/* Steps that fall into the block, where the port needs a buffer at all. */
static int needs_buffer(const es_voice *voice, const es_port *port, uint32_t frames) {
    if (port->kind == ES_EVENT || (port->kind == ES_CONTROL && port->direction == ES_INPUT))
        return 0;
    return es_due(port->period, voice->clock, frames) > 0;
}

static es_status check_buffers(const es_voice *voice, uint32_t frames, const float *const *in,
                               float *const *out) {
    const es_model *model = voice->model;
    if (frames < 1 || frames > ES_CLOCK_END - voice->clock - 1) return ES_ERR_ARGUMENT;
    for (uint32_t i = 0; i < model->n_inputs; i++)
        if (needs_buffer(voice, &model->ports[i].port, frames) && (!in || !in[i]))
            return ES_ERR_ARGUMENT;
    return model->n_outputs && !out ? ES_ERR_ARGUMENT : ES_OK;
}

/* A control that is given as values holds the last of them after the block. It is read before
 * anything is rendered, for an output may lie in the same memory. */
static void note_last(es_voice *voice, const block *b) {
    for (uint32_t i = 0; b->in && i < voice->model->n_inputs; i++) {
        const es_port *port = &voice->model->ports[i].port;
        if (port->kind == ES_CONTROL && b->in[i])
            voice->controls[i].last = es_control_clip(port, b->in[i][b->frames - 1]);
    }
}

static void hold_last(es_voice *voice, const block *b) {
    for (uint32_t i = 0; b->in && i < voice->model->n_inputs; i++) {
        es_control *control = &voice->controls[i];
        if (voice->model->ports[i].port.kind != ES_CONTROL || !b->in[i]) continue;
        control->from = control->to = control->base = control->last;
        control->start = b->start + b->frames - 1;
        control->length = 0.0;
    }
}

es_status es_voice_process(es_voice *voice, uint32_t frames, const float *const *in,
                           float *const *out, const es_event *events, uint32_t event_count) {
    if (!voice || (event_count && !events)) return ES_ERR_ARGUMENT;
    const es_model *model = voice->model;
    es_status status = check_buffers(voice, frames, in, out);
    if (status == ES_OK) status = es_events_check(voice, frames, events, event_count);
    if (status != ES_OK) return status;

    es_float_mode mode = es_float_enter();
    block b = {voice->clock, frames, 0, 0, in, out};
    note_last(voice, &b);
    for (; b.done < frames; b.done += b.now) {
        b.now = frames - b.done < model->net.chunk ? frames - b.done : model->net.chunk;
        for (uint32_t i = 0; i < model->n_inputs; i++)
            if (model->ports[i].port.kind < ES_CONTROL) read_input(voice, &b, i);
        uint32_t sampled = b.done;
        for (; event_count && events->offset < b.done + b.now; events++, event_count--) {
            sample_controls(voice, &b, sampled, events->offset);
            sampled = events->offset;
            es_event_apply(voice, events, b.start + events->offset);
        }
        sample_controls(voice, &b, sampled, b.done + b.now);
        run_nodes(voice, &b);
        for (uint32_t i = 0; i < model->n_outputs; i++)
            if (out[i]) write_output(voice, &b, i);
    }
    hold_last(voice, &b);
    voice->clock += frames;
    es_float_leave(mode);
    return ES_OK;
}
