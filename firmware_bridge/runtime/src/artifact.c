/* artifact.c - header, checksum and section table of an artifact (docs/artifact.md). */
#include <string.h>

#include "artifact.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "artifacts are little-endian and read in place: big-endian machines are not supported"
#endif

#define HEADER_BYTES 96u
#define ROW_BYTES 16u

static uint32_t crc32(const uint8_t *data, size_t bytes) {
    uint32_t table[256], crc = 0xffffffffu;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++) c = (c >> 1) ^ (0xedb88320u & (0u - (c & 1u)));
        table[i] = c;
    }
    for (size_t i = 0; i < bytes; i++) crc = table[(crc ^ data[i]) & 0xffu] ^ (crc >> 8);
    return ~crc;
}

/* Bytes of one record: a byte where a section is raw. */
static uint32_t record_bytes(uint32_t id) {
    switch (id) {
    case ES_VALUES:
    case ES_STATES: return 16;
    case ES_PARAMS:
    case ES_NODES:
    case ES_PORTS: return 64;
    case ES_MIDI: return 32;
    case ES_WORDS: return 4;
    default: return 1;
    }
}

static es_status read_sections(const uint8_t *blob, uint32_t bytes, uint32_t rows,
                               es_artifact *artifact) {
    uint32_t last = 0;
    if (HEADER_BYTES + (uint64_t)rows * ROW_BYTES > bytes) return ES_ERR_SECTION;
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t row[4]; /* id, offset, bytes, records */
        memcpy(row, blob + HEADER_BYTES + (size_t)i * ROW_BYTES, sizeof row);
        if (row[0] <= last) return ES_ERR_SECTION;
        last = row[0];
        if (row[1] % ES_ALIGN || row[1] < HEADER_BYTES + (uint64_t)rows * ROW_BYTES ||
            (uint64_t)row[1] + row[2] > bytes)
            return ES_ERR_SECTION;
        if (row[0] >= ES_SECTIONS) continue;
        uint32_t record = record_bytes(row[0]);
        if ((uint64_t)row[3] * record != row[2]) return ES_ERR_SECTION;
        artifact->sections[row[0]].data = blob + row[1];
        artifact->sections[row[0]].bytes = row[2];
        artifact->sections[row[0]].count = row[3];
    }
    const es_section *strings = &artifact->sections[ES_STRINGS];
    const es_section *words = &artifact->sections[ES_WORDS];
    if (!strings->data || !words->data || !artifact->sections[ES_VALUES].data ||
        !artifact->sections[ES_NODES].data || !artifact->sections[ES_PORTS].data)
        return ES_ERR_SECTION;
    if (strings->bytes == 0 || strings->data[strings->bytes - 1] != 0) return ES_ERR_SECTION;
    return ES_OK;
}

es_status es_artifact_read(const void *blob, size_t bytes, es_artifact *artifact) {
    const uint8_t *data = blob;
    es_word header[HEADER_BYTES / 4];
    memset(artifact, 0, sizeof *artifact);
    if (bytes < 4 || memcmp(data, "ESA\x1a", 4) != 0) return ES_ERR_MAGIC;
    if (bytes < HEADER_BYTES) return ES_ERR_TRUNCATED;
    memcpy(header, data, sizeof header);
    if (header[1].u != 1) return ES_ERR_VERSION;
    if (header[2].u > bytes || header[2].u < HEADER_BYTES) return ES_ERR_TRUNCATED;
    if (crc32(data + 16, header[2].u - 16) != header[3].u) return ES_ERR_CHECKSUM;
    artifact->hash = data + 16;
    artifact->rate = header[13].f;
    artifact->chunk = header[14].u;
    artifact->latency = header[15].u;
    artifact->arena_floats = header[16].u;
    for (uint32_t i = 17; i < HEADER_BYTES / 4; i++)
        if (header[i].u != 0) return ES_ERR_SECTION;
    if (!es_finite(artifact->rate) || artifact->rate < 0.0f) return ES_ERR_SECTION;
    if (artifact->chunk < 1 || artifact->chunk > 65536) return ES_ERR_SECTION;
    return read_sections(data, header[2].u, header[12].u, artifact);
}
