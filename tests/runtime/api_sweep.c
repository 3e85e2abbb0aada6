/* api_sweep.c - calls every function of the public header with arguments that are wrong in one way
 * each, and checks that it says so and changes nothing. argv[1]: an artifact with an audio or
 * frame input, a control and an output. */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edgesynth.h"

static int failures;

#define EXPECT(condition)                                                \
    do {                                                                 \
        if (!(condition)) {                                              \
            printf("line %d: %s\n", __LINE__, #condition);               \
            failures++;                                                  \
        }                                                                \
    } while (0)

enum { FRAMES = 256 };

static void *aligned(size_t bytes) {
    return aligned_alloc(ES_ALIGN, (bytes + ES_ALIGN - 1) / ES_ALIGN * ES_ALIGN + ES_ALIGN);
}

static void model(const void *blob, size_t bytes, const es_kernels *k) {
    const es_model *m = NULL;
    es_model_info info;
    es_port port;
    size_t need = 0, less;
    EXPECT(es_model_open(NULL, bytes, k, NULL, &need, NULL) == ES_ERR_ARGUMENT);
    EXPECT(es_model_open(blob, bytes, NULL, NULL, &need, NULL) == ES_ERR_ARGUMENT);
    EXPECT(es_model_open(blob, bytes, k, NULL, NULL, NULL) == ES_ERR_ARGUMENT);
    EXPECT(es_model_open((const char *)blob + 4, bytes - 4, k, NULL, &need, NULL) == ES_ERR_MEMORY);
    EXPECT(es_model_open(blob, 0, k, NULL, &need, NULL) == ES_ERR_MAGIC);
    EXPECT(es_model_open(blob, 50, k, NULL, &need, NULL) == ES_ERR_TRUNCATED);
    EXPECT(es_model_open(blob, bytes - 1, k, NULL, &need, NULL) == ES_ERR_TRUNCATED);
    EXPECT(es_model_open(blob, bytes, k, NULL, &need, NULL) == ES_OK && need > 0);
    char *mem = aligned(need);
    EXPECT(es_model_open(blob, bytes, k, mem, &need, NULL) == ES_ERR_ARGUMENT);
    EXPECT(es_model_open(blob, bytes, k, mem + 8, &need, &m) == ES_ERR_MEMORY);
    less = need - 1;
    EXPECT(es_model_open(blob, bytes, k, mem, &less, &m) == ES_ERR_MEMORY && m == NULL);
    EXPECT(es_model_open(blob, bytes, k, mem, &need, &m) == ES_OK && m != NULL);
    EXPECT(es_model_describe(NULL, &info) == ES_ERR_ARGUMENT);
    EXPECT(es_model_describe(m, NULL) == ES_ERR_ARGUMENT);
    EXPECT(es_model_describe(m, &info) == ES_OK);
    EXPECT(es_model_port(NULL, ES_INPUT, 0, &port) == ES_ERR_ARGUMENT);
    EXPECT(es_model_port(m, ES_INPUT, 0, NULL) == ES_ERR_ARGUMENT);
    EXPECT(es_model_port(m, ES_INPUT, info.inputs, &port) == ES_ERR_PORT);
    EXPECT(es_model_port(m, ES_OUTPUT, info.outputs, &port) == ES_ERR_PORT);
    EXPECT(es_model_port(m, (es_direction)2, 0, &port) == ES_ERR_PORT);
    free(mem);
}

static void texts(void) {
    for (int i = -30; i < 5; i++)
        EXPECT(es_status_text((es_status)i) && es_status_text((es_status)i)[0]);
    EXPECT(strcmp(es_status_text(ES_OK), "ok") == 0);
    EXPECT(es_version() && es_version()[0]);
    EXPECT(es_kernels_best() && es_kernels_named("scalar"));
    EXPECT(!es_kernels_named(NULL) && !es_kernels_named("") && !es_kernels_named("sse9"));
    EXPECT(strcmp(es_kernels_name(es_kernels_named("scalar")), "scalar") == 0);
    EXPECT(strcmp(es_kernels_name(NULL), "") == 0);
}

static void files(const char *path) {
    void *blob = NULL;
    size_t bytes = 0;
    EXPECT(es_file_read(NULL, &blob, &bytes) == ES_ERR_ARGUMENT);
    EXPECT(es_file_read(path, NULL, &bytes) == ES_ERR_ARGUMENT);
    EXPECT(es_file_read(path, &blob, NULL) == ES_ERR_ARGUMENT);
    EXPECT(es_file_read("/nowhere/at/all", &blob, &bytes) == ES_ERR_FILE);
    EXPECT(es_file_read("/", &blob, &bytes) == ES_ERR_FILE && blob == NULL);
    es_file_free(NULL);
}

typedef struct stream {
    es_voice *voice;
    const es_model *model;
    es_model_info info;
    const float **in;
    float **out;
} stream;

/* One block with one event, which must fail and leave the clock alone. */
static es_status event(const stream *s, uint32_t offset, uint32_t type, uint32_t index, float value,
                       float ramp) {
    es_event e = {offset, type, index, value, ramp};
    uint64_t clock = es_voice_clock(s->voice);
    es_status status = es_voice_process(s->voice, FRAMES, s->in, s->out, &e, 1);
    EXPECT(status == ES_OK || es_voice_clock(s->voice) == clock);
    return status;
}

static void events(const stream *s) {
    uint32_t control = 0;
    es_port port;
    while (es_model_port(s->model, ES_INPUT, control, &port) == ES_OK && port.kind != ES_CONTROL)
        control++;
    EXPECT(event(s, FRAMES, ES_EVENT_CONTROL, control, 1, 0) == ES_ERR_EVENT);
    EXPECT(event(s, 0, ES_EVENT_CONTROL, s->info.inputs, 1, 0) == ES_ERR_EVENT);
    EXPECT(event(s, 0, ES_EVENT_CONTROL, UINT32_MAX, 1, 0) == ES_ERR_EVENT);
    EXPECT(event(s, 0, ES_EVENT_CONTROL, control, NAN, 0) == ES_ERR_EVENT);
    EXPECT(event(s, 0, ES_EVENT_CONTROL, control, 1, INFINITY) == ES_ERR_EVENT);
    EXPECT(event(s, 0, ES_EVENT_NOTE_ON, 128, 1, 0) == ES_ERR_EVENT);
    EXPECT(event(s, 0, ES_EVENT_NOTE_ON, 60, 1.5f, 0) == ES_ERR_EVENT);
    EXPECT(event(s, 0, ES_EVENT_NOTE_OFF, 128, 0, 0) == ES_ERR_EVENT);
    EXPECT(event(s, 0, ES_EVENT_CC, 128, 0, 0) == ES_ERR_EVENT);
    EXPECT(event(s, 0, ES_EVENT_CC, 1, -0.5f, 0) == ES_ERR_EVENT);
    EXPECT(event(s, 0, ES_EVENT_BEND, 0, -1.5f, 0) == ES_ERR_EVENT);
    EXPECT(event(s, 0, 5, 0, 0, 0) == ES_ERR_EVENT);
    EXPECT(event(s, 0, UINT32_MAX, 0, 0, 0) == ES_ERR_EVENT);
    es_event unsorted[2] = {{9, ES_EVENT_BEND, 0, 0, 0}, {8, ES_EVENT_BEND, 0, 0, 0}};
    EXPECT(es_voice_process(s->voice, FRAMES, s->in, s->out, unsorted, 2) == ES_ERR_EVENT);
    EXPECT(es_voice_process(s->voice, FRAMES, s->in, s->out, NULL, 1) == ES_ERR_ARGUMENT);
    EXPECT(event(s, FRAMES - 1, ES_EVENT_CONTROL, control, FLT_MAX, 3e38f) == ES_OK);
    EXPECT(event(s, 0, ES_EVENT_CONTROL, control, -FLT_MAX, -1) == ES_OK);
}

static void state(const stream *s) {
    size_t bytes = s->info.state_bytes;
    unsigned char *saved = malloc(bytes), *bad = malloc(bytes);
    EXPECT(es_voice_save(NULL, saved, bytes) == ES_ERR_ARGUMENT);
    EXPECT(es_voice_save(s->voice, NULL, bytes) == ES_ERR_ARGUMENT);
    EXPECT(es_voice_save(s->voice, saved, bytes - 1) == ES_ERR_MEMORY);
    EXPECT(es_voice_save(s->voice, saved, bytes) == ES_OK);
    EXPECT(es_voice_load(NULL, saved, bytes) == ES_ERR_ARGUMENT);
    EXPECT(es_voice_load(s->voice, NULL, bytes) == ES_ERR_ARGUMENT);
    EXPECT(es_voice_load(s->voice, saved, bytes - 1) == ES_ERR_TRUNCATED);
    EXPECT(es_voice_load(s->voice, saved, 0) == ES_ERR_TRUNCATED);
    for (size_t i = 0; i < bytes; i++) { /* any byte changed: refused, or played without harm */
        memcpy(bad, saved, bytes);
        bad[i] ^= 0xff;
        es_status status = es_voice_load(s->voice, bad, bytes);
        if (i < 4) EXPECT(status == ES_ERR_MAGIC);
        else if (i < 36) EXPECT(status == ES_ERR_MODEL);
        else EXPECT(status == ES_OK || status == ES_ERR_STATE);
        (void)es_voice_process(s->voice, FRAMES, s->in, s->out, NULL, 0);
    }
    EXPECT(es_voice_load(s->voice, saved, bytes) == ES_OK);
    free(saved);
    free(bad);
}

static void voice(const es_model *m) {
    stream s = {.model = m};
    size_t need = 0, less;
    EXPECT(es_model_describe(m, &s.info) == ES_OK);
    EXPECT(es_voice_open(NULL, NULL, &need, NULL) == ES_ERR_ARGUMENT);
    EXPECT(es_voice_open(m, NULL, NULL, NULL) == ES_ERR_ARGUMENT);
    EXPECT(es_voice_open(m, NULL, &need, NULL) == ES_OK && need == s.info.voice_bytes);
    char *mem = aligned(need);
    less = need - 1;
    EXPECT(es_voice_open(m, mem, &need, NULL) == ES_ERR_ARGUMENT);
    EXPECT(es_voice_open(m, mem + 4, &need, &s.voice) == ES_ERR_MEMORY);
    EXPECT(es_voice_open(m, mem, &less, &s.voice) == ES_ERR_MEMORY && !s.voice);
    EXPECT(es_voice_open(m, mem, &need, &s.voice) == ES_OK);
    s.in = calloc(s.info.inputs + 1, sizeof *s.in);
    s.out = calloc(s.info.outputs + 1, sizeof *s.out);
    es_port port = {0};
    int needs_input = 0;
    for (uint32_t i = 0; i < s.info.inputs; i++) {
        EXPECT(es_model_port(m, ES_INPUT, i, &port) == ES_OK);
        needs_input |= port.kind < ES_CONTROL;
        if (port.kind < ES_CONTROL) s.in[i] = calloc((size_t)port.channels * FRAMES, sizeof(float));
    }
    for (uint32_t i = 0; i < s.info.outputs; i++) {
        EXPECT(es_model_port(m, ES_OUTPUT, i, &port) == ES_OK);
        s.out[i] = calloc((size_t)port.channels * FRAMES, sizeof(float));
    }
    EXPECT(es_voice_process(NULL, FRAMES, s.in, s.out, NULL, 0) == ES_ERR_ARGUMENT);
    EXPECT(es_voice_process(s.voice, 0, s.in, s.out, NULL, 0) == ES_ERR_ARGUMENT);
    if (needs_input)
        EXPECT(es_voice_process(s.voice, FRAMES, NULL, s.out, NULL, 0) == ES_ERR_ARGUMENT);
    EXPECT(es_voice_process(s.voice, FRAMES, s.in, NULL, NULL, 0) == ES_ERR_ARGUMENT);
    EXPECT(es_voice_clock(s.voice) == 0 && es_voice_clock(NULL) == 0);
    EXPECT(es_voice_process(s.voice, FRAMES, s.in, s.out, NULL, 0) == ES_OK);
    EXPECT(es_voice_clock(s.voice) == FRAMES);
    EXPECT(es_voice_due(NULL, 1, 5) == 0 && es_voice_due(s.voice, 0, 5) == 0);
    EXPECT(es_voice_due(s.voice, 1, 5) == 5 && es_voice_due(s.voice, 2 * FRAMES, FRAMES) == 0);
    events(&s);
    state(&s);
    EXPECT(es_voice_reset(NULL) == ES_ERR_ARGUMENT);
    EXPECT(es_voice_reset(s.voice) == ES_OK && es_voice_clock(s.voice) == 0);
    EXPECT(es_voice_self_test(NULL, NULL) == ES_ERR_ARGUMENT);
    (void)es_voice_self_test(s.voice, NULL);
    EXPECT(es_voice_clock(s.voice) == 0);
    for (uint32_t i = 0; i < s.info.inputs; i++) free((void *)(uintptr_t)s.in[i]);
    for (uint32_t i = 0; i < s.info.outputs; i++) free(s.out[i]);
    free(s.in);
    free(s.out);
    free(mem);
}

int main(int argc, char **argv) {
    void *blob = NULL;
    size_t bytes = 0, need = 0;
    const es_model *m = NULL;
    if (argc != 2 || es_file_read(argv[1], &blob, &bytes) != ES_OK) return 2;
    texts();
    files(argv[1]);
    model(blob, bytes, es_kernels_best());
    EXPECT(es_model_open(blob, bytes, es_kernels_best(), NULL, &need, NULL) == ES_OK);
    void *mem = aligned(need);
    EXPECT(es_model_open(blob, bytes, es_kernels_best(), mem, &need, &m) == ES_OK);
    if (m) voice(m);
    free(mem);
    es_file_free(blob);
    printf("%d failures\n", failures);
    return failures != 0;
}
