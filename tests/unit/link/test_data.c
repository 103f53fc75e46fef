/* The data channel between two ends wired by queues; a main loop turns for SCTP's timers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib.h>
#include <string.h>

#include "base/clock.h"
#include "link/data.h"
#include "link/dcep.h"
#include "link/dtls.h"

typedef struct side {
    struct side *other;
    mt_data *data; /* one of the two is in use */
    mt_sctp *sctp;
    GQueue wire;              /* of GBytes: what the other sent */
    unsigned sent, lose_each; /* lose_each: every n-th packet of ours is lost */
    size_t longest;
    bool open;
    int end;
    unsigned frames, messages, resets;
    size_t last_len;
    unsigned last_number;
    bool disordered;
} side;

static void on_send(void *ctx, const void *p, size_t len) {
    side *s = ctx;
    s->sent++;
    s->longest = MAX(s->longest, len);
    if (s->lose_each == 0 || s->sent % s->lose_each != 0)
        g_queue_push_tail(&s->other->wire, g_bytes_new(p, len));
}

static void on_open(void *ctx) {
    ((side *)ctx)->open = true;
}

static void on_message(void *ctx, mt_slice text) {
    side *s = ctx;
    unsigned number = 0;
    s->messages++;
    s->last_len = text.len;
    if (text.len >= sizeof number) {
        memcpy(&number, text.p, sizeof number);
        s->disordered |= number != s->last_number + 1;
        s->last_number = number;
    }
}

static void on_end(void *ctx, mt_data_end why) {
    side *s = ctx;
    assert_int_equal(s->end, -1);
    s->end = (int)why;
}

static void on_raw_up(void *ctx) {
    ((side *)ctx)->open = true;
}

static void on_raw_message(void *ctx, uint16_t stream, uint32_t ppid, const uint8_t *p, size_t len) {
    ((side *)ctx)->messages++;
}

static void on_raw_reset(void *ctx, uint16_t stream) {
    ((side *)ctx)->resets++;
}

static void on_raw_end(void *ctx, mt_sctp_end why) {
    ((side *)ctx)->end = (int)why;
}

static void on_voice(void *ctx, mt_slice frame) {
    ((side *)ctx)->frames++;
}

static mt_data_config opener = {.opener = true, .peer_port = MT_SCTP_PORT};
static mt_data_config acceptor = {.dtls_client = true, .peer_port = MT_SCTP_PORT};
static const mt_data_events events = {
    .send = on_send, .open = on_open, .message = on_message, .voice = on_voice, .end = on_end};
static const mt_sctp_events raw_events = {
    .send = on_send, .up = on_raw_up, .message = on_raw_message, .reset = on_raw_reset, .end = on_raw_end};

typedef struct pair {
    side a, b; /* a opens and is the DTLS server, as the caller usually is */
} pair;

static void init_side(side *s, side *other) {
    *s = (side){.other = other, .end = -1};
    g_queue_init(&s->wire);
}

static void open_pair(pair *p, unsigned lose_each) {
    init_side(&p->a, &p->b);
    init_side(&p->b, &p->a);
    p->a.lose_each = p->b.lose_each = lose_each;
    assert_int_equal(mt_data_create(&opener, &events, &p->a, &p->a.data), MT_OK);
    assert_int_equal(mt_data_create(&acceptor, &events, &p->b, &p->b.data), MT_OK);
}

/* b is ours, a a partner who does as he likes. */
static void open_raw_pair(pair *p) {
    init_side(&p->a, &p->b);
    init_side(&p->b, &p->a);
    assert_int_equal(mt_sctp_create(MT_SCTP_PORT, &raw_events, &p->a, &p->a.sctp), MT_OK);
    assert_int_equal(mt_data_create(&acceptor, &events, &p->b, &p->b.data), MT_OK);
}

static void close_side(side *s) {
    mt_data_destroy(s->data);
    mt_sctp_destroy(s->sctp);
}

static void close_pair(pair *p) {
    close_side(&p->a);
    close_side(&p->b); /* its last word lies in the first one's wire */
    g_queue_clear_full(&p->a.wire, (GDestroyNotify)g_bytes_unref);
    g_queue_clear_full(&p->b.wire, (GDestroyNotify)g_bytes_unref);
}

static bool carry_one(side *s) {
    GBytes *packet = g_queue_pop_head(&s->wire);
    if (packet == NULL)
        return false;
    gsize len = 0;
    const void *p = g_bytes_get_data(packet, &len);
    if (s->data != NULL)
        mt_data_input(s->data, p, len);
    else
        mt_sctp_input(s->sctp, p, len);
    g_bytes_unref(packet);
    return true;
}

static void carry(pair *p) {
    while (carry_one(&p->a) || carry_one(&p->b))
        ;
}

