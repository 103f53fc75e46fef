/* Messages of the channel myturn-voice: what is read is a packet that is written as the same message. */
#include <stdlib.h>
#include <string.h>

#include "link/voice_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len_bytes) {
    uint8_t packet[MT_VOICE_FRAME_MAX_BYTES], again[MT_VOICE_FRAME_MAX_BYTES];
    size_t packet_len = 0, again_len = 0;
    bool rtcp = false;
    if (mt_voice_frame_read(p, len_bytes, &rtcp, packet, &packet_len) == MT_OK &&
        (mt_voice_frame_write(rtcp, packet, packet_len, again, &again_len) != MT_OK || again_len != len_bytes ||
         memcmp(again, p, len_bytes) != 0))
        abort();
    /* Our own media are trusted, but a packet that is too short must not be read beyond its end. */
    (void)!mt_voice_frame_write(len_bytes % 2 != 0, p, len_bytes, packet, &packet_len);
    return 0;
}
