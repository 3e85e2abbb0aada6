/* model.h - a loaded model. Internal. */
#ifndef ES_MODEL_H
#define ES_MODEL_H

#include "artifact.h"

/* Everything lies in the caller's model memory; what the blob holds is borrowed from it. */
struct es_model {
    es_net net;
    es_artifact artifact;
    const es_op **ops;     /* per node */
    const void **prepared; /* per node; NULL for none */
    es_port_row *ports;    /* inputs first */
    es_midi_row *midi;
    uint32_t n_inputs, n_outputs, n_midi;
    es_golden golden; /* frames 0 if there is none */
    /* Bytes a voice needs. */
    size_t scratch_bytes; /* of the neediest node */
    size_t state_bytes;   /* in memory, each state 64-byte aligned */
    size_t packed_bytes;  /* in a saved voice, without padding */
    size_t pointers;      /* over all nodes: inputs, outputs and states */
};

#endif
