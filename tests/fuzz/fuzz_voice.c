/* A hostile stream of RTP into the receiver: the partner's packets, in any order and at any time, while sound is taken.
 */
#include <stdint.h>
#include <stdlib.h>

#include "media/receiver.h"

/* First byte: codec. Then records: 0 … 199, a packet of so many bytes; 200 … 255, so many less 199 blocks of 10 ms are
 * taken. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len == 0)
        return 0;
    const mt_audio_config cfg = {
        .codec = (mt_audio_codec)(data[0] % 4), .recv_payload_type = 111, .jitter_ms = 40};
    mt_receiver *r = NULL;
    if (mt_receiver_create(&cfg, &r) != MT_OK)
        return 0;
    int64_t now_us = 1000000;
    for (size_t at = 1; at < len;) {
        size_t n = data[at++];
        int16_t pcm[MT_PCM_BLOCK];
        for (; n >= 200; n--, now_us += 10000)
            mt_receiver_take(r, now_us, pcm, data[0] < 128 ? MT_PCM_BLOCK : MT_PCM_BLOCK / 2);
        n = n < len - at ? n : len - at;
        if (n == 199)
            continue;
        mt_receiver_put(r, mt_slice_n(data + at, n), now_us);
        at += n;
    }
    mt_audio_stats stats;
    mt_receiver_stats(r, &stats);
    if (stats.buffered_ms > 128 * 120 + 250)
        abort();
    mt_receiver_destroy(r);
    return 0;
}
