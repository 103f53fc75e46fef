/* G.711 (ITU-T G.711, RFC 3551 section 4.5.14): one sample to one byte and back, mu-law and A-law. No I/O. */
#ifndef MT_MEDIA_G711_H
#define MT_MEDIA_G711_H

#include <stdint.h>

uint8_t mt_g711_ulaw(int16_t sample);
uint8_t mt_g711_alaw(int16_t sample);
int16_t mt_g711_from_ulaw(uint8_t code);
int16_t mt_g711_from_alaw(uint8_t code);

#endif
