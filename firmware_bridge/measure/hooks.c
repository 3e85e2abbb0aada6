/* hooks.c - counts calls of the C library's allocator; preloaded into a measuring process.
 *
 * es_hooks_count() is the number of malloc, calloc, realloc, memalign and free calls so far. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

static atomic_ulong calls;
static char early[65536]; /* dlsym itself allocates before the real functions are known */
static size_t early_used;

__attribute__((visibility("default"))) unsigned long es_hooks_count(void) {
    return atomic_load(&calls);
}

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

static int is_early(const void *p) {
    return (const char *)p >= early && (const char *)p < early + sizeof early;
}

static void *early_alloc(size_t bytes) {
    size_t at = (early_used + 15) & ~(size_t)15;
    if (at + bytes > sizeof early) return NULL;
    early_used = at + bytes;
    return early + at;
}

void *malloc(size_t bytes) {
    static void *(*next)(size_t);
    atomic_fetch_add(&calls, 1);
    if (!next) next = (void *(*)(size_t))real("malloc");
    return next(bytes);
}

void *calloc(size_t n, size_t bytes) {
    static void *(*next)(size_t, size_t);
    static int finding;
    atomic_fetch_add(&calls, 1);
    if (!next) {
        if (finding) return early_alloc(n * bytes);
        finding = 1;
        next = (void *(*)(size_t, size_t))real("calloc");
        finding = 0;
    }
    return next(n, bytes);
}

void *realloc(void *p, size_t bytes) {
    static void *(*next)(void *, size_t);
    atomic_fetch_add(&calls, 1);
    if (is_early(p)) {
        void *q = malloc(bytes);
        if (q) memcpy(q, p, bytes < (size_t)(early + sizeof early - (char *)p) ? bytes : (size_t)(early + sizeof early - (char *)p));
        return q;
    }
    if (!next) next = (void *(*)(void *, size_t))real("realloc");
    return next(p, bytes);
}

int posix_memalign(void **p, size_t align, size_t bytes) {
    static int (*next)(void **, size_t, size_t);
    atomic_fetch_add(&calls, 1);
    if (!next) next = (int (*)(void **, size_t, size_t))real("posix_memalign");
    return next(p, align, bytes);
}

void *aligned_alloc(size_t align, size_t bytes) {
    static void *(*next)(size_t, size_t);
    atomic_fetch_add(&calls, 1);
    if (!next) next = (void *(*)(size_t, size_t))real("aligned_alloc");
    return next(align, bytes);
}

void free(void *p) {
    static void (*next)(void *);
    if (!p || is_early(p)) return;
    atomic_fetch_add(&calls, 1);
    if (!next) next = (void (*)(void *))real("free");
    next(p);
}
