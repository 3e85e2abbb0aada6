/* player.c - plays an artifact from raw files, on Linux without any C library.
 *
 *   player REPEAT (ARTIFACT INPUT OUTPUT FRAMES BLOCK)...
 *
 * REPEAT: times that each block is played, one after the other, from the same buffers, 1 for plain
 * playing; what two such runs differ by is what playing costs, reading and writing left out. INPUT
 * holds f32 per input port, in the artifact's order, planar: (channels, steps) of its own period, a
 * control one value per frame; after them any number of es_event records, sorted, whose offsets count
 * from the start of the run: where there are any, they move the controls, and the values are not fed.
 * OUTPUT receives the output ports likewise. It is linked with the core
 * alone: a proof that the core needs neither malloc nor stdio, and what emulators run. Any number of
 * artifacts is played, each from reset, up to the first that fails.
 * Exit code 0, or what failed: 1 arguments, 2 artifact, 3 model, 4 voice, 5 input, 6 process,
 * 7 output. */
#include "edgesynth.h"

#if defined(__aarch64__)
enum { SYS_read = 63, SYS_write = 64, SYS_openat = 56, SYS_close = 57, SYS_exit = 93 };
static long sys(long n, long a, long b, long c, long d) {
    register long x8 __asm__("x8") = n, x0 __asm__("x0") = a, x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c, x3 __asm__("x3") = d;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
}
__asm__(".globl _start\n_start: mov x0, sp\n and sp, x0, #-16\n bl start\n");
#elif defined(__arm__)
enum { SYS_read = 3, SYS_write = 4, SYS_openat = 322, SYS_close = 6, SYS_exit = 1 };
static long sys(long n, long a, long b, long c, long d) {
    register long r7 __asm__("r7") = n, r0 __asm__("r0") = a, r1 __asm__("r1") = b;
    register long r2 __asm__("r2") = c, r3 __asm__("r3") = d;
    __asm__ volatile("svc 0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2), "r"(r3) : "memory");
    return r0;
}
__asm__(".globl _start\n_start: mov r0, sp\n bic sp, sp, #7\n bl start\n");
#elif defined(__x86_64__)
enum { SYS_read = 0, SYS_write = 1, SYS_openat = 257, SYS_close = 3, SYS_exit = 60 };
static long sys(long n, long a, long b, long c, long d) {
    register long r10 __asm__("r10") = d;
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
    return result;
}
__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call start\n");
#else
#error "player.c knows Linux on x86-64, aarch64 and arm"
#endif

#define ROOM(name, bytes) static unsigned char name[bytes] __attribute__((aligned(ES_ALIGN)))
ROOM(blob, 64u << 20);
ROOM(model_memory, 128u << 20);
ROOM(voice_memory, 64u << 20);
ROOM(inputs, 128u << 20);
ROOM(outputs, 128u << 20);
enum { PORTS = 64, LONGEST = 1 << 18, EVENTS = 4096 };
static float gathered[PORTS][LONGEST], played[PORTS][LONGEST];

__attribute__((noreturn)) static void quit(int code) {
    for (;;) sys(SYS_exit, code, 0, 0, 0);
}

static size_t read_all(const char *path, unsigned char *to, size_t room) {
    long file = sys(SYS_openat, -100, (long)path, 0, 0), got;
    size_t n = 0;
    if (file < 0) return 0;
    while (n < room && (got = sys(SYS_read, file, (long)(to + n), (long)(room - n), 0)) > 0) n += (size_t)got;
    sys(SYS_close, file, 0, 0, 0);
    return n;
}

static int write_all(const char *path, const unsigned char *from, size_t bytes) {
    long file = sys(SYS_openat, -100, (long)path, 01 | 0100 | 01000, 0644), done;
    size_t n = 0;
    if (file < 0) return 0;
    while (n < bytes && (done = sys(SYS_write, file, (long)(from + n), (long)(bytes - n), 0)) > 0) n += (size_t)done;
    sys(SYS_close, file, 0, 0, 0);
    return n == bytes;
}

static uint32_t number(const char *text) {
    uint32_t n = 0;
    while (*text >= '0' && *text <= '9') n = 10 * n + (uint32_t)(*text++ - '0');
    return n;
}

/* Steps of a port over `frames` frames from reset. */
static uint32_t steps_of(const es_port *port, uint32_t frames) {
    return port->kind == ES_CONTROL && port->direction == ES_INPUT ? frames : (frames + port->period - 1) / port->period;
}

typedef struct lane {
    es_port port;
    float *data;    /* (channels, steps) of the whole run */
    uint32_t steps; /* per channel */
    uint32_t at;    /* steps used up */
} lane;

/* Lay the lanes of one direction side by side in `room`; the bytes that they take, 0 if too many. */
static size_t open_lanes(const es_model *model, es_direction direction, uint32_t n, uint32_t frames,
                         unsigned char *room, size_t bytes, lane *lanes) {
    uint64_t at = 0;
    for (uint32_t i = 0; i < n; i++) {
        lane *l = &lanes[i];
        if (es_model_port(model, direction, i, &l->port) != ES_OK) quit(3);
        l->steps = steps_of(&l->port, frames);
        l->data = (float *)(void *)(room + at);
        l->at = 0;
        at += (uint64_t)l->steps * l->port.channels * sizeof(float);
        if (at > bytes) return 0;
    }
    return (size_t)at;
}

/* Move `due` steps between a lane and its planar block buffer; a repeated run starts over. */
static void move(lane *l, float *block, uint32_t due, int in) {
    if (due > l->steps - l->at) l->at = 0;
    for (uint32_t c = 0; c < l->port.channels; c++)
        for (uint32_t t = 0; t < due; t++) {
            float *whole = &l->data[(size_t)c * l->steps + l->at + t], *part = &block[c * due + t];
            if (in) *part = *whole;
            else *whole = *part;
        }
    l->at += due;
}

static uint32_t due_of(const es_voice *voice, const lane *l, uint32_t frames) {
    uint32_t due = l->port.kind == ES_CONTROL && l->port.direction == ES_INPUT
                       ? frames : es_voice_due(voice, l->port.period, frames);
    if (due > l->steps || (uint64_t)due * l->port.channels > LONGEST) quit(l->port.direction == ES_INPUT ? 5 : 7);
    return due;
}

static lane in[PORTS], out[PORTS];
static const float *feeds[PORTS];
static float *results[PORTS];
static const es_event *script; /* of the whole run: `offset` counts from its start */
static uint32_t script_left;
static es_event now[EVENTS];

/* The events of the next `frames` frames, from `clock`, into `now`. */
static uint32_t events_of(uint64_t clock, uint32_t frames) {
    uint32_t n = 0;
    for (; script_left && script->offset < clock + frames; script++, script_left--) {
        if (n == EVENTS || script->offset < clock) quit(5);
        now[n] = *script;
        now[n++].offset = (uint32_t)(script->offset - clock);
    }
    return n;
}

static void play(es_voice *voice, const es_model_info *info, uint32_t frames, uint32_t repeat, int by_events) {
    uint32_t due[PORTS], count = events_of(es_voice_clock(voice), frames);
    for (uint32_t i = 0; i < info->inputs; i++) {
        move(&in[i], gathered[i], due_of(voice, &in[i], frames), 1);
        feeds[i] = by_events && in[i].port.kind == ES_CONTROL ? NULL : gathered[i];
    }
    for (uint32_t i = 0; i < info->outputs; i++) {
        due[i] = due_of(voice, &out[i], frames);
        results[i] = played[i];
    }
    for (uint32_t k = 0; k < repeat; k++)
        if (es_voice_process(voice, frames, feeds, results, now, count) != ES_OK) quit(6);
    for (uint32_t i = 0; i < info->outputs; i++) move(&out[i], played[i], due[i], 0);
}

/* Play one artifact; job: its five arguments. */
static void run(const char *const *job, uint32_t repeat) {
    uint32_t frames = number(job[3]), block = number(job[4]);
    if (frames == 0 || block == 0 || block > LONGEST) quit(1);
    size_t bytes = read_all(job[0], blob, sizeof blob), size = 0;
    if (bytes == 0) quit(2);
    const es_model *model;
    es_voice *voice;
    es_model_info info;
    if (es_model_open(blob, bytes, es_kernels_best(), NULL, &size, NULL) != ES_OK || size > sizeof model_memory ||
        es_model_open(blob, bytes, es_kernels_best(), model_memory, &size, &model) != ES_OK ||
        es_model_describe(model, &info) != ES_OK || info.inputs > PORTS || info.outputs > PORTS)
        quit(3);
    size = sizeof voice_memory;
    if (info.voice_bytes > size || es_voice_open(model, voice_memory, &size, &voice) != ES_OK) quit(4);
    size_t want = open_lanes(model, ES_INPUT, info.inputs, frames, inputs, sizeof inputs, in);
    size_t got = read_all(job[1], inputs, sizeof inputs);
    if (got < want || (got - want) % sizeof(es_event)) quit(5);
    script = (const es_event *)(const void *)(inputs + want);
    script_left = (uint32_t)((got - want) / sizeof(es_event));
    int by_events = script_left > 0;
    if (by_events && repeat != 1) quit(1);
    want = open_lanes(model, ES_OUTPUT, info.outputs, frames, outputs, sizeof outputs, out);
    if (want == 0) quit(7);
    for (uint32_t done = 0; done < frames; done += block) {
        uint32_t left = frames - done;
        play(voice, &info, left < block ? left : block, repeat, by_events);
    }
    if (!write_all(job[2], outputs, want)) quit(7);
}

__attribute__((used, noreturn)) void start(long *stack) {
    long arguments = stack[0];
    const char *const *argv = (const char *const *)(stack + 1);
    uint32_t repeat = arguments > 1 ? number(argv[1]) : 0;
    if (arguments < 7 || (arguments - 2) % 5 || repeat == 0) quit(1);
    for (long at = 2; at < arguments; at += 5) run(argv + at, repeat);
    quit(0);
}
