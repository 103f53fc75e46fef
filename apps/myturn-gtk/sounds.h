/* Two short sounds, played without anybody waiting for them. */
#ifndef GTK_SOUNDS_H
#define GTK_SOUNDS_H

#include <glib.h>

typedef enum mtg_sound { MTG_SOUND_DRAWN, MTG_SOUND_ENDED } mtg_sound;

/* speaker: SPEC of the preferences; only default and device:NAME are played through. */
void mtg_sounds_play(mtg_sound sound, const char *speaker);
/* Stops what still plays; before the program ends. */
void mtg_sounds_stop(void);

#endif
