/* open_file.c - reads a file into aligned memory; apart from the core, for it needs stdio. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "edgesynth.h"

/* The block starts with the pointer that malloc gave, ES_ALIGN before the data. */
static void *aligned_block(size_t bytes) {
    if (bytes > SIZE_MAX - 2 * ES_ALIGN) return NULL;
    unsigned char *raw = malloc(bytes + 2 * ES_ALIGN);
    if (!raw) return NULL;
    unsigned char *data = raw + ES_ALIGN;
    data += (ES_ALIGN - (uintptr_t)data % ES_ALIGN) % ES_ALIGN;
    ((void **)(void *)data)[-1] = raw;
    return data;
}

void es_file_free(void *blob) {
    if (blob) free(((void **)blob)[-1]);
}

es_status es_file_read(const char *path, void **blob, size_t *bytes) {
    if (!path || !blob || !bytes) return ES_ERR_ARGUMENT;
    FILE *file = fopen(path, "rb");
    if (!file) return ES_ERR_FILE;
    void *data = NULL;
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    if (size >= 0 && size < LONG_MAX && fseek(file, 0, SEEK_SET) == 0)
        data = aligned_block((size_t)size);
    if (data && fread(data, 1, (size_t)size, file) != (size_t)size) {
        es_file_free(data);
        data = NULL;
    }
    (void)fclose(file);
    if (!data) return ES_ERR_FILE;
    *blob = data;
    *bytes = (size_t)size;
    return ES_OK;
}
