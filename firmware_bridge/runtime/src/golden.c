/* golden.c - plays the artifact's own test vectors. */
#include <float.h>

#include "voice.h"

es_status es_voice_self_test(es_voice *voice, float *worst) {
    if (!voice) return ES_ERR_ARGUMENT;
    const es_model *model = voice->model;
    const es_golden *golden = &model->golden;
    if (worst) *worst = 0.0f;
    if (golden->frames == 0) return ES_ERR_NO_GOLDEN;
    const float *in = golden->in;
    for (uint32_t i = 0; i < model->n_inputs; i++) {
        uint64_t floats = es_port_floats(&model->ports[i].port, 0, golden->frames);
        voice->golden_in[i] = floats ? in : NULL;
        in += floats;
    }
    float *out = voice->golden;
    for (uint32_t i = 0; i < model->n_outputs; i++) {
        voice->golden_out[i] = out;
        out += es_port_floats(&model->ports[model->n_inputs + i].port, 0, golden->frames);
    }
    (void)es_voice_reset(voice);
    es_status status = es_voice_process(voice, golden->frames, voice->golden_in,
                                        voice->golden_out, NULL, 0);
    if (status == ES_OK) {
        float largest = 0.0f;
        for (uint32_t i = 0; i < golden->floats_out; i++) {
            float error = voice->golden[i] - golden->out[i];
            error = error < 0.0f ? -error : error;
            if (!es_finite(error)) error = FLT_MAX;
            if (error > largest) largest = error;
            if (!(error <= golden->tolerance)) status = ES_ERR_GOLDEN;
        }
        if (worst) *worst = largest;
    }
    (void)es_voice_reset(voice);
    return status;
}
