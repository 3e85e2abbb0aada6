/* status.c - texts of the statuses, the library's version. */
#include "edgesynth.h"

#define TEXT2(x) #x
#define TEXT(x) TEXT2(x)

const char *es_status_text(es_status status) {
    switch ((int)status) {
#define X(name, code, text) \
    case code: return text;
        ES_STATUS_TABLE(X)
#undef X
    default: return "unknown status";
    }
}

const char *es_version(void) {
    return TEXT(ES_VERSION_MAJOR) "." TEXT(ES_VERSION_MINOR) "." TEXT(ES_VERSION_PATCH);
}
