/* Data channel requests as the partner may write them: the parser reads nothing beyond its input and what it takes
 * apart lies within it. */
#include <stdlib.h>

#include "link/dcep.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len_bytes) {
    mt_dcep_msg msg;
    if (mt_dcep_parse(p, len_bytes, &msg) != MT_OK || msg.kind != MT_DCEP_OPEN)
        return 0;
    if (msg.label.p < (const char *)p || msg.label.len > len_bytes ||
        msg.label.p + msg.label.len > (const char *)p + len_bytes)
        abort();
    uint8_t again[MT_DCEP_OPEN_MAX_BYTES];
    size_t again_len = 0;
    mt_dcep_msg read;
    if (mt_dcep_write_open(msg.label, msg.delivery, again, &again_len) != MT_OK)
        return 0;
    if (mt_dcep_parse(again, again_len, &read) != MT_OK || !mt_slice_eq(read.label, msg.label) ||
        (msg.delivery != MT_DCEP_OTHER && read.delivery != msg.delivery))
        abort();
    return 0;
}
