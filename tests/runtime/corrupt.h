/* corrupt.h - repairs a damaged artifact's checksum and plays it, for the sweep and the fuzzer. First include. */
#ifndef CORRUPT_H
#define CORRUPT_H

#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "edgesynth.h"

enum { MOST_BYTES = 32 << 20, MOST_FRAMES = 97, MOST_FLOATS = 1 << 20 };

static void repair(uint8_t *data, size_t bytes) {
    static uint32_t table[256];
    uint32_t size, crc = 0xffffffffu;
    if (bytes < 96) return;
    for (uint32_t i = 0; table[255] == 0 && i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++) c = c & 1 ? (c >> 1) ^ 0xedb88320u : c >> 1;
        table[i] = c;
    }
    memcpy(&size, data + 8, 4);
    if (size > bytes || size < 16) return;
    for (size_t i = 16; i < size; i++) crc = table[(crc ^ data[i]) & 0xff] ^ (crc >> 8);
    crc = ~crc;
    memcpy(data + 12, &crc, 4);
}

static uint32_t next_random(uint32_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* Memory of exactly `bytes` (so that a sanitizer sees one too many), NULL beyond the limit. */
static void *take(size_t bytes) {
    void *p = NULL;
    if (bytes == 0 || bytes > MOST_BYTES || posix_memalign(&p, ES_ALIGN, bytes) != 0) return NULL;
    return p;
}

static es_event random_event(uint32_t *seed, uint32_t frames) {
    es_event e;
    e.offset = next_random(seed) % frames;
    e.type = next_random(seed) % 5;
    e.index = next_random(seed) % (e.type == ES_EVENT_CONTROL ? 3 : 128);
    e.value = (float)(next_random(seed) % 1000) / 999.0f;
    e.ramp = (float)(next_random(seed) % 200) - 50.0f;
    return e;
}

/* One block of random frames, inputs, events. Each buffer has just the size the header says. */
static void block(const es_model *model, const es_model_info *info, es_voice *voice,
                  uint32_t *seed) {
    uint32_t frames = 1 + next_random(seed) % MOST_FRAMES;
    uint32_t ports = info->inputs + info->outputs;
    float **buffers = calloc(ports + 1, sizeof *buffers);
    uint64_t total = 0;
    int fits = 1;
    for (uint32_t i = 0; i < ports && fits; i++) {
        es_port port;
        es_direction side = i < info->inputs ? ES_INPUT : ES_OUTPUT;
        if (es_model_port(model, side, side == ES_INPUT ? i : i - info->inputs, &port) != ES_OK)
            abort();
        uint64_t steps = es_voice_due(voice, port.period, frames);
        if (side == ES_INPUT && port.kind == ES_CONTROL)
            steps = next_random(seed) % 3 == 0 ? frames : 0;
        uint64_t floats = steps * port.channels;
        total += floats;
        fits = total <= MOST_FLOATS;
        if (!fits || floats == 0) continue;
        buffers[i] = malloc(floats * sizeof(float));
        for (uint64_t k = 0; k < floats; k++) {
            uint32_t bits = next_random(seed);
            buffers[i][k] = (float)(int32_t)bits / 2147483648.0f;
            if (bits % 97 == 0) memcpy(&buffers[i][k], &bits, 4); /* any float, NaN too */
        }
    }
    es_event events[3];
    for (int i = 0; i < 3; i++) events[i] = random_event(seed, frames);
    if (fits)
        (void)es_voice_process(voice, frames, (const float *const *)buffers,
                               buffers + info->inputs, events, next_random(seed) % 4);
    for (uint32_t i = 0; i < ports; i++) free(buffers[i]);
    free(buffers);
}

/* 1 if the artifact opened and was played. */
static int play(const uint8_t *data, size_t bytes, uint32_t seed) {
    const es_kernels *tables[3] = {es_kernels_named("scalar"), es_kernels_named("avx2"),
                                   es_kernels_named("avx512")};
    const es_kernels *kernels = tables[seed % 3] ? tables[seed % 3] : es_kernels_best();
    const es_model *model = NULL;
    es_voice *voice = NULL;
    es_model_info info;
    size_t need = 0;
    int played = 0;
    seed = seed * 2654435761u | 1u;
    if (es_model_open(data, bytes, kernels, NULL, &need, NULL) != ES_OK) return 0;
    void *model_memory = take(need), *voice_memory = NULL, *saved = NULL;
    if (model_memory && es_model_open(data, bytes, kernels, model_memory, &need, &model) == ES_OK &&
        es_model_describe(model, &info) == ES_OK && (voice_memory = take(info.voice_bytes)) &&
        es_voice_open(model, voice_memory, &info.voice_bytes, &voice) == ES_OK) {
        for (int i = 0; i < 3; i++) block(model, &info, voice, &seed);
        saved = take(info.state_bytes);
        if (saved && es_voice_save(voice, saved, info.state_bytes) == ES_OK) {
            uint8_t *byte = saved;
            size_t from = next_random(&seed) % 2 ? 36 : 72; /* 72: what follows the saved head */
            for (size_t i = from; i < info.state_bytes; i++) /* any state may be loaded */
                if (next_random(&seed) % 8 == 0) byte[i] = (uint8_t)next_random(&seed);
            (void)es_voice_load(voice, saved, info.state_bytes);
            for (int i = 0; i < 2; i++) block(model, &info, voice, &seed);
        }
        (void)es_voice_self_test(voice, NULL);
        played = 1;
    }
    free(saved);
    free(voice_memory);
    free(model_memory);
    return played;
}

#endif
