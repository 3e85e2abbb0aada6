/* planted.c - stands in for the runtime under the timing loop: a block of n frames calls the
 * allocator 2n times, so that a counter which misses any of them is found out. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>

#include "edgesynth.h"

es_status es_voice_process(es_voice *voice, uint32_t frames, const float *const *in, float *const *out,
                           const es_event *events, uint32_t event_count) {
    (void)voice, (void)in, (void)out, (void)events, (void)event_count;
    for (uint32_t i = 0; i < frames; i++) {
        void *volatile p = i % 3 == 0 ? malloc(1 + i) : i % 3 == 1 ? calloc(1, 1 + i) : NULL;
        if (i % 3 == 2) {
            void *q = NULL;
            if (posix_memalign(&q, 64, 64) != 0) return ES_ERR_MEMORY;
            p = q;
        }
        free(p);
    }
    return ES_OK;
}
