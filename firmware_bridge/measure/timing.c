/* timing.c - the timing loop: each call of es_voice_process on the monotonic clock.
 *
 * Not part of the core (it asks the system for the time); linked into the host library only. */
#define _POSIX_C_SOURCE 200809L
#include <time.h>

#include "edgesynth.h"
#include "float_mode.h"

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Present where hooks.c was preloaded into the process. */
#if defined(__GNUC__) && !defined(_WIN32) && !defined(__APPLE__)
extern unsigned long es_hooks_count(void) __attribute__((weak));
#define COUNT() (es_hooks_count ? es_hooks_count() : 0ul)
#else
#define COUNT() 0ul
#endif

/* Render `blocks` blocks of `frames` frames and write each one's nanoseconds to ns[blocks].
 * Block b reads its inputs at in[port] + b % ring * stride[port] and writes to out[port]; in[port]
 * may be NULL (a control that holds its value). *allocations receives the allocator calls made
 * inside the calls, where the counting hooks are preloaded. [main-thread] */
ES_API es_status es_measure(es_voice *voice, uint32_t frames, uint32_t blocks, uint32_t ports,
                            const float *const *in, const uint32_t *stride, uint32_t ring,
                            float *const *out, uint64_t *ns, uint64_t *allocations);

es_status es_measure(es_voice *voice, uint32_t frames, uint32_t blocks, uint32_t ports,
                     const float *const *in, const uint32_t *stride, uint32_t ring,
                     float *const *out, uint64_t *ns, uint64_t *allocations) {
    const float *at[64];
    unsigned long before = COUNT();
    if (!voice || !ns || !allocations || ports > 64 || ring == 0) return ES_ERR_ARGUMENT;
    for (uint32_t b = 0; b < blocks; b++) {
        for (uint32_t p = 0; p < ports; p++)
            at[p] = in[p] ? in[p] + (size_t)(b % ring) * stride[p] : NULL;
        uint64_t start = now_ns();
        es_status status = es_voice_process(voice, frames, at, out, NULL, 0);
        ns[b] = now_ns() - start;
        if (status != ES_OK) return status;
    }
    *allocations = COUNT() - before;
    return ES_OK;
}

/* Flush denormals on this thread, as es_voice_process does inside, and put the old mode back: so
 * that another runtime is timed under the same rule. [any-thread] */
ES_API uint64_t es_float_flush(void);
ES_API void es_float_restore(uint64_t old);

uint64_t es_float_flush(void) { return (uint64_t)es_float_enter(); }

void es_float_restore(uint64_t old) { es_float_leave((es_float_mode)old); }
