#include "server-url.h"

#include <gio/gio.h>
#include <string.h>

/* Where a certificate is hardly to be had: this machine, and addresses of private networks. */
static gboolean is_local(const char *host) {
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(host);
    return strcmp(host, "localhost") == 0 ||
           (address != NULL && (g_inet_address_get_is_loopback(address) || g_inet_address_get_is_site_local(address) ||
                                g_inet_address_get_is_link_local(address)));
}

char *mtg_server_url(const char *typed) {
    g_autofree char *text = g_strstrip(g_strdup(typed));
    if (*text == '\0' || strpbrk(text, " \t\n") != NULL)
        return NULL;
    gboolean bare = strstr(text, "://") == NULL;
    g_autofree char *url = bare ? g_strconcat("http://", text, NULL) : g_strdup(text);
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
    const char *scheme = uri != NULL ? g_uri_get_scheme(uri) : "";
    if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        return NULL;
    if (g_uri_get_host(uri) == NULL || *g_uri_get_host(uri) == '\0')
        return NULL;
    if (bare && !is_local(g_uri_get_host(uri)))
        return g_strconcat("https://", text, NULL);
    return g_steal_pointer(&url);
}
