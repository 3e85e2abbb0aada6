/* voice.h - one stream. Internal. */
#ifndef ES_VOICE_H
#define ES_VOICE_H

#include "model.h"

#define ES_HELD_KEYS 16u
#define ES_CLOCK_END ((uint64_t)1 << 62) /* no clock reaches it: sums of clocks never wrap */

/* A control's value as a function of the absolute frame: a straight line from `from` at frame
 * `start` to `to`, reached after `length` frames and held. base: `to` before bend. last: what the present block's
 * values, if it has any, end on. */
typedef struct es_control {
    float from, to, base, last;
    uint64_t start;
    double length;
} es_control;

struct es_voice {
    const es_model *model;
    uint64_t clock;
    float bend;               /* -1..1 */
    uint32_t n_held;          /* keys down, oldest first */
    uint8_t held[ES_HELD_KEYS];
    es_control *controls;     /* per input port; only control ports' are used */
    es_call *calls;           /* per node, ready but for clock, frames and count */
    float *arena;
    uint8_t *state;
    float *golden;            /* room for the outputs of the self test */
    const float **golden_in;  /* per input port */
    float **golden_out;       /* per output port */
};

/* The control's value at absolute frame `at`, not before its start. */
float es_control_at(const es_control *control, uint64_t at);

/* `value` clipped to the port's range, if it states one; NaN and infinity become 0 first. */
float es_control_clip(const es_port *port, float value);

/* All controls at their defaults, no key held, no bend. */
void es_events_reset(es_voice *voice);

/* ES_ERR_EVENT unless every event of a block of `frames` frames can be played. */
es_status es_events_check(const es_voice *voice, uint32_t frames, const es_event *events,
                          uint32_t count);

/* Apply one checked event at absolute frame `at`. */
void es_event_apply(es_voice *voice, const es_event *event, uint64_t at);

#endif
