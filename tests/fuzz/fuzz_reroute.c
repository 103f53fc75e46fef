/* What a SIP server sends, on its way through the relay: in one piece and byte by byte it must come out the same, and
 * no more of it than fits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/reroute.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    mt_reroute whole, pieces;
    mt_buf a, b;
    mt_reroute_init(&whole, "127.0.0.1:40000");
    mt_reroute_init(&pieces, "127.0.0.1:40000");
    mt_buf_init(&a, 1 << 22);
    mt_buf_init(&b, 1 << 22);
    mt_err one = mt_reroute_feed(&whole, mt_slice_n(data, len), &a);
    mt_err many = MT_OK;
    for (size_t i = 0; i < len && many == MT_OK; i++)
        many = mt_reroute_feed(&pieces, mt_slice_n(data + i, 1), &b);
    if (one != many || (one == MT_OK && (a.len != b.len || (a.len > 0 && memcmp(a.p, b.p, a.len) != 0))))
        abort();
    mt_reroute_deinit(&whole);
    mt_reroute_deinit(&pieces);
    mt_buf_deinit(&a);
    mt_buf_deinit(&b);
    return 0;
}