#define CARRY_UNTIL(p, condition, limit_ms)                                                                            \
    do {                                                                                                               \
        int64_t until_ms = mt_clock_ms() + (limit_ms);                                                                 \
        while (!(condition) && mt_clock_ms() < until_ms) {                                                             \
            carry(p);                                                                                                  \
            if (!g_main_context_iteration(NULL, FALSE))                                                                \
                g_usleep(500);                                                                                         \
        }                                                                                                              \
    } while (0)

static void open_channel(pair *p) {
    CARRY_UNTIL(p, p->a.open && p->b.open, 5000);
    assert_true(p->a.open && p->b.open);
}

static void send_number(side *s, unsigned number, size_t len) {
    static char text[MT_SCTP_MESSAGE_MAX_BYTES];
    memcpy(text, &number, sizeof number);
    assert_int_equal(mt_data_send(s->data, mt_slice_n(text, len)), MT_OK);
}

static void test_opens_and_talks_both_ways(void **state) {
    pair p;
    open_pair(&p, 0);
    assert_int_equal(mt_data_send(p.a.data, MT_SLICE_LIT("x")), MT_ESTATE);
    open_channel(&p);
    for (unsigned i = 1; i <= 20; i++) {
        send_number(&p.a, i, 100);
        send_number(&p.b, i, 200);
    }
    CARRY_UNTIL(&p, p.a.messages == 20 && p.b.messages == 20, 3000);
    assert_int_equal(p.a.messages, 20);
    assert_int_equal(p.b.messages, 20);
    assert_false(p.a.disordered || p.b.disordered);
    close_pair(&p);
}

static void test_largest_message_is_joined(void **state) {
    pair p;
    open_pair(&p, 0);
    open_channel(&p);
    send_number(&p.a, 1, MT_SCTP_MESSAGE_MAX_BYTES);
    CARRY_UNTIL(&p, p.b.messages == 1, 3000);
    assert_int_equal(p.b.last_len, MT_SCTP_MESSAGE_MAX_BYTES);
    assert_in_range(p.a.longest, 1000, MT_DTLS_MTU_BYTES - 37); /* what DTLS puts around a record */
    close_pair(&p);
}

static void test_loss_is_made_good_in_order(void **state) {
    pair p;
    open_pair(&p, 5);
    open_channel(&p);
    for (unsigned i = 1; i <= 40; i++)
        send_number(&p.a, i, 900);
    CARRY_UNTIL(&p, p.b.messages == 40, 20000);
    assert_int_equal(p.b.messages, 40);
    assert_false(p.b.disordered);
    close_pair(&p);
}

static void test_end_is_told(void **state) {
    pair p;
    open_pair(&p, 0);
    open_channel(&p);
    mt_data_close(p.a.data);
    CARRY_UNTIL(&p, p.b.end >= 0, 1000);
    assert_int_equal(p.b.end, MT_DATA_CLOSED);
    assert_int_equal(p.a.end, -1);
    assert_int_equal(mt_data_send(p.a.data, MT_SLICE_LIT("x")), MT_ESTATE);
    assert_int_equal(mt_data_send(p.b.data, MT_SLICE_LIT("x")), MT_ESTATE);
    close_pair(&p);
}

static void send_open(pair *p, uint16_t stream, const char *label) {
    uint8_t request[MT_DCEP_OPEN_MAX_BYTES];
    size_t len = 0;
    assert_int_equal(mt_dcep_write_open(mt_slice_of(label), MT_DCEP_RELIABLE, request, &len), MT_OK);
    assert_int_equal(mt_sctp_send(p->a.sctp, stream, MT_PPID_DCEP, request, len), MT_OK);
}

static void open_raw(pair *p) {
    open_raw_pair(p);
    CARRY_UNTIL(p, p->a.open, 3000);
    assert_true(p->a.open);
}

static void test_foreign_channels_are_reset(void **state) {
    pair p;
    open_raw(&p);
    send_open(&p, 3, "files");
    send_open(&p, 5, "myturn-voice");
    send_open(&p, 2, "myturn"); /* an even stream belongs to the DTLS client, which we are */
    CARRY_UNTIL(&p, p.a.resets == 3, 3000);
    assert_int_equal(p.a.resets, 3);
    assert_false(p.b.open);
    send_open(&p, 1, "myturn");
    CARRY_UNTIL(&p, p.b.open, 3000);
    assert_true(p.b.open);
    send_open(&p, 7, "myturn"); /* a second one */
    CARRY_UNTIL(&p, p.a.resets == 4, 3000);
    assert_int_equal(p.a.resets, 4);
    assert_int_equal(p.b.end, -1);
    assert_int_equal(mt_sctp_send(p.a.sctp, 1, MT_PPID_STRING, "abcd", 4), MT_OK);
    CARRY_UNTIL(&p, p.b.messages == 1, 3000);
    assert_int_equal(p.b.messages, 1);
    close_pair(&p);
}

