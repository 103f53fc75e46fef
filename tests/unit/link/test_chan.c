/* Messages of the data channel, their limits, and that a sender within its budget never breaks the receiver's rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/random.h"
#include "base/timerq.h"
#include "link/chan.h"

static mt_buf text;
static mt_chan_msg m;

static int setup(void **state) {
    (void)state;
    mt_buf_init(&text, MT_CHAN_MAX_BYTES);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    mt_buf_deinit(&text);
    return 0;
}

static mt_err decode_n(const char *p, size_t len) {
    char *copy = malloc(len + (len == 0));
    assert_non_null(copy);
    memcpy(copy, p, len);
    mt_err err = mt_chan_decode((mt_slice){copy, len}, &text, &m);
    free(copy); /* the body lives in text */
    return err;
}

static mt_err decode(const char *json) {
    return decode_n(json, strlen(json));
}

static void encode(const mt_chan_msg *msg, const char *want) {
    mt_buf b;
    mt_buf_init(&b, 1 << 16);
    mt_buf_add_str(&b, "kept");
    assert_int_equal(mt_chan_encode(msg, &b), MT_OK);
    assert_string_equal(b.p + 4, want);
    mt_buf_deinit(&b);
}

static void test_vectors(void **state) {
    (void)state;
    encode(&(mt_chan_msg){.type = MT_CHAN_TEXT, .id = 7, .body = MT_SLICE_LIT("Cześć \"Anna\"\\\n\tżółw/\x1b🐢")},
           "{\"type\":\"text\",\"id\":7,\"body\":\"Cześć \\\"Anna\\\"\\\\\\n\\tżółw/\\u001b🐢\"}");
    encode(&(mt_chan_msg){.type = MT_CHAN_TYPING, .on = true}, "{\"type\":\"typing\",\"on\":true}");
    encode(&(mt_chan_msg){.type = MT_CHAN_MIC}, "{\"type\":\"mic\",\"on\":false}");
    encode(&(mt_chan_msg){.type = MT_CHAN_CAM, .on = true}, "{\"type\":\"cam\",\"on\":true}");
    encode(&(mt_chan_msg){.type = MT_CHAN_PING, .id = 1}, "{\"type\":\"ping\",\"id\":1}");
    encode(&(mt_chan_msg){.type = MT_CHAN_PONG, .id = MT_CHAN_MAX_ID}, "{\"type\":\"pong\",\"id\":9007199254740991}");
    encode(&(mt_chan_msg){.type = MT_CHAN_SAS_COMMIT, .value = {0xff, 0xfe}},
           "{\"type\":\"sas-commit\",\"hash\":\"__4AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}");
    encode(&(mt_chan_msg){.type = MT_CHAN_SAS_NONCE},
           "{\"type\":\"sas-nonce\",\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}");
    encode(&(mt_chan_msg){.type = MT_CHAN_SAS_REVEAL},
           "{\"type\":\"sas-reveal\",\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}");
    encode(&(mt_chan_msg){.type = MT_CHAN_BYE}, "{\"type\":\"bye\"}");
}

static void test_decode(void **state) {
    (void)state;
    assert_int_equal(
        decode(
            " {\t\"body\" : \"a\\u0142\\ud83d\\udc22\\/\\n\\\"\" ,\r\n\"id\":12,\"type\":\"text\",\"x\":[1.5e+3,{}]} "),
        MT_OK);
    assert_int_equal(m.type, MT_CHAN_TEXT);
    assert_int_equal(m.id, 12);
    assert_true(mt_slice_is(m.body, "ał🐢/\n\""));
    assert_int_equal(decode("{\"ty\\u0070e\":\"m\\u0069c\",\"on\":true}"), MT_OK);
    assert_int_equal(m.type, MT_CHAN_MIC);
    assert_true(m.on);
    assert_int_equal(decode("{\"type\":\"sas-commit\",\"hash\":\"__4AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"),
                     MT_OK);
    assert_int_equal(m.value[0], 0xff);
    assert_int_equal(m.value[1], 0xfe);
    assert_int_equal(decode("{\"type\":\"bye\",\"why\":null}"), MT_OK);
    assert_int_equal(m.type, MT_CHAN_BYE);
}

