/* edgesynth.h - play a neural synthesizer from an .esa artifact.
 *
 * Usable from C99 and C++11. The core never allocates, locks, logs, opens files or exits.
 *
 *   const es_kernels *kernels = es_kernels_best();
 *   size_t bytes = 0;
 *   es_model_open(blob, blob_bytes, kernels, NULL, &bytes, NULL);      ask the size
 *   void *mem = my_alloc(bytes);                                       aligned to ES_ALIGN
 *   const es_model *model;
 *   es_model_open(blob, blob_bytes, kernels, mem, &bytes, &model);
 *   ... the same two steps with es_voice_open ...
 *   es_voice_process(voice, frames, in, out, events, event_count);
 *
 * Threads. [main-thread]: not from the audio callback; may take long. [audio-thread]: safe in the
 * audio callback: no allocation, lock, system call or unbounded work; one thread at a time for one
 * voice. [any-thread]: no shared state is written.
 *
 * Time. A voice has one clock that counts audio frames from its last reset. Any split of the same
 * input into blocks gives the same output, bit for bit, on one kernel table.
 */
#ifndef EDGESYNTH_H
#define EDGESYNTH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ES_VERSION_MAJOR 0
#define ES_VERSION_MINOR 1
#define ES_VERSION_PATCH 0

#define ES_ALIGN 64 /* bytes: of the blob and of every memory block that a caller hands over */

#if defined(_WIN32)
#define ES_API __declspec(dllexport)
#elif defined(__GNUC__)
#define ES_API __attribute__((visibility("default")))
#else
#define ES_API
#endif

/* 0 or negative; the texts stand in one table, es_status_text reads it. */
#define ES_STATUS_TABLE(X)                                                                   \
    X(ES_OK, 0, "ok")                                                                        \
    X(ES_ERR_ARGUMENT, -1, "an argument is null or out of range")                            \
    X(ES_ERR_MEMORY, -2, "the memory block is too small or misaligned")                      \
    X(ES_ERR_TRUNCATED, -3, "the artifact is shorter than it says")                          \
    X(ES_ERR_MAGIC, -4, "this is not an edgesynth artifact")                                 \
    X(ES_ERR_VERSION, -5, "the artifact's version is not supported by this runtime")         \
    X(ES_ERR_CHECKSUM, -6, "the artifact's checksum does not match: the file is damaged")    \
    X(ES_ERR_SECTION, -7, "a section of the artifact is missing, misplaced or misshapen")    \
    X(ES_ERR_VALUE, -8, "an edge of the net is out of bounds")                               \
    X(ES_ERR_PARAM, -9, "a parameter of the net is out of bounds")                           \
    X(ES_ERR_STATE, -10, "a state of the net is out of bounds")                              \
    X(ES_ERR_NODE, -11, "a node of the net is malformed")                                    \
    X(ES_ERR_OP, -12, "the net uses an operation that this kernel table lacks")              \
    X(ES_ERR_PORT, -13, "a port is out of bounds")                                           \
    X(ES_ERR_EVENT, -14, "an event is out of order, out of range or of unknown type")        \
    X(ES_ERR_MODEL, -15, "the saved state belongs to another model")                         \
    X(ES_ERR_NO_GOLDEN, -16, "the artifact carries no test vectors")                         \
    X(ES_ERR_GOLDEN, -17, "the output differs from the artifact's test vectors")             \
    X(ES_ERR_FILE, -18, "the file cannot be read")

typedef enum es_status {
#define X(name, code, text) name = code,
    ES_STATUS_TABLE(X)
#undef X
} es_status;

/* A static text for any status, never NULL. [any-thread] */
ES_API const char *es_status_text(es_status status);

/* "MAJOR.MINOR.PATCH" of the library. [any-thread] */
ES_API const char *es_version(void);

/* ---- kernels: one table per instruction set ------------------------------------------------ */

typedef struct es_kernels es_kernels;

/* The fastest table that this processor runs. Static, never NULL. [any-thread] */
ES_API const es_kernels *es_kernels_best(void);

/* A table by name ("scalar", "avx2", "avx512", "neon"); NULL if it is not in this build or this
 * processor does not run it. [any-thread] */
ES_API const es_kernels *es_kernels_named(const char *name);

/* The table's name, static. [any-thread] */
ES_API const char *es_kernels_name(const es_kernels *kernels);

/* ---- model: read-only, shared by any number of voices on any threads ----------------------- */

typedef struct es_model es_model;

/* Open a model inside caller memory. [main-thread]
 * mem == NULL: writes the bytes needed to *mem_bytes and returns ES_OK; model may be NULL.
 * Every length and index of the blob is checked before a pointer is kept.
 * Borrows blob and mem: both must outlive the model. Nothing is to be closed. */
ES_API es_status es_model_open(const void *blob, size_t blob_bytes, const es_kernels *kernels,
                               void *mem, size_t *mem_bytes, const es_model **model);

typedef struct es_model_info {
    float rate;          /* clock, Hz; 0 if the net has no rate of its own */
    uint32_t latency;    /* frames from a change at an input to its place in the output */
    uint32_t inputs;     /* number of input ports */
    uint32_t outputs;    /* number of output ports */
    uint32_t nodes;
    uint32_t chunk;      /* frames per inner pass */
    size_t voice_bytes;  /* what es_voice_open asks for */
    size_t arena_bytes;  /* of these, scratch that no call keeps */
    size_t state_bytes;  /* what es_voice_save writes */
    uint8_t hash[32];    /* SHA-256 of the net */
    const char *manifest; /* JSON, borrowed from the blob, not zero-terminated */
    size_t manifest_bytes;
} es_model_info;

