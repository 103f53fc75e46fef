/* The console: one line an essential event. A user appears by his label and extension; his nickname, and with whom he
 * is paired, only where the log may hold names (base/log.h). Never a secret; addresses at debug level only. */
#ifndef MT_SERVER_CONSOLE_H
#define MT_SERVER_CONSOLE_H

#include <stdint.h>

#include "match/match.h"
#include "server/session.h"

/* Of what one user causes at most a hundred lines in ten seconds are shown, the rest is counted. */
void mt_console_user(mt_session *s, const char *event, const char *detail);
void mt_console_status(mt_session *s, mt_status was);
/* As mt_console_user, but always shown: what he does once. */
void mt_console_login(mt_session *s);
void mt_console_logout(mt_session *s, const char *why);
void mt_console_drawn(const mt_pair *pair);
void mt_console_call_up(const mt_pair *pair);
void mt_console_ended(const mt_pair *pair, mt_pair_end why);

/* Errors and refusals that strangers can provoke: of each kind at most a few lines in ten seconds, the rest is counted.
 */
typedef enum mt_console_kind {
    MT_CONSOLE_LIMIT,
    MT_CONSOLE_ORIGIN,
    MT_CONSOLE_AUTH,
    MT_CONSOLE_SIP,
    MT_CONSOLE_KINDS
} mt_console_kind;

typedef struct mt_console {
    mt_console_quota kinds[MT_CONSOLE_KINDS];
} mt_console;

/* what: the text; a: an address shown at debug level, or NULL. */
void mt_console_trouble(mt_console *c, mt_console_kind kind, const char *what, const mt_addr *a, int64_t now_ms);

#endif