static void test_unknown_is_ignored(void **state) {
    (void)state;
    static const char *const rows[] = {
        "{\"type\":\"sticker\"}",
        "{\"type\":\"\"}",
        "{\"type\":\"Text\",\"id\":\"no number\",\"on\":0}",
        "{\"type\":\"x\",\"a\":{\"b\":{\"c\":[]}}}",
        "{\"type\":\"x\",\"a\":-0.5E-3,\"b\":[true,false,null,\"\\b\\f\\r\\t\"],\"c\":{\"a\":1}}",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        m.type = MT_CHAN_BYE;
        if (decode(rows[i]) != MT_OK || m.type != MT_CHAN_UNKNOWN)
            fail_msg("%s", rows[i]);
    }
}

static void test_malformed(void **state) {
    (void)state;
    static const char *const rows[] = {
        "",
        " ",
        "{",
        "}",
        "[]",
        "\"text\"",
        "null",
        "{}",
        "{}{}",
        "{\"type\":\"bye\"}x",
        "{\"type\":\"bye\"},",
        "\xef\xbb\xbf{\"type\":\"bye\"}",
        "{\"type\":\"bye\",}",
        "{,\"type\":\"bye\"}",
        "{\"type\" \"bye\"}",
        "{type:\"bye\"}",
        "{'type':'bye'}",
        "{\"type\":bye}",
        "{\"type\":1}",
        "{\"type\":null}",
        "{\"on\":true}",
        /* keys twice, also by escapes and further in */
        "{\"type\":\"bye\",\"type\":\"bye\"}",
        "{\"type\":\"bye\",\"t\\u0079pe\":\"bye\"}",
        "{\"type\":\"x\",\"a\":{\"b\":1,\"b\":1}}",
        "{\"type\":\"x\",\"\":1,\"\":1}",
        /* too deep */
        "{\"type\":\"x\",\"a\":{\"b\":{\"c\":[[]]}}}",
        "{\"type\":\"x\",\"a\":[[[[]]]]}",
        /* strings */
        "{\"type\":\"text\",\"id\":1,\"body\":\"\"}",
        "{\"type\":\"text\",\"id\":1,\"body\":\"a\tb\"}",
        "{\"type\":\"text\",\"id\":1,\"body\":\"a\nb\"}",
        "{\"type\":\"text\",\"id\":1,\"body\":\"\\u0000\"}",
        "{\"type\":\"text\",\"id\":1,\"body\":\"\\ud83d\"}",
        "{\"type\":\"text\",\"id\":1,\"body\":\"\\ud83dx\"}",
        "{\"type\":\"text\",\"id\":1,\"body\":\"\\ud83d\\u0041\"}",
        "{\"type\":\"text\",\"id\":1,\"body\":\"\\udc22\"}",
        "{\"type\":\"text\",\"id\":1,\"body\":\"\\x41\"}",
        "{\"type\":\"text\",\"id\":1,\"body\":\"\\u12g4\"}",
        "{\"type\":\"text\",\"id\":1,\"body\":\"\\",
        "{\"type\":\"text\",\"id\":1,\"body\":\"\\u00",
        "{\"type\":\"text\",\"id\":1,\"body\":\"\xff\"}",
        "{\"type\":\"text\",\"id\":1,\"body\":\"\xc0\x80\"}",
        "{\"type\":\"text\",\"id\":1,\"body\":\"\xed\xa0\x80\"}",
        "{\"type\":\"text\",\"id\":1,\"body\":\"\xc5\"}",
        "{\"type\":\"text\",\"id\":1,\"body\":5}",
        "{\"type\":\"text\",\"id\":1}",
        "{\"type\":\"text\",\"body\":\"a\"}",
        /* numbers */
        "{\"type\":\"ping\",\"id\":0}",
        "{\"type\":\"ping\",\"id\":-1}",
        "{\"type\":\"ping\",\"id\":1.0}",
        "{\"type\":\"ping\",\"id\":1e3}",
        "{\"type\":\"ping\",\"id\":01}",
        "{\"type\":\"ping\",\"id\":+1}",
        "{\"type\":\"ping\",\"id\":9007199254740992}",
        "{\"type\":\"ping\",\"id\":99999999999999999999999}",
        "{\"type\":\"ping\",\"id\":\"1\"}",
        "{\"type\":\"ping\"}",
        "{\"type\":\"pong\",\"id\":null}",
        "{\"type\":\"x\",\"n\":.5}",
        "{\"type\":\"x\",\"n\":5.}",
        "{\"type\":\"x\",\"n\":5e}",
        "{\"type\":\"x\",\"n\":-}",
        "{\"type\":\"x\",\"n\":NaN}",
        "{\"type\":\"x\",\"n\":truee}",
        "{\"type\":\"x\",\"n\":[1,]}",
        "{\"type\":\"x\",\"n\":[1 2]}",
        /* fields of known types */
        "{\"type\":\"mic\"}",
        "{\"type\":\"mic\",\"on\":1}",
        "{\"type\":\"typing\",\"on\":\"true\"}",
        "{\"type\":\"cam\",\"on\":null}",
        "{\"type\":\"sas-commit\",\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
        "{\"type\":\"sas-nonce\",\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}",
        "{\"type\":\"sas-nonce\",\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB\"}",
        "{\"type\":\"sas-reveal\",\"nonce\":\"AAAA\"}",
        "{\"type\":\"sas-reveal\",\"nonce\":7}",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        m.id = 4711;
        if (decode(rows[i]) != MT_EBAD)
            fail_msg("row %zu: %s", i, rows[i]);
        assert_int_equal(m.id, 4711); /* untouched */
    }
    assert_int_equal(decode_n("{\"type\":\"x\",\"a\":\"\0\"}", 20), MT_EBAD);
    static const char good[] = "{\"type\":\"text\",\"id\":12,\"body\":\"\\ud83d\\udc22 x\",\"x\":[1.5e+3,{}]}";
    for (size_t n = 0; n < sizeof good - 1; n++)
        assert_int_equal(decode_n(good, n), MT_EBAD);
    assert_int_equal(decode(good), MT_OK);
}

