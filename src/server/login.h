/* Login, the same by both faces of the API. */
#ifndef MT_SERVER_LOGIN_H
#define MT_SERVER_LOGIN_H

#include "base/buf.h"
#include "server/api.h"

typedef struct mt_login_wish {
    mt_slice name;               /* decoded UTF-8 */
    const uint8_t *attempt_hash; /* what names this attempt (MT_SHA256_BYTES), or NULL */
    bool phone;                  /* any SIP phone will be the device */
} mt_login_wish;

/* Logs in. The same attempt of before, whose answer was lost, is replaced. MT_ELIMIT with *retry_s > 0: this address
 * must wait; with 0: the server is full. Else as mt_session_create. */
mt_err mt_login(mt_call *c, const mt_login_wish *wish, mt_session_secrets *secrets, mt_session **out,
                uint32_t *retry_s) MT_MUST_CHECK;
/* Appends the members of login's answer, without braces. */
void mt_login_members(mt_call *c, const mt_session *s, const mt_session_secrets *secrets, mt_buf *out);
/* The login was made: answers req, by the face of the API that was asked (v1, or the specification's). */
void mt_login_answer(mt_server *srv, mt_http_req *req, const mt_session *s, const mt_session_secrets *secrets, bool v1);
/* The same now, or where Asterisk is the SIP server once that knows him. Wipes the secrets. */
void mt_login_finish(mt_call *c, mt_session *s, mt_session_secrets *secrets, bool v1);

#endif
