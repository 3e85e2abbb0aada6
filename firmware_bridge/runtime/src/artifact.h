/* artifact.h - the artifact's bytes as checked records (docs/artifact.md). Internal. */
#ifndef ES_ARTIFACT_H
#define ES_ARTIFACT_H

#include "net.h"

enum {
    ES_STRINGS = 1,
    ES_WORDS,
    ES_VALUES,
    ES_PARAMS,
    ES_STATES,
    ES_NODES,
    ES_PORTS,
    ES_MIDI,
    ES_WEIGHTS,
    ES_MANIFEST,
    ES_GOLDEN,
    ES_SECTIONS /* one past the last known id */
};

typedef struct es_section {
    const uint8_t *data; /* NULL if the artifact lacks it */
    uint32_t bytes, count;
} es_section;

/* The header and the section table, checked; `sections` is indexed by id. */
typedef struct es_artifact {
    es_section sections[ES_SECTIONS];
    const uint8_t *hash; /* 32 bytes */
    float rate;
    uint32_t chunk, latency, arena_floats;
} es_artifact;

typedef struct es_port_row {
    es_port port;
    uint32_t value; /* ES_NONE for event ports */
} es_port_row;

typedef enum es_source { ES_KEY = 0, ES_VELOCITY = 1, ES_CC = 2, ES_BEND = 3 } es_source;

typedef struct es_midi_row {
    uint32_t source, number, port; /* port: input port, a control */
    float low, high, off;
    uint32_t attack, release; /* frames */
} es_midi_row;

typedef struct es_golden {
    uint32_t frames, floats_in, floats_out;
    float tolerance;
    const float *in, *out;
} es_golden;

/* Header, checksum, section table, section sizes against record counts. */
es_status es_artifact_read(const void *blob, size_t bytes, es_artifact *artifact);

/* Record `index` of a section, everything in it checked against the artifact. ES_ERR_* of its
 * kind if index is beyond the section. */
es_status es_artifact_value(const es_artifact *artifact, uint32_t index, es_value *value);
es_status es_artifact_param(const es_artifact *artifact, uint32_t index, es_param *param);
es_status es_artifact_state(const es_artifact *artifact, uint32_t index, es_state *state);
es_status es_artifact_node(const es_artifact *artifact, uint32_t index, es_node *node);
es_status es_artifact_port(const es_artifact *artifact, uint32_t index, es_port_row *row);
es_status es_artifact_midi(const es_artifact *artifact, uint32_t index, es_midi_row *row);

/* ES_ERR_NO_GOLDEN if there is none. floats_in and floats_out are as the section says them. */
es_status es_artifact_golden(const es_artifact *artifact, es_golden *golden);

/* Bytes of one element of a state's dtype. */
static inline uint32_t es_state_width(uint32_t dtype) { return dtype == 1 ? 8 : 4; }

/* Adds `bytes` at the next multiple of ES_ALIGN; *at stays below 2^63. Returns the offset. */
static inline uint64_t es_carve(uint64_t *at, uint64_t bytes) {
    uint64_t offset = (*at + ES_ALIGN - 1) / ES_ALIGN * ES_ALIGN;
    *at = offset + bytes;
    return offset;
}

/* Floats that a block of `frames` frames from `clock` holds for one port. */
static inline uint64_t es_port_floats(const es_port *port, uint64_t clock, uint32_t frames) {
    uint32_t period = port->kind == ES_CONTROL && port->direction == ES_INPUT ? 1 : port->period;
    return (uint64_t)es_due(period, clock, frames) * port->channels; /* events: 0 channels */
}

/* True for neither infinity nor NaN. */
static inline int es_finite(float x) { return x - x == 0.0f; }

#endif
