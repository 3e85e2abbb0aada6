/* fuzz_artifact.c - libFuzzer's door: any bytes, checksum repaired, opened and played.
 * scripts/fuzz builds and runs it. With -DREPLAY, a program that plays the files it is given. */
#include "corrupt.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    void *copy = NULL;
    if (bytes == 0 || posix_memalign(&copy, ES_ALIGN, bytes) != 0) return 0;
    memcpy(copy, data, bytes);
    repair(copy, bytes);
    (void)play(copy, bytes, (uint32_t)bytes * 31u + data[bytes / 2]);
    free(copy);
    return 0;
}

#ifdef REPLAY
int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        void *blob;
        size_t bytes;
        if (es_file_read(argv[i], &blob, &bytes) != ES_OK) continue;
        (void)LLVMFuzzerTestOneInput(blob, bytes);
        es_file_free(blob);
    }
    return 0;
}
#endif
