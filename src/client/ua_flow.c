/* The way to the server (docs/adr/0024). sofia-sip binds to the address that the machine has when it starts, and does
 * not show its sockets; where the address changes, the old connection would look alive for minutes. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "client/ua_priv.h"

enum { FDS_MAX = 1024 };

/* So that nothing is bound wider than needed, and to see whether the address is still the one. */
mt_err mt_ua_local_address(const char *server, char out[MT_ADDR_STRLEN]) {
    mt_addr to, local;
    if (mt_addr_parse(mt_slice_of(server), &to) != MT_OK)
        return MT_EINVAL;
    int fd = socket(to.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return MT_ESYS;
    socklen_t len = sizeof local;
    memset(&local, 0, sizeof local);
    bool ok = connect(fd, &to.sa, mt_addr_len(&to)) == 0 && getsockname(fd, &local.sa, &len) == 0;
    int err = errno;
    (void)close(fd);
    if (!ok) {
        mt_log(MT_LOG_DEBUG, "sip", "no way to the server: %s", g_strerror(err));
        return MT_ESYS;
    }
    mt_addr_format_ip(&local, out);
    return MT_OK;
}

/* The sockets of this kind that the main context watches. */
static GArray *watched(const mt_ua *ua, int kind) {
    GPollFD fds[FDS_MAX];
    gint timeout_ms = 0, count = 0;
    GArray *found = g_array_new(FALSE, FALSE, sizeof(int));
    if (g_main_context_acquire(ua->main)) {
        count = g_main_context_query(ua->main, G_MAXINT, &timeout_ms, fds, FDS_MAX);
        g_main_context_release(ua->main);
    }
    for (gint i = 0; i < count && i < FDS_MAX; i++) {
        int type = 0;
        socklen_t len = sizeof type;
        if (getsockopt(fds[i].fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == kind)
            g_array_append_val(found, fds[i].fd);
    }
    return found;
}

void mt_ua_flow_begin(mt_ua *ua, bool udp) {
    ua->others = udp ? watched(ua, SOCK_DGRAM) : NULL;
}

static bool has(const GArray *fds, int fd) {
    for (guint i = 0; i < fds->len; i++)
        if (g_array_index(fds, int, i) == fd)
            return true;
    return false;
}

static bool is_bound(int fd) {
    mt_addr own;
    socklen_t len = sizeof own;
    memset(&own, 0, sizeof own);
    return getsockname(fd, &own.sa, &len) == 0 && mt_addr_len(&own) > 0 && mt_addr_port(&own) != 0;
}

/* What a router on the way says ("unreachable") would be an error 503 to what is under way, upon which sofia-sip hangs
 * up. It may be over in a moment; requests are repeated meanwhile. */
static void ignore_routers(int fd) {
    static const int off = 0;
    (void)setsockopt(fd, IPPROTO_IP, IP_RECVERR, &off, sizeof off);
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &off, sizeof off);
}

void mt_ua_flow_find(mt_ua *ua) {
    if (ua->others == NULL)
        return;
    GArray *now = watched(ua, SOCK_DGRAM);
    for (guint i = 0; i < now->len; i++) {
        int fd = g_array_index(now, int, i);
        if (!has(ua->others, fd) && is_bound(fd))
            ua->udp_fd = fd;
    }
    if (ua->udp_fd >= 0)
        ignore_routers(ua->udp_fd);
    g_array_unref(now);
    g_clear_pointer(&ua->others, g_array_unref);
}

/* Puts a socket in the place of the connection to which nothing can be written, and from which nothing comes. sofia-sip
 * finds a broken pipe then, and sends by a new connection what was under way in this one. A connection that ended would
 * be an error 503 to each request, upon which it hangs up. */
static void break_connection(mt_ua *ua, int fd) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return;
    if (shutdown(ends[0], SHUT_WR) != 0 || dup3(ends[0], fd, O_CLOEXEC) < 0)
        mt_log(MT_LOG_WARN, "sip", "the old connection stays: %s", g_strerror(errno));
    (void)close(ends[0]);
    if (ua->far_end >= 0)
        (void)close(ua->far_end);
    ua->far_end = ends[1];
}

/* Whose server that is cannot be learnt before it answers; from an address that is gone none will. */
static bool connects_in_vain(const mt_ua *ua, int fd) {
    char server[MT_ADDR_STRLEN], now[MT_ADDR_STRLEN], then[MT_ADDR_STRLEN];
    struct tcp_info info;
    mt_addr own;
    socklen_t len = sizeof info, own_len = sizeof own;
    memset(&own, 0, sizeof own);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 || info.tcpi_state != TCP_SYN_SENT ||
        getsockname(fd, &own.sa, &own_len) != 0)
        return false;
    mt_addr_format(&ua->server, server);
    mt_addr_format_ip(&own, then);
    return mt_ua_local_address(server, now) == MT_OK && strcmp(now, then) != 0;
}

static bool is_to_server(const mt_ua *ua, int fd) {
    mt_addr peer;
    socklen_t len = sizeof peer;
    memset(&peer, 0, sizeof peer);
    return getpeername(fd, &peer.sa, &len) == 0 && mt_addr_eq(&peer, &ua->server);
}

static void leave_connections(mt_ua *ua) {
    GArray *fds = watched(ua, SOCK_STREAM);
    for (guint i = 0; i < fds->len; i++) {
        int fd = g_array_index(fds, int, i);
        if (is_to_server(ua, fd) || connects_in_vain(ua, fd))
            break_connection(ua, fd);
    }
    g_array_unref(fds);
}

/* The pipe is found broken when something is written, and a REGISTER waits for the answer to the one before. */
static void write_something(mt_ua *ua) {
    if (ua->poke_nh != NULL)
        nua_handle_destroy(ua->poke_nh);
    ua->poke_nh = nua_handle(ua->nua, NULL, NUTAG_URL(URL_STRING_MAKE(ua->domain)), SIPTAG_TO_STR(ua->uri),
                             SIPTAG_FROM_STR(ua->uri), TAG_END());
    if (ua->poke_nh != NULL)
        nua_options(ua->poke_nh, TAG_END());
}

/* Another socket in the place of the one that is bound to an address that may be gone. */
static void replace_socket(const mt_ua *ua) {
    char text[MT_ADDR_STRLEN], server[MT_ADDR_STRLEN];
    mt_addr local;
    mt_addr_format(&ua->server, server);
    if (ua->udp_fd < 0 || mt_ua_local_address(server, text) != MT_OK)
        return;
    if (mt_addr_parse_ip(mt_slice_of(text), &local) != MT_OK)
        return;
    int fd = socket(local.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    if (bind(fd, &local.sa, mt_addr_len(&local)) != 0 || dup3(fd, ua->udp_fd, O_CLOEXEC) < 0)
        mt_log(MT_LOG_WARN, "sip", "no new socket: %s", g_strerror(errno));
    (void)close(fd);
}

void mt_ua_renew(mt_ua *ua) {
    if (ua->reg == MT_UA_REG_OFF || ua->reg == MT_UA_REG_LEAVING)
        return;
    mt_log(MT_LOG_INFO, "sip", "another network: a new flow to the server");
    if (ua->udp_fd >= 0)
        replace_socket(ua);
    else
        leave_connections(ua);
    if (ua->udp_fd < 0 && ua->asking)
        write_something(ua);
    ua->renewing = true;
    mt_ua_register_now(ua);
}

void mt_ua_flow_end(mt_ua *ua) {
    if (ua->far_end >= 0)
        (void)close(ua->far_end);
    ua->far_end = -1;
}
