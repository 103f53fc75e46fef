/* The two files of Asterisk that know the users, sip.conf and extensions.conf: our part between two markers, all else
 * the operator's own and kept byte for byte. Pure: text in, text out.
 *
 * The part is written in the form that the specification gives. A name or secret that could break out of its line is
 * refused; nicknames cannot (names.h). */
#ifndef MT_SERVER_ASTERISK_CONF_H
#define MT_SERVER_ASTERISK_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

typedef struct mt_asterisk_entry {
    mt_slice name; /* NFC, UTF-8: the section, and the user that REGISTER names */
    uint32_t exten;
    mt_slice secret;
} mt_asterisk_entry;

/* Whether it may be written: nothing in it means anything to Asterisk's reader. */
bool mt_asterisk_conf_fits(const mt_asterisk_entry *e);

/* The file around our part. Borrowed from the text; before + block + after is the text. Without markers block is empty,
 * before is all. */
typedef struct mt_asterisk_parts {
    mt_slice before, block, after; /* block: markers included */
} mt_asterisk_parts;
/* MT_EBAD: a marker without its other, or twice; or what follows the part does not begin with a section of its own and
 * would be read as the last user's. */
mt_err mt_asterisk_conf_split(mt_slice text, mt_asterisk_parts *out) MT_MUST_CHECK;

/* The next section's name. False: none left. *rest moves behind its line. */
bool mt_asterisk_conf_section(mt_slice *rest, mt_slice *name);
/* Whether the operator has such a section of his own (without regard to ASCII case, as Asterisk compares). */
bool mt_asterisk_conf_has(const mt_asterisk_parts *parts, mt_slice name);

/* A whole file is begun, gets its entries, and ended. [general] is left out where the operator has his own. */
void mt_asterisk_conf_sip_begin(mt_buf *out, const mt_asterisk_parts *parts);
void mt_asterisk_conf_sip_add(mt_buf *out, const mt_asterisk_entry *e);
void mt_asterisk_conf_exten_begin(mt_buf *out, const mt_asterisk_parts *parts);
void mt_asterisk_conf_exten_add(mt_buf *out, const mt_asterisk_entry *e);
void mt_asterisk_conf_end(mt_buf *out, const mt_asterisk_parts *parts);

/* Appends the text with the value of each secret as "***". */
void mt_asterisk_conf_mask(mt_buf *out, mt_slice text);

#endif
