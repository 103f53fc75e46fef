#include "server/secure.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

static void add(mt_tls_names *names, const mt_addr *a) {
    for (size_t i = 0; i < names->addr_count; i++) {
        if (mt_addr_eq_ip(&names->addrs[i], a))
            return;
    }
    if (names->addr_count < MT_TLS_ADDRS_MAX)
        names->addrs[names->addr_count++] = *a;
}

static bool is_link_local(const mt_addr *a) {
    return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&a->in6.sin6_addr);
}

static void add_all_own(mt_tls_names *names) {
    struct ifaddrs *list;
    if (getifaddrs(&list) != 0)
        return;
    for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
        mt_addr a;
        if (i->ifa_addr != NULL && mt_addr_from_sockaddr(i->ifa_addr, &a) == MT_OK && !is_link_local(&a))
            add(names, &a);
    }
    freeifaddrs(list);
}

static void add_bound(mt_tls_names *names, const mt_addr *at) {
    if (!mt_options_has(at))
        return;
    if (mt_server_is_any(at))
        add_all_own(names);
    else
        add(names, at);
}

static mt_err self_signed(mt_server *srv, mt_tls **out) {
    mt_tls_names names = {.addr_count = 0};
    (void)snprintf(names.domain, sizeof names.domain, "%s", srv->domain);
    add_bound(&names, &srv->opt.https);
    add_bound(&names, &srv->opt.sips);
    return mt_tls_create_self_signed(&names, out);
}

mt_err mt_secure_create(mt_server *srv) {
    const mt_options *opt = &srv->opt;
    if (!mt_options_has(&opt->https) && !mt_options_has(&opt->sips))
        return MT_OK;
    return opt->self_signed ? self_signed(srv, &srv->tls) : mt_tls_create_files(opt->tls_cert, opt->tls_key, &srv->tls);
}

void mt_secure_reload(mt_server *srv) {
    mt_err err = srv->tls != NULL ? mt_tls_reload(srv->tls) : MT_OK;
    if (err != MT_OK)
        mt_log(MT_LOG_DEBUG, "tls", "reload: %s", mt_err_str(err)); /* told already, with its reason */
}
