/* corrupt.c - changes an artifact word by word and byte by byte, repairs the checksum each time,
 * and opens and plays what still opens. argv[1]: artifact; argv[2], argv[3]: the bytes to change
 * start and end here; prints how many variants were refused and how many played. */
#include "corrupt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    static const uint32_t values[] = {0,          1,          2,          3,          15,
                                      16,         17,         64,         127,        128,
                                      255,        256,        65535,      65536,      0x3f800000,
                                      0x7f800000, 0x7fc00000, 0x7fffffff, 0x80000000, 0xfffffff0,
                                      0xfffffffe, 0xffffffff};
    void *blob;
    size_t bytes;
    unsigned long refused = 0, played = 0;
    if (argc != 4 || es_file_read(argv[1], &blob, &bytes) != ES_OK) return 2;
    uint8_t *data = blob;
    size_t from = strtoul(argv[2], NULL, 10), to = strtoul(argv[3], NULL, 10);
    for (size_t at = from / 4 * 4; at + 4 <= bytes && at < to; at += 4) {
        uint32_t old, word;
        memcpy(&old, data + at, 4);
        for (size_t i = 0; i < sizeof values / sizeof values[0] + 34; i++) {
            size_t n = sizeof values / sizeof values[0];
            word = i < n ? values[i] : i < n + 2 ? old + (i == n ? 1u : 0xffffffffu)
                                                 : old ^ (1u << (i - n - 2));
            if (word == old) continue;
            memcpy(data + at, &word, 4);
            repair(data, bytes);
            if (play(data, bytes, (uint32_t)(at * 64 + i))) played++;
            else refused++;
        }
        memcpy(data + at, &old, 4);
    }
    es_file_free(blob);
    printf("%lu refused, %lu played\n", refused, played);
    return 0;
}
