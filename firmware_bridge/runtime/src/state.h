/* state.h - a voice's saved form. Internal. */
#ifndef ES_STATE_H
#define ES_STATE_H

#include "voice.h"

/* Bytes of a saved voice of this model. */
size_t es_saved_bytes(const es_model *model);

/* Node states: zeros, their init parameters, then each op's own reset. */
void es_states_reset(es_voice *voice);

#endif
