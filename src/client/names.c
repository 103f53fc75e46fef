/* The words of the public API. */
#include "myturn/myturn.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const char *myturn_err_str(myturn_err err) {
    static const char *const words[] = {
        [MYTURN_OK] = "ok",
        [MYTURN_ERR_MEMORY] = "out of memory",
        [MYTURN_ERR_ARGUMENT] = "malformed argument",
        [MYTURN_ERR_STATE] = "not possible now",
        [MYTURN_ERR_TOO_LONG] = "too long",
        [MYTURN_ERR_BUSY] = "busy, try again",
        [MYTURN_ERR_SYSTEM] = "system error",
    };
    return (unsigned)err < COUNT(words) ? words[err] : "unknown error";
}

const char *myturn_state_str(myturn_state state) {
    static const char *const words[] = {
        [MYTURN_LOGGED_OUT] = "logged-out",     [MYTURN_LOGGING_IN] = "logging-in", [MYTURN_IDLE] = "idle",
        [MYTURN_WAITING] = "waiting",           [MYTURN_CONNECTING] = "connecting", [MYTURN_TALKING] = "talking",
        [MYTURN_RECONNECTING] = "reconnecting", [MYTURN_ENDING] = "ending",
    };
    return (unsigned)state < COUNT(words) ? words[state] : "unknown";
}

const char *myturn_event_str(myturn_event_kind kind) {
    static const char *const words[] = {
        [MYTURN_EV_STATE] = "state",
        [MYTURN_EV_LOGGED_IN] = "logged-in",
        [MYTURN_EV_LOGGED_OUT] = "logged-out",
        [MYTURN_EV_WAITING] = "waiting",
        [MYTURN_EV_DRAWN] = "drawn",
        [MYTURN_EV_CALL_UP] = "call-up",
        [MYTURN_EV_SECURE] = "secure",
        [MYTURN_EV_TEXT] = "text",
        [MYTURN_EV_TYPING] = "typing",
        [MYTURN_EV_MIC] = "mic",
        [MYTURN_EV_RECONNECTING] = "reconnecting",
        [MYTURN_EV_ENDED] = "ended",
        [MYTURN_EV_ERROR] = "error",
        [MYTURN_EV_LEVEL] = "level",
        [MYTURN_EV_PATH] = "path",
        [MYTURN_EV_SETTINGS] = "settings",
        [MYTURN_EV_QUALITY] = "quality",
        [MYTURN_EV_BLOCKED] = "blocked",
        [MYTURN_EV_REPORTED] = "reported",
        [MYTURN_EV_TEST] = "test",
    };
    return (unsigned)kind < COUNT(words) ? words[kind] : "unknown";
}

const char *myturn_version(void) {
    return MT_VERSION;
}
