/* WebSocket frames from the wire, at once and in pieces (the first byte says of what size): both must find the same.
 * What comes out as text must be UTF-8, no message may be larger than allowed. */
#include <stdlib.h>

#include "base/text.h"
#include "net/ws.h"

#define MAX_BYTES 1000

typedef struct trace {
    char text[16384];
    size_t len;
} trace;

#define CHECK(what)                                                                                                    \
    do {                                                                                                               \
        if (!(what))                                                                                                   \
            abort();                                                                                                   \
    } while (0)

static void note(trace *t, const void *p, size_t len) {
    size_t room = sizeof t->text - t->len;
    len = len < room ? len : room;
    if (len > 0)
        memcpy(t->text + t->len, p, len);
    t->len += len;
}

static void check_event(mt_ws_step step, const mt_ws_event *ev) {
    if (step == MT_WS_MESSAGE)
        CHECK(ev->payload.len <= MAX_BYTES && (ev->binary || mt_text_is_utf8(ev->payload)));
    if (step == MT_WS_PINGED || step == MT_WS_PONGED)
        CHECK(ev->payload.len <= MT_WS_CONTROL_MAX);
    if (step == MT_WS_FAIL)
        CHECK(ev->code == 1002 || ev->code == 1007 || ev->code == 1009);
    if (step == MT_WS_CLOSED)
        CHECK(ev->code >= 1000 && ev->code < 5000);
}

/* False: at its end. */
static bool take_all(mt_ws *w, mt_buf *kept, trace *t) {
    for (;;) {
        size_t used = 0;
        mt_ws_event ev;
        mt_ws_step step = mt_ws_input(w, kept->p, kept->len, &used, &ev);
        CHECK(used <= kept->len && (used > 0 || step == MT_WS_MORE || step == MT_WS_FAIL));
        check_event(step, &ev);
        if (step == MT_WS_MORE) {
            CHECK(kept->len < MAX_BYTES + 14);
            return true;
        }
        if (step != MT_WS_NOTHING) {
            note(t, &(char){(char)step}, 1);
            note(t, &ev.code, sizeof ev.code);
            note(t, ev.payload.p, ev.payload.len);
        }
        mt_buf_consume(kept, used);
        if (step == MT_WS_CLOSED || step == MT_WS_FAIL)
            return false;
    }
}

static void run(const uint8_t *data, size_t len, size_t piece, trace *t) {
    mt_ws w;
    mt_buf kept;
    mt_ws_init(&w, MAX_BYTES);
    mt_buf_init(&kept, 1 << 20);
    t->len = 0;
    bool going = true;
    for (size_t at = 0; at < len && going; at += piece) {
        mt_buf_add(&kept, data + at, len - at < piece ? len - at : piece);
        going = take_all(&w, &kept, t);
    }
    mt_buf_deinit(&kept);
    mt_ws_deinit(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len); /* libFuzzer's */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static trace whole, pieces;
    if (len < 2 || len > 65536)
        return 0;
    run(data + 1, len - 1, len - 1, &whole);
    run(data + 1, len - 1, (size_t)data[0] + 1, &pieces);
    CHECK(whole.len == pieces.len && memcmp(whole.text, pieces.text, whole.len) == 0);
    return 0;
}
