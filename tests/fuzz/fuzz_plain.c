/* A phone's session description: what the gate lets in is an address to send to and a codec that we have, and describes
 * itself again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "link/plain_sdp.h"

#define CHECK(c)                                                                                                       \
    do {                                                                                                               \
        if (!(c))                                                                                                      \
            abort();                                                                                                   \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    mt_plain_sdp s, again;
    const char *why = NULL;
    if (mt_plain_sdp_parse(mt_slice_n(data, len), false, &s, &why) != MT_OK) {
        CHECK(why != NULL);
        return 0;
    }
    CHECK(mt_addr_port(&s.addr) >= 1024 && !mt_addr_is_loopback(&s.addr));
    CHECK(s.payload_type < 128 && (unsigned)s.codec <= MT_PLAIN_OPUS);
    mt_buf b;
    mt_buf_init(&b, 2048);
    mt_plain_sdp_write(&s.addr, &s, 1, &b);
    CHECK(mt_buf_err(&b) == MT_OK);
    CHECK(mt_plain_sdp_parse(mt_buf_slice(&b), false, &again, NULL) == MT_OK);
    CHECK(again.codec == s.codec && again.payload_type == s.payload_type && mt_addr_eq(&again.addr, &s.addr));
    mt_buf_deinit(&b);
    return 0;
}