static void test_limits(void **state) {
    (void)state;
    static char body[4 * (MT_CHAN_MAX_TEXT_POINTS + 1) + 1], json[MT_CHAN_MAX_BYTES + 2];
    for (size_t i = 0; i <= MT_CHAN_MAX_TEXT_POINTS; i++)
        memcpy(body + 4 * i, "🐢", 4);
    mt_buf b;
    mt_buf_init(&b, 1 << 16);
    mt_chan_msg t = {.type = MT_CHAN_TEXT, .id = 1, .body = {body, 4 * MT_CHAN_MAX_TEXT_POINTS}};
    assert_int_equal(mt_chan_encode(&t, &b), MT_OK);
    assert_int_equal(mt_chan_decode(mt_buf_slice(&b), &text, &m), MT_OK);
    assert_true(mt_slice_eq(m.body, t.body));
    mt_buf_reset(&b);
    t.body.len += 4;
    assert_int_equal(mt_chan_encode(&t, &b), MT_ELIMIT);
    assert_int_equal(b.len, 0);
    memset(body, '\x01', MT_CHAN_MAX_TEXT_POINTS); /* six bytes each when escaped */
    t.body.len = MT_CHAN_MAX_TEXT_POINTS;
    assert_int_equal(mt_chan_encode(&t, &b), MT_ELIMIT);
    assert_int_equal(b.len, 0);
    mt_buf_deinit(&b);
    /* one point too many, one byte too many, one key too many */
    (void)snprintf(json, sizeof json, "{\"type\":\"text\",\"id\":1,\"body\":\"%04001d\"}", 5);
    assert_int_equal(decode(json), MT_EBAD);
    memset(json, ' ', sizeof json);
    memcpy(json, "{\"type\":\"bye\"}", 14);
    assert_int_equal(decode_n(json, MT_CHAN_MAX_BYTES), MT_OK);
    assert_int_equal(decode_n(json, MT_CHAN_MAX_BYTES + 1), MT_EBAD);
    for (int keys = MT_CHAN_MAX_KEYS; keys <= MT_CHAN_MAX_KEYS + 1; keys++) {
        int at = snprintf(json, sizeof json, "{\"type\":\"x\"");
        for (int i = 1; i < keys; i++)
            at += snprintf(json + at, sizeof json - (size_t)at, ",\"%d\":1", i);
        (void)snprintf(json + at, sizeof json - (size_t)at, "}");
        assert_int_equal(decode(json), keys == MT_CHAN_MAX_KEYS ? MT_OK : MT_EBAD);
    }
}

