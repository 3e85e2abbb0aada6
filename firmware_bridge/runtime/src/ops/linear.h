/* linear.h - a packed matrix times frames: what linear, gru and noise are built on. */
#ifndef ES_OPS_LINEAR_H
#define ES_OPS_LINEAR_H

#include "check.h"

/* Panels of 16 outputs, [panel][in][16]; blocks lie one after the other as further panels.
 * bias may be NULL; scale is NULL for f32. */
typedef struct es_matrix {
    const void *data;
    const float *bias, *scale;
    uint32_t in, out; /* out: padded, a multiple of 16 */
} es_matrix;

ES_INLINE es_matrix es_matrix_of(const es_param *w, const es_param *bias) {
    es_matrix m = {w->data, bias ? (const float *)bias->data : NULL,
                   w->format == ES_I8 ? w->scale : NULL, w->dims[1],
                   w->blocks * es_pad(w->dims[0] / w->blocks)};
    return m;
}

/* y[f] = M x[f] + bias for `frames` frames; x_step and y_step are floats from frame to frame and
 * y_step >= m->out. Each output: two partial sums (even and odd inputs), added at the end; f32
 * starts the first from the bias, i8 sums codes and gives sum * scale + bias. */
void ES_NAME(es_matrix_apply)(const es_matrix *m, const float *x, size_t x_step, float *y,
                              size_t y_step, uint32_t frames);

#endif
