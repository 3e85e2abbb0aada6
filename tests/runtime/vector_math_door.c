/* A door from the tests to the vector functions: VL lanes at a time over n floats. */
#include "vec/math.h"

#define DOOR(name)                                                                           \
    void ES_NAME(door_##name)(const float *x, float *y, size_t n);                           \
    void ES_NAME(door_##name)(const float *x, float *y, size_t n) {                          \
        for (size_t i = 0; i < n; i += VL) v_store(y + i, v_##name(v_load(x + i)));          \
    }
DOOR(exp)
DOOR(expm1)
DOOR(log)
DOOR(log2)
DOOR(tanh)
DOOR(sigmoid)
DOOR(softplus)
DOOR(sinpi)
DOOR(sin)
DOOR(cos)
DOOR(sqrt)

void ES_NAME(door_pow)(const float *x, const float *e, float *y, size_t n);
void ES_NAME(door_pow)(const float *x, const float *e, float *y, size_t n) {
    for (size_t i = 0; i < n; i += VL) v_store(y + i, v_pow(v_load(x + i), v_load(e + i)));
}
void ES_NAME(door_div)(const float *x, const float *e, float *y, size_t n);
void ES_NAME(door_div)(const float *x, const float *e, float *y, size_t n) {
    for (size_t i = 0; i < n; i += VL) v_store(y + i, v_div(v_load(x + i), v_load(e + i)));
}
