/* Texts for people, in code that decides but does not speak: N_ marks them for the catalogue, whoever shows them
 * translates them. */
#ifndef MT_BASE_I18N_H
#define MT_BASE_I18N_H

#define N_(text) text

#endif
