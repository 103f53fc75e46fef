#include "client/trust.h"

#include "base/i18n.h"

struct mt_trust {
    GTlsDatabase *more; /* NULL: none */
};

mt_err mt_trust_create(const char *ca_file, mt_trust **out) {
    GTlsDatabase *more = NULL;
    if (ca_file != NULL) {
        GList *found = g_tls_certificate_list_new_from_file(ca_file, NULL);
        if (found == NULL)
            return MT_EBAD;
        g_list_free_full(found, g_object_unref);
        char *path = g_canonicalize_filename(ca_file, NULL);
        more = g_tls_file_database_new(path, NULL);
        g_free(path);
        if (more == NULL)
            return MT_EBAD;
    }
    *out = g_rc_box_new0(mt_trust);
    (*out)->more = more;
    return MT_OK;
}

mt_trust *mt_trust_ref(mt_trust *t) {
    return g_rc_box_acquire(t);
}

static void clear(gpointer data) {
    mt_trust *t = data;
    g_clear_object(&t->more);
}

void mt_trust_unref(mt_trust *t) {
    if (t != NULL)
        g_rc_box_release_full(t, clear);
}

gboolean mt_trust_accepts(const mt_trust *t, GTlsCertificate *peer, const char *host, GTlsCertificateFlags errors) {
    if (errors == 0)
        return TRUE;
    if (t->more == NULL || peer == NULL)
        return FALSE;
    GSocketConnectable *identity = g_network_address_new(host, 0);
    GTlsCertificateFlags left = g_tls_database_verify_chain(t->more, peer, G_TLS_DATABASE_PURPOSE_AUTHENTICATE_SERVER,
                                                            identity, NULL, G_TLS_DATABASE_VERIFY_NONE, NULL, NULL);
    g_object_unref(identity);
    return left == 0;
}

const char *mt_trust_why(GTlsCertificateFlags errors) {
    if ((errors & G_TLS_CERTIFICATE_EXPIRED) != 0)
        return N_("it has expired");
    if ((errors & G_TLS_CERTIFICATE_NOT_ACTIVATED) != 0)
        return N_("it is not valid yet");
    if ((errors & G_TLS_CERTIFICATE_REVOKED) != 0)
        return N_("it was revoked");
    if ((errors & G_TLS_CERTIFICATE_BAD_IDENTITY) != 0)
        return N_("it is for another name");
    if ((errors & G_TLS_CERTIFICATE_UNKNOWN_CA) != 0)
        return N_("nobody who is trusted has signed it");
    return N_("it is not acceptable");
}