static void test_unencodable(void **state) {
    (void)state;
    mt_buf b;
    mt_buf_init(&b, 64);
    const mt_chan_msg einval[] = {{.type = MT_CHAN_UNKNOWN},
                                  {.type = MT_CHAN_PING},
                                  {.type = MT_CHAN_PONG, .id = MT_CHAN_MAX_ID + 1},
                                  {.type = MT_CHAN_TEXT, .body = MT_SLICE_LIT("x")}};
    for (size_t i = 0; i < sizeof einval / sizeof einval[0]; i++)
        assert_int_equal(mt_chan_encode(&einval[i], &b), MT_EINVAL);
    const mt_slice bad[] = {{"", 0}, MT_SLICE_LIT("\xff"), {"a\0b", 3}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(mt_chan_encode(&(mt_chan_msg){.type = MT_CHAN_TEXT, .id = 1, .body = bad[i]}, &b), MT_EBAD);
    const mt_chan_msg longer = {
        .type = MT_CHAN_TEXT, .id = 1, .body = MT_SLICE_LIT("more than there is room for here, surely")};
    assert_int_equal(mt_chan_encode(&longer, &b), MT_ELIMIT);
    assert_int_equal(b.len, 0);
    mt_buf_deinit(&b);
    mt_buf_init(&b, 1024);
    mt_alloc_fail_nth(1);
    assert_int_equal(mt_chan_encode(&longer, &b), MT_ENOMEM);
    mt_alloc_fail_nth(0);
    mt_buf_deinit(&b);
    mt_buf_deinit(&text);
    mt_buf_init(&text, MT_CHAN_MAX_BYTES);
    mt_alloc_fail_nth(1);
    assert_int_equal(decode("{\"type\":\"text\",\"id\":1,\"body\":\"x\"}"), MT_ENOMEM);
    mt_alloc_fail_nth(0);
    assert_int_equal(decode("{\"type\":\"text\",\"id\":1,\"body\":\"x\"}"), MT_OK);
}

static const mt_slice mic = {"{\"type\":\"mic\",\"on\":true}", 24};

static void test_receive_rate(void **state) {
    (void)state;
    mt_chan_rx rx;
    mt_chan_rx_init(&rx, 1000);
    for (int i = 0; i < MT_CHAN_BURST; i++)
        assert_int_equal(mt_chan_receive(&rx, mic, 1000, &text, &m), MT_OK);
    mt_chan_rx full = rx;
    assert_int_equal(mt_chan_receive(&rx, mic, 1049, &text, &m), MT_ELIMIT);
    rx = full;
    assert_int_equal(mt_chan_receive(&rx, mic, 1050, &text, &m), MT_OK);
    assert_int_equal(mt_chan_receive(&rx, mic, 1050, &text, &m), MT_ELIMIT);
    assert_int_equal(mt_chan_receive(&rx, mic, 0, &text, &m), MT_ELIMIT); /* a clock that goes back gives nothing */
    rx = full;
    for (int i = 0; i < MT_CHAN_BURST; i++)
        assert_int_equal(mt_chan_receive(&rx, mic, INT64_MAX - 1, &text, &m), MT_OK);
    assert_int_equal(mt_chan_receive(&rx, mic, INT64_MAX - 1, &text, &m), MT_ELIMIT);
}

static void test_unknown_counts_too(void **state) {
    (void)state;
    mt_chan_rx rx;
    mt_chan_rx_init(&rx, 0);
    for (int i = 0; i < MT_CHAN_BURST; i++)
        assert_int_equal(mt_chan_receive(&rx, MT_SLICE_LIT("{\"type\":\"x\"}"), 0, &text, &m), MT_OK);
    assert_int_equal(mt_chan_receive(&rx, MT_SLICE_LIT("{\"type\":\"x\"}"), 0, &text, &m), MT_ELIMIT);
}

static void test_text_ids_rise(void **state) {
    (void)state;
    static const struct {
        const char *json;
        mt_err err;
    } rows[] = {
        {"{\"type\":\"text\",\"id\":1,\"body\":\"a\"}", MT_OK},
        {"{\"type\":\"ping\",\"id\":1}", MT_OK},
        {"{\"type\":\"text\",\"id\":1,\"body\":\"a\"}", MT_EBAD},
        {"{\"type\":\"text\",\"id\":5,\"body\":\"a\"}", MT_OK},
        {"{\"type\":\"text\",\"id\":4,\"body\":\"a\"}", MT_EBAD},
        {"{\"type\":\"text\",\"id\":6,\"body\":\"a\"}", MT_OK},
    };
    mt_chan_rx rx;
    mt_chan_rx_init(&rx, 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(mt_chan_receive(&rx, mt_slice_of(rows[i].json), 0, &text, &m), rows[i].err);
}

static mt_err send(mt_chan_tx *tx, mt_chan_type type, int64_t now_ms) {
    mt_buf b;
    mt_buf_init(&b, 1024);
    const mt_chan_msg out = {.type = type, .id = 9, .body = MT_SLICE_LIT("x")};
    mt_err err = mt_chan_send(tx, &out, now_ms, &b);
    if (err == MT_OK)
        assert_int_equal(mt_chan_decode(mt_buf_slice(&b), &text, &m), MT_OK);
    mt_buf_deinit(&b);
    return err;
}

static void test_send_budget(void **state) {
    (void)state;
    mt_chan_tx tx;
    mt_chan_tx_init(&tx, 0);
    for (unsigned i = 1; i <= MT_CHAN_TX_BURST; i++) {
        assert_int_equal(mt_chan_tx_next_ms(&tx, MT_CHAN_TEXT, 0), 0);
        assert_int_equal(send(&tx, MT_CHAN_TEXT, 0), MT_OK);
        assert_int_equal(m.id, i); /* ids are given, those of the caller are not read */
    }
    assert_int_equal(send(&tx, MT_CHAN_TEXT, 0), MT_EMORE);
    assert_int_equal(mt_chan_tx_next_ms(&tx, MT_CHAN_TEXT, 0), MT_NEVER); /* a window: a pong is needed */
    assert_int_equal(mt_chan_tx_next_ms(&tx, MT_CHAN_PING, 0), 67);       /* the bucket: time is */
    assert_int_equal(send(&tx, MT_CHAN_PING, 66), MT_EMORE);
    assert_int_equal(send(&tx, MT_CHAN_PING, 67), MT_OK);
    assert_int_equal(m.id, 1);
    assert_int_equal(mt_chan_tx_pong(&tx, 2), MT_EBAD);
    assert_int_equal(mt_chan_tx_pong(&tx, 1), MT_OK);
    assert_int_equal(mt_chan_tx_pong(&tx, 1), MT_EBAD); /* answered already */
    assert_int_equal(send(&tx, MT_CHAN_TEXT, 200), MT_OK);
    assert_int_equal(m.id, MT_CHAN_TX_BURST + 1);
    assert_int_equal(send(&tx, MT_CHAN_PONG, 300), MT_OK);
    assert_int_equal(m.id, 9);
}

/* However full, a ping can be sent until four are unanswered, so that the windows always open again; and bye always. */
static void test_no_deadlock(void **state) {
    (void)state;
    mt_chan_tx tx;
    mt_chan_tx_init(&tx, 0);
    int64_t now = 0;
    int sent = 0;
    while (send(&tx, MT_CHAN_TEXT, now += 100) == MT_OK)
        sent++;
    while (send(&tx, MT_CHAN_PONG, now += 100) == MT_OK)
        sent++;
    assert_int_equal(sent, MT_CHAN_TX_WINDOW);
    while (send(&tx, MT_CHAN_PING, now += 100) == MT_OK)
        sent++;
    assert_int_equal(sent, MT_CHAN_TX_PING_WINDOW);
    assert_int_equal(send(&tx, MT_CHAN_BYE, now), MT_OK);
    assert_int_equal(mt_chan_tx_pong(&tx, 3), MT_OK); /* the newest alone will do */
    assert_int_equal(send(&tx, MT_CHAN_TEXT, now + 1000), MT_OK);
    for (int i = 0; i < MT_CHAN_TX_PINGS; i++)
        assert_int_equal(send(&tx, MT_CHAN_PING, now += 2000), MT_OK);
    assert_int_equal(send(&tx, MT_CHAN_PING, now + 2000), MT_EMORE);
}

static void test_failed_send_costs_nothing(void **state) {
    (void)state;
    mt_chan_tx tx, before;
    mt_buf b;
    mt_chan_tx_init(&tx, 0);
    before = tx;
    mt_buf_init(&b, 1024);
    const mt_chan_msg empty = {.type = MT_CHAN_TEXT};
    assert_int_equal(mt_chan_send(&tx, &empty, 5, &b), MT_EBAD);
    assert_memory_equal(&tx, &before, sizeof tx);
    mt_buf_deinit(&b);
}

/* A reliable, ordered pipe that stands still and then delivers all at once, both ways. */
typedef struct wire {
    struct {
        int64_t due_ms;
        size_t len;
        char bytes[96];
    } q[256];
    size_t head, tail;
    int64_t free_at_ms; /* outage until then */
} wire;

typedef struct side {
    mt_chan_tx tx;
    mt_chan_rx rx;
    wire *in, *out;
    int64_t ping_at_ms;
    uint64_t pong_wanted;
} side;

static void push(side *s, mt_chan_type type, uint64_t id, int64_t now_ms, int64_t delay_ms) {
    mt_buf b;
    mt_buf_init(&b, 96);
    const mt_chan_msg out = {.type = type, .id = id, .body = MT_SLICE_LIT("x"), .on = true};
    if (mt_chan_send(&s->tx, &out, now_ms, &b) == MT_OK) {
        wire *p = s->out;
        size_t i = p->tail++ % 256;
        assert_true(p->tail - p->head <= 256);
        p->q[i].due_ms = now_ms + delay_ms;
        p->q[i].len = b.len;
        memcpy(p->q[i].bytes, b.p, b.len);
        if (type == MT_CHAN_PONG)
            s->pong_wanted = 0;
    }
    mt_buf_deinit(&b);
}

static void deliver(side *s, int64_t now_ms, unsigned *got) {
    wire *p = s->in;
    while (p->head < p->tail && now_ms >= p->free_at_ms && p->q[p->head % 256].due_ms <= now_ms) {
        const size_t i = p->head++ % 256;
        mt_err err = mt_chan_receive(&s->rx, (mt_slice){p->q[i].bytes, p->q[i].len}, now_ms, &text, &m);
        assert_int_equal(err, MT_OK); /* the promise */
        ++*got;
        if (m.type == MT_CHAN_PING)
            s->pong_wanted = m.id;
        else if (m.type == MT_CHAN_PONG)
            assert_int_equal(mt_chan_tx_pong(&s->tx, m.id), MT_OK);
    }
}

static void test_sender_keeps_the_receivers_rule(void **state) {
    (void)state;
    uint64_t seed = 7;
    mt_random r = mt_random_seeded(&seed);
    for (int round = 0; round < 20; round++) {
        static wire ab, ba;
        ab = ba = (wire){.head = 0};
        side a = {.in = &ba, .out = &ab}, b = {.in = &ab, .out = &ba};
        side *sides[] = {&a, &b};
        unsigned got = 0;
        const int64_t delay = (int64_t)mt_random_below(r, 400);
        for (size_t k = 0; k < 2; k++) {
            mt_chan_tx_init(&sides[k]->tx, 0);
            mt_chan_rx_init(&sides[k]->rx, 0);
        }
        for (int64_t now = 0; now < 60000; now += 1 + mt_random_below(r, 5)) {
            if (mt_random_below(r, 2000) == 0)
                sides[mt_random_below(r, 2)]->in->free_at_ms = now + mt_random_below(r, 8000);
            for (size_t k = 0; k < 2; k++) {
                side *s = sides[k];
                deliver(s, now, &got);
                if (s->pong_wanted != 0)
                    push(s, MT_CHAN_PONG, s->pong_wanted, now, delay);
                if (now >= s->ping_at_ms) {
                    s->ping_at_ms = now + 1000;
                    push(s, MT_CHAN_PING, 0, now, delay);
                }
                push(s, MT_CHAN_TEXT, 0, now, delay); /* as greedy as can be */
            }
        }
        assert_true(got > 200); /* and it flows */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_unknown_is_ignored),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_unencodable),
        cmocka_unit_test(test_receive_rate),
        cmocka_unit_test(test_unknown_counts_too),
        cmocka_unit_test(test_text_ids_rise),
        cmocka_unit_test(test_send_budget),
        cmocka_unit_test(test_no_deadlock),
        cmocka_unit_test(test_failed_send_costs_nothing),
        cmocka_unit_test(test_sender_keeps_the_receivers_rule),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
