/* SIP as generators need it: headers, digest. */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "load.h"

static void md5_hex(const char *text, char out[33]) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_Digest(text, strlen(text), digest, &len, EVP_md5(), NULL) != 1)
        load_die("no MD5");
    for (unsigned i = 0; i < 16; i++)
        (void)snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]);
}

/* The value of the index-th header line of this name; false: no such. */
bool load_header(const char *msg, const char *name, unsigned index, char *out, size_t cap) {
    size_t len = strlen(name);
    for (const char *line = strstr(msg, "\r\n"); line != NULL && line[2] != '\r'; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, len) != 0 || line[2 + len] != ':' || index-- > 0)
            continue;
        const char *value = line + 3 + len + strspn(line + 3 + len, " ");
        size_t n = (size_t)(strstr(value, "\r\n") - value);
        if (n >= cap)
            load_die("a header is too long");
        memcpy(out, value, n);
        out[n] = '\0';
        return true;
    }
    return false;
}

static bool parameter(const char *value, const char *name, char *out, size_t cap) {
    const char *at = strstr(value, name);
    if (at == NULL)
        return false;
    at += strlen(name);
    at += *at == '"';
    size_t n = strcspn(at, "\",;> ");
    (void)snprintf(out, cap, "%.*s", (int)(n < cap ? n : cap - 1), at);
    return true;
}

const char *load_digest(const char *challenge, const char *user, const char *password, const char *method,
                        const char *uri) {
    static char out[768];
    char realm[96], nonce[160], text[512], ha1[33], ha2[33], response[33];
    if (!parameter(challenge, "realm=", realm, sizeof realm) || !parameter(challenge, "nonce=", nonce, sizeof nonce))
        load_die("a challenge without realm or nonce: %s", challenge);
    bool qop = strstr(challenge, "qop=") != NULL;
    (void)snprintf(text, sizeof text, "%s:%s:%s", user, realm, password);
    md5_hex(text, ha1);
    (void)snprintf(text, sizeof text, "%s:%s", method, uri);
    md5_hex(text, ha2);
    (void)snprintf(text, sizeof text, "%s:%s:%s%s", ha1, nonce, qop ? "00000001:c0ffee:auth:" : "", ha2);
    md5_hex(text, response);
    (void)snprintf(out, sizeof out,
                   "Digest username=\"%s\",realm=\"%s\",nonce=\"%s\",uri=\"%s\",response=\"%s\",algorithm=MD5%s\r\n",
                   user, realm, nonce, uri, response, qop ? ",qop=auth,nc=00000001,cnonce=\"c0ffee\"" : "");
    return out;
}