static void test_closing_the_channel_ends(void **state) {
    pair p;
    open_raw(&p);
    send_open(&p, 1, "myturn");
    CARRY_UNTIL(&p, p.b.open, 3000);
    mt_sctp_reset(p.a.sctp, 1);
    CARRY_UNTIL(&p, p.b.end >= 0, 3000);
    assert_int_equal(p.b.end, MT_DATA_CLOSED);
    close_pair(&p);
}

static void violate(uint16_t stream, uint32_t ppid, const void *bytes, size_t len, unsigned times) {
    pair p;
    open_raw(&p);
    send_open(&p, 1, "myturn");
    CARRY_UNTIL(&p, p.b.open, 3000);
    for (unsigned i = 0; i < times && p.b.end < 0; i++) {
        assert_int_equal(mt_sctp_send(p.a.sctp, stream, ppid, bytes, len), MT_OK);
        carry(&p);
    }
    CARRY_UNTIL(&p, p.b.end >= 0, 3000);
    assert_int_equal(p.b.end, MT_DATA_VIOLATED);
    CARRY_UNTIL(&p, p.a.end >= 0, 3000);
    assert_int_equal(p.a.end, MT_SCTP_ABORTED);
    close_pair(&p);
}

static void test_binary_message_is_a_violation(void **state) {
    violate(1, MT_PPID_BINARY, "{}", 2, 1);
}

static void test_empty_message_is_a_violation(void **state) {
    violate(1, MT_PPID_STRING_EMPTY, "", 1, 1);
}

static void test_malformed_dcep_is_a_violation(void **state) {
    violate(1, MT_PPID_DCEP, "\003\000", 2, 1);
}

static void test_flood_of_foreign_messages_is_a_violation(void **state) {
    violate(9, MT_PPID_STRING, "{}", 2, 1000);
}

static void test_dcep_parser(void **state) {
    uint8_t open[MT_DCEP_OPEN_MAX_BYTES];
    size_t len = 0;
    mt_dcep_msg msg;
    assert_int_equal(mt_dcep_write_open(MT_SLICE_LIT("myturn"), MT_DCEP_RELIABLE, open, &len), MT_OK);
    assert_int_equal(len, 18);
    assert_int_equal(mt_dcep_parse(open, len, &msg), MT_OK);
    assert_int_equal(msg.kind, MT_DCEP_OPEN);
    assert_true(msg.delivery == MT_DCEP_RELIABLE && mt_slice_is(msg.label, "myturn"));
    for (size_t n = 0; n < len; n++)
        assert_int_equal(mt_dcep_parse(open, n, &msg), MT_EBAD);
    assert_int_equal(mt_dcep_parse(open, len + 1, &msg), MT_EBAD);
    open[1] = 0x82;
    assert_int_equal(mt_dcep_parse(open, len, &msg), MT_OK);
    assert_int_equal(msg.delivery, MT_DCEP_OTHER);
    open[8] = 0xff;
    assert_int_equal(mt_dcep_parse(open, len, &msg), MT_EBAD);
    uint8_t ack = mt_dcep_ack();
    assert_int_equal(mt_dcep_parse(&ack, 1, &msg), MT_OK);
    assert_int_equal(msg.kind, MT_DCEP_ACK);
    char name[200] = {0};
    assert_int_equal(mt_dcep_write_open(mt_slice_n(name, sizeof name), MT_DCEP_RELIABLE, open, &len), MT_ELIMIT);
}

static void test_junk_is_ignored(void **state) {
    pair p;
    open_pair(&p, 0);
    open_channel(&p);
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t junk[200];
        guint32 len = (guint32)g_random_int_range(0, 200);
        for (guint32 j = 0; j < len; j++)
            junk[j] = (uint8_t)g_random_int();
        mt_data_input(p.b.data, junk, len);
    }
    send_number(&p.a, 1, 10);
    CARRY_UNTIL(&p, p.b.messages == 1, 3000);
    assert_int_equal(p.b.messages, 1);
    assert_int_equal(p.b.end, -1);
    close_pair(&p);
}

static int set_up(void **state) {
    mt_sctp_init();
    return 0;
}

static int tear_down(void **state) {
    mt_sctp_deinit();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens_and_talks_both_ways),
        cmocka_unit_test(test_largest_message_is_joined),
        cmocka_unit_test(test_loss_is_made_good_in_order),
        cmocka_unit_test(test_end_is_told),
        cmocka_unit_test(test_foreign_channels_are_reset),
        cmocka_unit_test(test_closing_the_channel_ends),
        cmocka_unit_test(test_binary_message_is_a_violation),
        cmocka_unit_test(test_empty_message_is_a_violation),
        cmocka_unit_test(test_malformed_dcep_is_a_violation),
        cmocka_unit_test(test_flood_of_foreign_messages_is_a_violation),
        cmocka_unit_test(test_dcep_parser),
        cmocka_unit_test(test_junk_is_ignored),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
