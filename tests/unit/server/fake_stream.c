/* net/stream.h of make-believe: the one outgoing connection, which the test lets come up, go down and speak. */
#include <string.h>

#include "fake_net.h"
#include "net/stream.h"

struct mt_stream {
    const mt_stream_handlers *h;
    void *ctx;
};

static struct {
    mt_stream stream;
    bool open;
    char said[65536];
    size_t said_len;
} stream;

mt_err mt_stream_open(mt_net *n, const mt_addr *to, const mt_stream_handlers *handlers, void *ctx, mt_stream **out) {
    stream.stream = (mt_stream){handlers, ctx};
    stream.open = true;
    stream.said_len = 0;
    stream.said[0] = '\0';
    *out = &stream.stream;
    return MT_OK;
}

mt_err mt_stream_send(mt_stream *s, mt_slice bytes) {
    if (stream.said_len + bytes.len >= sizeof stream.said)
        stream.said_len = 0; /* what the test has not looked at */
    memcpy(stream.said + stream.said_len, bytes.p, bytes.len);
    stream.said_len += bytes.len;
    stream.said[stream.said_len] = '\0';
    return MT_OK;
}

void mt_stream_close(mt_stream *s) {
    if (s != NULL)
        stream.open = false;
}

bool fake_stream_is_open(void) {
    return stream.open;
}

void fake_stream_up(void) {
    stream.stream.h->up(stream.stream.ctx);
    fake_turn();
}

void fake_stream_text(const char *text) {
    stream.stream.h->received(stream.stream.ctx, mt_slice_of(text));
    fake_turn();
}

void fake_stream_down(void) {
    stream.open = false;
    stream.stream.h->down(stream.stream.ctx, "the test ended it");
    fake_turn();
}

const char *fake_stream_said(void) {
    return stream.said;
}

void fake_stream_forget(void) {
    stream.said_len = 0;
    stream.said[0] = '\0';
}
