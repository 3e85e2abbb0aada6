/* Replays kernel cases from stdin on one instruction set: for emulators and sanitizers.
 *
 * A case, all u32 words: op, period, chunk, then counts of inputs, params, states, attributes and
 * calls; per value (inputs, output) channels and period; per param 1 or 0 (absent), and if there
 * format, layout, blocks, rank, dims[4], data bytes, scale bytes, data, scale; per state dtype and
 * elements; attributes; calls' frames; per input the number of floats and the floats.
 * Out: the status, then the number of floats and the floats of the live outputs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"
#include "vec/vec.h"

extern const es_kernels ES_NAME(es_kernels);

static uint32_t word(void) {
    uint32_t w = 0;
    if (fread(&w, 4, 1, stdin) != 1) exit(0);
    return w;
}

/* Zeros, no longer than the next multiple of 64 bytes: a sanitizer sees what lies beyond. */
static void *aligned(size_t bytes) {
    size_t size = bytes ? (bytes + 63) / 64 * 64 : 64;
    void *to = aligned_alloc(64, size);
    if (!to) exit(1);
    return memset(to, 0, size);
}

static void *blob(size_t bytes) {
    void *to = aligned(bytes);
    if (bytes && fread(to, 1, bytes, stdin) != bytes) exit(1);
    return to;
}

static void replay(uint32_t id) {
    es_value values[8] = {{0}};
    es_param params[8] = {{0}};
    es_state states[8] = {{0}};
    es_word attrs[8] = {{0}};
    uint32_t in[8], out[1], par[8], st[8], calls[1024], at[8] = {0};
    void *memory[8];
    float *inputs[8], *arena[8];
    const float *from[8];
    es_node node = {id, word(), 0, 1, 0, 0, 0, in, out, par, st, attrs};
    es_net net = {values, params, states, &node, 0, 0, 0, 1, word(), 0, 0.0f};
    node.n_in = word();
    node.n_par = word();
    node.n_state = word();
    node.n_attr = word();
    uint32_t n_calls = word();
    net.n_values = node.n_in + 1;
    net.n_params = node.n_par;
    net.n_states = node.n_state;
    out[0] = node.n_in;
    for (uint32_t i = 0; i <= node.n_in; i++) {
        es_value *v = &values[i];
        in[i] = i;
        v->channels = word();
        v->period = word();
        v->stride = v->channels == 1 ? 1 : (v->channels + 15) / 16 * 16;
        v->capacity = (net.chunk + v->period - 1) / v->period;
        arena[i] = aligned(((size_t)v->capacity * v->stride + 16) * 4);
        from[i] = arena[i];
    }
    for (uint32_t i = 0; i < node.n_par; i++) {
        es_param *p = &params[i];
        par[i] = word() ? i : ES_NONE;
        if (par[i] == ES_NONE) continue;
        p->format = word();
        p->layout = word();
        p->blocks = word();
        p->rank = word();
        for (int d = 0; d < 4; d++) p->dims[d] = word();
        uint32_t bytes = word(), scale = word();
        p->data = blob(bytes);
        p->scale = scale ? blob(scale) : NULL;
    }
    for (uint32_t i = 0; i < node.n_state; i++) {
        st[i] = i;
        states[i].dtype = word();
        states[i].elements = word();
        states[i].init = ES_NONE;
        memory[i] = aligned((size_t)states[i].elements * 8);
    }
    for (uint32_t i = 0; i < node.n_attr; i++) attrs[i].u = word();
    for (uint32_t i = 0; i < n_calls; i++) calls[i] = word();
    for (uint32_t i = 0; i < node.n_in; i++) inputs[i] = blob(4 * (size_t)word());

    const es_op *op = NULL;
    for (const es_op *const *o = ES_NAME(es_kernels).ops; *o; o++)
        if ((*o)->id == id) op = *o;
    int32_t status = op ? op->check(&net, &node) : ES_ERR_OP;
    uint32_t total = 0;
    fwrite(&status, 4, 1, stdout);
    if (status) return;
    for (uint32_t i = 0; i < n_calls; i++) total += calls[i];
    total = es_due(node.period, 0, total) * values[node.n_in].channels;
    fwrite(&total, 4, 1, stdout);
    void *prepared = aligned(op->prepared ? op->prepared(&net, &node) : 0);
    if (op->prepare) op->prepare(&net, &node, prepared);
    size_t spare = op->scratch ? op->scratch(&net, &node) : 0;
    float *scratch = aligned(spare);
    memset(scratch, 0xff, spare);
    es_call call = {&net, &node, 0, 0, 0, from, &arena[node.n_in], memory, prepared, scratch};
    for (uint32_t i = 0; i < n_calls; call.clock += calls[i++]) {
        for (uint32_t k = 0; k < node.n_in; k++) {
            const es_value *v = &values[k];
            uint32_t due = es_due(v->period, call.clock, calls[i]);
            for (uint32_t f = 0; f < due; f++, at[k] += v->channels)
                memcpy(arena[k] + (size_t)f * v->stride, inputs[k] + at[k], 4 * v->channels);
        }
        const es_value *y = &values[node.n_in];
        call.frames = calls[i];
        call.count = es_due(node.period, call.clock, calls[i]);
        if (call.count) op->run(&call);
        for (uint32_t f = 0; f < call.count; f++)
            fwrite(arena[node.n_in] + (size_t)f * y->stride, 4, y->channels, stdout);
    }
}

int main(void) {
    for (;;) replay(word());
}
