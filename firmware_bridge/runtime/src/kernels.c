/* kernels.c - the table of every operation, once per instruction set (see vec/vec.h). */
#include "net.h"
#include "vec/vec.h"

#define X(id, name) extern const es_op ES_NAME(es_op_##name);
#include "gen/es_ops.inc"
#undef X

static const es_op *const all[] = {
#define X(id, name) &ES_NAME(es_op_##name),
#include "gen/es_ops.inc"
#undef X
    NULL,
};

extern const es_kernels ES_NAME(es_kernels);
const es_kernels ES_NAME(es_kernels) = {ES_ISA_TEXT, all};
