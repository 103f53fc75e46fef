/* What becomes of blocks and reports in the server: whom they are about, who is suspended by them, and what he is told.
 * The rules are in match/conduct.h and match/match.h. */
#ifndef MT_SERVER_SUSPENSION_H
#define MT_SERVER_SUSPENSION_H

#include "server/session.h"

/* Reasons to report somebody, as in the API: "harassment", … */
typedef enum mt_suspension_reason {
    MT_REPORT_HARASSMENT,
    MT_REPORT_SEXUAL,
    MT_REPORT_MINOR,
    MT_REPORT_THREAT,
    MT_REPORT_SPAM,
    MT_REPORT_OTHER,
    MT_REPORT_REASONS
} mt_suspension_reason;
extern const char *const mt_suspension_reasons[MT_REPORT_REASONS];

/* A new login: suspended already, by its address? */
void mt_suspension_login(mt_session *s, int64_t now_ms);
void mt_suspension_logout(mt_session *s);
/* Remembers for both who the other was, for a block or report that comes after the end. */
void mt_suspension_pair_ended(mt_pair *pair, int64_t now_ms);

/* His last pair's partner, if that pair has this id; NULL: another one. */
mt_session_last *mt_suspension_last(mt_session *s, const uint8_t pair[MT_PAIR_ID_BYTES]);
/* Counts a report about s's last partner (once), has it written if the operator wants that, and suspends him if it was
 * one too many. note: UTF-8, may be empty. */
void mt_suspension_report(mt_session *s, mt_suspension_reason reason, mt_slice note, int64_t now_ms);

/* Answers req to one who is suspended: 403, why, how long, and how to object. */
void mt_suspension_answer(mt_session *s, mt_http_req *req, int64_t now_ms);

#endif
