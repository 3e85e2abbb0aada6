/* measure.h - checks a whole artifact and measures what a model and a voice need. Internal. */
#ifndef ES_MEASURE_H
#define ES_MEASURE_H

#include "artifact.h"

typedef struct es_measure {
    uint64_t prepared; /* bytes of all nodes' tables */
    uint64_t scratch;  /* bytes of the neediest node */
    uint64_t state;    /* bytes of all states in memory */
    uint64_t packed;   /* bytes of all states without padding */
    uint64_t pointers; /* inputs, outputs and states over all nodes */
    uint32_t inputs;   /* input ports */
    es_golden golden;  /* frames 0 if there is none */
} es_measure;

/* Everything but the order of making (which needs memory): after ES_OK no record of the artifact
 * fails, and every node has passed its op's check. */
es_status es_measure_all(const es_artifact *artifact, const es_kernels *kernels, es_measure *m);

/* The table's operation of that id, or NULL. */
const es_op *es_find_op(const es_kernels *kernels, uint32_t id);

#endif