/* [any-thread] Pointers in info live as long as the blob. */
ES_API es_status es_model_describe(const es_model *model, es_model_info *info);

typedef enum es_direction { ES_INPUT = 0, ES_OUTPUT = 1 } es_direction;

typedef enum es_kind {
    ES_AUDIO = 0,   /* every frame */
    ES_FRAME = 1,   /* a vector every `period` frames */
    ES_CONTROL = 2, /* a scalar, sampled every `period` frames, held between changes */
    ES_EVENT = 3
} es_kind;

typedef struct es_port {
    const char *name; /* zero-terminated, borrowed from the blob */
    const char *unit;
    es_direction direction;
    es_kind kind;
    uint32_t channels;
    uint32_t period; /* frames per step */
    uint32_t delay;  /* output ports: frames behind the input */
    float low, high; /* control range; both 0 if none is stated */
    float initial;   /* control default */
    uint32_t ramp;   /* default ramp of a control change, frames */
} es_port;

/* Port `index` of one direction, in the artifact's order. [any-thread] */
ES_API es_status es_model_port(const es_model *model, es_direction direction, uint32_t index,
                               es_port *port);

/* ---- voice: one stream, one thread at a time ----------------------------------------------- */

typedef struct es_voice es_voice;

/* Start one stream inside caller memory, reset. [main-thread] Same memory rule as the model's;
 * borrows model and mem. */
ES_API es_status es_voice_open(const es_model *model, void *mem, size_t *mem_bytes,
                               es_voice **voice);

/* A control moves in a straight line of `ramp` frames that starts at the event's frame. Notes,
 * controllers and bend move controls by the artifact's MIDI rows: the key pressed last sounds; when
 * it is let go, the one pressed before it and still held (of the latest 16) sounds again; velocity
 * falls to its release level with the last key; bend transposes its port, whatever set that. */
typedef enum es_event_type {
    ES_EVENT_CONTROL = 0,  /* index: input port; value; ramp in frames (negative: port's default) */
    ES_EVENT_NOTE_ON = 1,  /* index: key 0..127; value: velocity 0..1 (0 is a note off) */
    ES_EVENT_NOTE_OFF = 2, /* index: key */
    ES_EVENT_CC = 3,       /* index: controller 0..127; value 0..1 */
    ES_EVENT_BEND = 4      /* value -1..1 */
} es_event_type;

typedef struct es_event {
    uint32_t offset; /* frames from the start of the block, below its length */
    uint32_t type;   /* es_event_type */
    uint32_t index;
    float value;
    float ramp;
} es_event;

/* Steps of a port with this period that fall into the next `frames` frames. [audio-thread] */
ES_API uint32_t es_voice_due(const es_voice *voice, uint32_t period, uint32_t frames);

/* Render `frames` frames, any number from 1. [audio-thread]
 * in[i], out[i]: one pointer per input/output port in the artifact's order, planar: channel c of
 * an audio port starts at c * frames, of a frame port at c * es_voice_due(voice, period, frames).
 * in[i] of a control port may be NULL (held value and events) or `frames` values, sampled on the
 * port's clock; these win over events. Values outside a control's range are clipped.
 * A control that was given as values holds the last of them from then on.
 * out[i] may be NULL: that output is not wanted. in[i] may be NULL where no step is due.
 * NaN and infinity in an input are read as 0, and so are denormals. An output may be the same
 * buffer as an input of its period (a control's values: period 1); no other overlap is allowed.
 * events: sorted by offset. On an error nothing was rendered and the clock stands still. */
ES_API es_status es_voice_process(es_voice *voice, uint32_t frames, const float *const *in,
                                  float *const *out, const es_event *events,
                                  uint32_t event_count);

/* Back to the state after es_voice_open. [audio-thread] */
ES_API es_status es_voice_reset(es_voice *voice);

/* Frames since the last reset. [audio-thread] */
ES_API uint64_t es_voice_clock(const es_voice *voice);

/* Write the voice's state to `to`, state_bytes long: little-endian, without pointers, keyed by the
 * model's hash; it loads on another instruction set. [audio-thread] */
ES_API es_status es_voice_save(const es_voice *voice, void *to, size_t bytes);

/* Take over a saved state; on an error the voice is as it was. [audio-thread] */
ES_API es_status es_voice_load(es_voice *voice, const void *from, size_t bytes);

/* Play the artifact's own test vectors on a freshly reset voice, which is left reset.
 * *worst (may be NULL) receives the largest absolute error. [main-thread] */
ES_API es_status es_voice_self_test(es_voice *voice, float *worst);

/* ---- files: a separate object; needs stdio and malloc --------------------------------------- */

/* Read a whole file into memory aligned to ES_ALIGN. [main-thread] Free it by es_file_free. */
ES_API es_status es_file_read(const char *path, void **blob, size_t *bytes);
ES_API void es_file_free(void *blob);

#ifdef __cplusplus
}
#endif
#endif
