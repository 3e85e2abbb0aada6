/* realtime.c - plays an artifact with the kernel's strict filter on: any system call but read,
 * write and exit would kill the process, and so would a lock that had to wait or an allocation that
 * had to ask for memory. Counters around the allocator catch those that need not ask.
 * argv[1]: artifact, argv[2]: kernels. */
#define _GNU_SOURCE
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "edgesynth.h"

enum { FRAMES = 64, BLOCKS = 200 };

static volatile unsigned long allocator_calls;
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t bytes);
void *__real_realloc(void *p, size_t bytes);
void __real_free(void *p);
void *__wrap_malloc(size_t bytes) { allocator_calls++; return __real_malloc(bytes); }
void *__wrap_calloc(size_t n, size_t bytes) { allocator_calls++; return __real_calloc(n, bytes); }
void *__wrap_realloc(void *p, size_t bytes) { allocator_calls++; return __real_realloc(p, bytes); }
void __wrap_free(void *p) { allocator_calls++; __real_free(p); }

static void *aligned(size_t bytes) {
    void *p = NULL;
    if (posix_memalign(&p, ES_ALIGN, bytes + ES_ALIGN) != 0) exit(2);
    memset(p, 0, bytes + ES_ALIGN);
    return p;
}

int main(int argc, char **argv) {
    void *blob;
    size_t bytes, need = 0;
    const es_model *model;
    es_voice *voice;
    es_model_info info;
    if (argc != 3 || es_file_read(argv[1], &blob, &bytes) != ES_OK) return 2;
    const es_kernels *kernels = es_kernels_named(argv[2]);
    if (!kernels || es_model_open(blob, bytes, kernels, NULL, &need, NULL) != ES_OK) return 2;
    if (es_model_open(blob, bytes, kernels, aligned(need), &need, &model) != ES_OK) return 2;
    if (es_voice_open(model, NULL, &need, NULL) != ES_OK) return 2;
    if (es_voice_open(model, aligned(need), &need, &voice) != ES_OK) return 2;
    if (es_model_describe(model, &info) != ES_OK) return 2;
    const float *in[16] = {0};
    float *out[16] = {0};
    es_port port;
    for (uint32_t i = 0; i < info.inputs && i < 16; i++)
        if (es_model_port(model, ES_INPUT, i, &port) == ES_OK && port.kind != ES_CONTROL)
            in[i] = aligned(sizeof(float) * FRAMES * port.channels);
    for (uint32_t i = 0; i < info.outputs && i < 16; i++)
        if (es_model_port(model, ES_OUTPUT, i, &port) == ES_OK)
            out[i] = aligned(sizeof(float) * FRAMES * port.channels);
    void *saved = aligned(info.state_bytes);

    unsigned long before = allocator_calls;
    int bad = 0;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) return 3;
    for (uint32_t b = 0; b < BLOCKS; b++) {
        es_event events[3] = {{0, ES_EVENT_NOTE_ON, 40 + b % 50, 0.7f, 0},
                              {7, ES_EVENT_BEND, 0, (float)(b % 3) - 1.0f, 0},
                              {50, ES_EVENT_NOTE_OFF, 40 + b % 50, 0, 0}};
        bad |= es_voice_process(voice, FRAMES, in, out, events, 3) != ES_OK;
        bad |= es_voice_process(voice, 1 + b % FRAMES, in, out, NULL, 0) != ES_OK;
    }
    bad |= es_voice_save(voice, saved, info.state_bytes) != ES_OK;
    bad |= es_voice_load(voice, saved, info.state_bytes) != ES_OK;
    bad |= es_voice_reset(voice) != ES_OK;
    const char *text = bad ? "failed\n" : allocator_calls != before ? "allocated\n" : "clean\n";
    if (write(1, text, strlen(text)) < 0) bad = 1;
    syscall(SYS_exit, bad);
    return 0;
}
