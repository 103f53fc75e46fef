/* The writing system of a letter (Unicode property Script), as far as names need it. */
#ifndef MT_SERVER_SCRIPTS_H
#define MT_SERVER_SCRIPTS_H

#include <stdint.h>

/* A small number that stands for the script of a letter; 0 where the letter belongs to no script in particular (Common,
 * Inherited) or is not known. Hiragana, Katakana and Han share one number. */
uint8_t mt_scripts_of(uint32_t cp);

#endif
