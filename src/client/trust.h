/* Whom to believe that he is the server: the system's authorities and those of one more file (RFC 5280, 9525). The same
 * for HTTPS and for SIP over TLS. */
#ifndef MT_CLIENT_TRUST_H
#define MT_CLIENT_TRUST_H

#include <gio/gio.h>

#include "base/err.h"

typedef struct mt_trust mt_trust;

/* ca_file: PEM, read here and now; NULL: the system's authorities alone. MT_EBAD: unreadable, or no certificate in it.
 */
mt_err mt_trust_create(const char *ca_file, mt_trust **out) MT_MUST_CHECK;
mt_trust *mt_trust_ref(mt_trust *t);
void mt_trust_unref(mt_trust *t); /* NULL is harmless */
/* For "accept-certificate": the system found `errors`; is it good by the further authorities? Name, dates and use count
 * there, too. host: a name or numeric address. Computes only, touches no network and no disk. */
gboolean mt_trust_accepts(const mt_trust *t, GTlsCertificate *peer, const char *host, GTlsCertificateFlags errors);
/* What is wrong, for a person; static, to be translated. */
const char *mt_trust_why(GTlsCertificateFlags errors);

#endif
