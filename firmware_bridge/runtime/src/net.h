/* net.h - the loaded net as kernels see it. Internal. */
#ifndef ES_NET_H
#define ES_NET_H

#include <stddef.h>
#include <stdint.h>

#include "edgesynth.h"

#define ES_LANE_PAD 16u /* channels and vectors are padded to this many floats */
#define ES_NONE 0xffffffffu

/* Most entries of one node's lists: inputs, outputs, parameters, states. */
#define ES_NODE_VALUES 64u
#define ES_NODE_PARAMS 16u
#define ES_NODE_STATES 16u

typedef enum es_format { ES_F32 = 0, ES_I8 = 1 } es_format;
typedef enum es_layout { ES_PLAIN = 0, ES_VECTOR = 1, ES_PANELS = 2 } es_layout;

/* An edge: (frames, stride) floats, frame after frame; channels beyond `channels` hold anything
 * finite or not and no kernel may let them reach a live one. stride is 1 for one channel, else
 * channels rounded up to ES_LANE_PAD. The arena holds capacity * stride + ES_LANE_PAD floats. */
typedef struct es_value {
    uint32_t channels, period, stride, offset; /* offset: floats into the arena */
    uint32_t capacity;                         /* most frames in one pass */
} es_value;

/* A parameter as packed by the writer (docs/artifact.md). */
typedef struct es_param {
    const void *data;   /* f32 or i8, 64-byte aligned in the file */
    const float *scale; /* i8: per output channel, laid out as a vector with the same blocks */
    uint32_t format, layout, blocks, rank;
    uint32_t dims[4]; /* logical, before padding */
} es_param;

typedef struct es_state {
    uint32_t dtype; /* 0 f32, 1 i64, 2 u32 */
    uint32_t elements;
    uint32_t init;   /* parameter index or ES_NONE */
    uint32_t offset; /* bytes into the voice's state, multiple of 64 */
} es_state;

typedef union es_word {
    int32_t i;
    uint32_t u;
    float f;
} es_word;

typedef struct es_node {
    uint32_t op, period;
    uint32_t n_in, n_out, n_par, n_state, n_attr;
    const uint32_t *in, *out, *par, *state; /* indices; par may hold ES_NONE */
    const es_word *attr;
} es_node;

typedef struct es_net {
    const es_value *values;
    const es_param *params;
    const es_state *states;
    const es_node *nodes;
    uint32_t n_values, n_params, n_states, n_nodes;
    uint32_t chunk, arena_floats;
    float rate;
} es_net;

/* One run of one node over the frames [clock, clock + frames). */
typedef struct es_call {
    const es_net *net;
    const es_node *node;
    uint64_t clock;         /* absolute frame of the first sample of this pass */
    uint32_t frames;        /* clock frames in this pass, 1..chunk */
    uint32_t count;         /* steps due at the node's own period */
    const float *const *in; /* arena pointers of the inputs */
    float *const *out;
    void *const *state;
    const void *prepared; /* what `prepare` made, 64-byte aligned */
    float *scratch;       /* at least `scratch` bytes, 64-byte aligned, dirty */
} es_call;

/* Steps of `period` that fire in [clock, clock + frames): k * period for whole k. */
static inline uint32_t es_due(uint32_t period, uint64_t clock, uint32_t frames) {
    uint64_t first = (clock + period - 1) / period, end = (clock + frames + period - 1) / period;
    return (uint32_t)(end - first);
}

/* What is already checked when `check` sees a node:
 * - n_out is at least 1; every list is within its limit; every index in it names an entry of the
 *   net's tables, parameters may be ES_NONE; attr[0..n_attr) can be read and holds any bits;
 * - node->period is its first output's period; periods and channels are at least 1; a value's
 *   capacity * stride + ES_LANE_PAD floats lie inside the arena, 64-byte aligned; values may
 *   overlap: an output that is written over an input is the writer's mistake, never a crash;
 * - a parameter's data and scale hold exactly what its format, layout, blocks and dims ask for;
 *   dims are at least 1, blocks divides dims[0], a vector has rank 0 or 1, panels rank 2 or 3;
 *   the numbers themselves may be anything;
 * - a state has `elements` entries (0 for none) of its dtype, 64-byte aligned; what they hold is anything at
 *   all after es_voice_load.
 * Not checked, so `check` must: how many inputs, outputs, parameters, states and attributes the op
 * takes, which may be absent, and how their sizes, periods, dtypes, formats and layouts agree.
 * The net that `check`, `scratch` and `prepared` see may hold this node's own entries only, under
 * other indices than at `run`: nothing of it may be kept. */

/* One operation for one instruction set. Every op of runtime/src/ops/<op>.c fills one. */
typedef struct es_op {
    uint32_t id;
    const char *name;
    /* Every dimension, count, attribute and format that `run` relies on; ES_OK or ES_ERR_NODE. */
    es_status (*check)(const es_net *net, const es_node *node);
    /* Bytes of scratch for a pass of net->chunk frames; may be NULL for none. After check. */
    size_t (*scratch)(const es_net *net, const es_node *node);
    /* Bytes of tables made once per model (rounded up by the caller), and the making. Or NULL. */
    size_t (*prepared)(const es_net *net, const es_node *node);
    void (*prepare)(const es_net *net, const es_node *node, void *to);
    /* State beyond zeros and init parameters; NULL for none. */
    void (*reset)(const es_call *call);
    void (*run)(const es_call *call);
} es_op;

struct es_kernels {
    const char *name;
    const es_op *const *ops; /* ascending by id, NULL-terminated */
};

#endif
