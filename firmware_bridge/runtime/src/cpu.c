/* cpu.c - which kernel tables this build has, and which of them this processor runs.
 *
 * The build defines ES_WITH_<ISA> for every table beside scalar that it compiled. */
#include <string.h>

#include "net.h"

extern const es_kernels es_kernels_scalar;

#if defined(ES_WITH_AVX2) || defined(ES_WITH_AVX512)
#include <cpuid.h>

extern const es_kernels es_kernels_avx2, es_kernels_avx512;

/* What the operating system saves on a task switch (XCR0); 0 without xsave. */
static uint32_t saved_registers(void) {
    uint32_t a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & (1u << 27))) return 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static int runs_avx2(void) {
    uint32_t a, b, c, d;
    if ((saved_registers() & 0x6u) != 0x6u) return 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & (1u << 12))) return 0; /* FMA */
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1u << 5));
}

static int runs_avx512(void) {
    const uint32_t f_dq_bw_vl = (1u << 16) | (1u << 17) | (1u << 30) | (1u << 31);
    uint32_t a, b, c, d;
    if (!runs_avx2() || (saved_registers() & 0xe6u) != 0xe6u) return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & f_dq_bw_vl) == f_dq_bw_vl;
}
#endif

#ifdef ES_WITH_NEON
extern const es_kernels es_kernels_neon;
#endif

const es_kernels *es_kernels_named(const char *name) {
    if (!name) return NULL;
    if (strcmp(name, "scalar") == 0) return &es_kernels_scalar;
#ifdef ES_WITH_AVX2
    if (strcmp(name, "avx2") == 0) return runs_avx2() ? &es_kernels_avx2 : NULL;
#endif
#ifdef ES_WITH_AVX512
    if (strcmp(name, "avx512") == 0) return runs_avx512() ? &es_kernels_avx512 : NULL;
#endif
#ifdef ES_WITH_NEON
    if (strcmp(name, "neon") == 0) return &es_kernels_neon;
#endif
    return NULL;
}

const es_kernels *es_kernels_best(void) {
    static const char *const fastest_first[] = {"avx512", "avx2", "neon"};
    for (size_t i = 0; i < sizeof fastest_first / sizeof fastest_first[0]; i++) {
        const es_kernels *kernels = es_kernels_named(fastest_first[i]);
        if (kernels) return kernels;
    }
    return &es_kernels_scalar;
}
