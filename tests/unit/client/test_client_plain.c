/* A talk with a phone ends while the microphone is on: its thread sends by a line that must not be gone before it. Once
 * the line went first, and the program fell at the next packet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/client_priv.h"
#include "main_loop.h"

static myturn_client *client;
static int phone; /* its socket for the sound */

static void on_event(void *ctx, const myturn_event *e) {
    (void)ctx, (void)e;
}

static unsigned open_phone(void) {
    mt_addr at;
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    struct timeval limit = {.tv_sec = 10};
    phone = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(mt_addr_parse(MT_SLICE_LIT("127.0.0.1:0"), &at), MT_OK);
    assert_int_equal(bind(phone, &at.sa, mt_addr_len(&at)), 0);
    assert_int_equal(getsockname(phone, (struct sockaddr *)&sa, &len), 0);
    assert_int_equal(mt_addr_from_sockaddr((struct sockaddr *)&sa, &at), MT_OK);
    assert_int_equal(setsockopt(phone, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    return mt_addr_port(&at);
}

/* As after a draw that says "rtp": the call is up, the phone's description is there, and the microphone is on. */
static int setup(void **state) {
    myturn_options o;
    char sdp[300];
    myturn_options_default(&o);
    o.server = "http://127.0.0.1:1";
    o.mic = "tone:440";
    o.speaker = "none";
    assert_int_equal(myturn_create(&o, on_event, NULL, &client), MYTURN_OK);
    client->sip.udp = g_strdup("127.0.0.1:5060");
    client->loopback = true;
    mt_client_plain_create(client, true);
    assert_non_null(client->plain);
    (void)snprintf(sdp, sizeof sdp, "v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio %u RTP/AVP 8\r\n", open_phone());
    mt_client_plain_remote(client, sdp);
    mt_client_audio_start(client);
    assert_int_equal(mt_client_mic(client, true), MT_OK);
    return 0;
}

static int teardown(void **state) {
    myturn_destroy(client);
    run_ms(20);
    (void)close(phone);
    return 0;
}

/* Skips what is sent to keep the way open; silence is one byte again and again. */
static void await_voice(void) {
    uint8_t packet[1500];
    bool voice = false;
    while (!voice) {
        ssize_t len = recv(phone, packet, sizeof packet, 0);
        assert_true(len > 12);
        for (ssize_t i = 13; i < len; i++)
            voice |= packet[i] != packet[12];
    }
}

static bool is_quiet(void) {
    uint8_t packet[1500];
    while (recv(phone, packet, sizeof packet, MSG_DONTWAIT) >= 0)
        ;
    run_ms(200); /* ten packets' time */
    return recv(phone, packet, sizeof packet, MSG_DONTWAIT) < 0;
}

static void test_hung_up(void **state) {
    await_voice();
    mt_client_link_bye(client);
    assert_true(is_quiet());
    assert_null(client->audio);
}

static void test_given_up(void **state) {
    await_voice();
    mt_client_link_destroy(client);
    assert_true(is_quiet());
    assert_null(client->audio);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hung_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_given_up, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
