/* hooks.c - counts calls of the C library's allocator; preloaded into a measuring process.
 *
 * es_hooks_count() is the number of calls so far of malloc, calloc, realloc, reallocarray, the
 * aligned forms, and free of anything but NULL. C++'s new and delete end in these. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

static atomic_ulong calls;
static _Alignas(16) char early[65536]; /* dlsym may allocate before the real functions are known */
static size_t early_used;
static _Thread_local int finding;

EXPORT unsigned long es_hooks_count(void) { return atomic_load(&calls); }

static void *find(const char *name) {
    finding++;
    void *found = dlsym(RTLD_NEXT, name);
    finding--;
    return found;
}

/* NEXT(result, name, arguments): `next` is the C library's own function; the call is counted. */
#define NEXT(result, name, ...)                                              \
    static result (*next)(__VA_ARGS__);                                      \
    atomic_fetch_add(&calls, 1);                                             \
    if (!next && !finding) next = (result(*)(__VA_ARGS__))find(name)

static int is_early(const void *p) {
    return (const char *)p >= early && (const char *)p < early + sizeof early;
}

static void *early_alloc(size_t bytes) {
    size_t at = (early_used + 15) & ~(size_t)15;
    if (at > sizeof early || bytes > sizeof early - at) return NULL;
    early_used = at + bytes;
    return early + at;
}

EXPORT void *malloc(size_t bytes) {
    NEXT(void *, "malloc", size_t);
    return next ? next(bytes) : early_alloc(bytes);
}

EXPORT void *calloc(size_t n, size_t bytes) {
    NEXT(void *, "calloc", size_t, size_t);
    return next ? next(n, bytes) : early_alloc(n * bytes);
}

EXPORT void *realloc(void *p, size_t bytes) {
    NEXT(void *, "realloc", void *, size_t);
    if (is_early(p) || !next) {
        size_t room = p ? (size_t)(early + sizeof early - (char *)p) : 0;
        void *q = malloc(bytes);
        if (q && room) memcpy(q, p, bytes < room ? bytes : room);
        return q;
    }
    return next(p, bytes);
}

EXPORT void *reallocarray(void *p, size_t n, size_t bytes) {
    if (bytes && n > SIZE_MAX / bytes) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(p, n * bytes);
}

EXPORT int posix_memalign(void **p, size_t align, size_t bytes) {
    NEXT(int, "posix_memalign", void **, size_t, size_t);
    return next ? next(p, align, bytes) : ENOMEM;
}

EXPORT void *aligned_alloc(size_t align, size_t bytes) {
    NEXT(void *, "aligned_alloc", size_t, size_t);
    return next ? next(align, bytes) : NULL;
}

EXPORT void *memalign(size_t align, size_t bytes) {
    NEXT(void *, "memalign", size_t, size_t);
    return next ? next(align, bytes) : NULL;
}

EXPORT void *valloc(size_t bytes) {
    NEXT(void *, "valloc", size_t);
    return next ? next(bytes) : NULL;
}

EXPORT void free(void *p) {
    if (!p || is_early(p)) return;
    NEXT(void, "free", void *);
    if (next) next(p);
}
