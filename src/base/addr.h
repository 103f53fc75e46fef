/* A transport address: IPv4 or IPv6 and port. IPv4-mapped IPv6 is always kept as IPv4. */
#ifndef MT_BASE_ADDR_H
#define MT_BASE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/slice.h"

typedef union mt_addr {
    struct sockaddr sa;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
} mt_addr;

#define MT_ADDR_STRLEN 64

mt_err mt_addr_from_sockaddr(const struct sockaddr *sa, mt_addr *out) MT_MUST_CHECK; /* MT_EINVAL: other family */
/* "127.0.0.1:5060", "[::1]:5060"; numeric only, nothing is resolved. MT_EBAD. */
mt_err mt_addr_parse(mt_slice s, mt_addr *out) MT_MUST_CHECK;
/* "127.0.0.1", "::1"; the port is 0. MT_EBAD. */
mt_err mt_addr_parse_ip(mt_slice s, mt_addr *out) MT_MUST_CHECK;
/* Writes "127.0.0.1:5060" / "[::1]:5060", or without port "127.0.0.1" / "::1". NUL-terminated. */
void mt_addr_format(const mt_addr *a, char out[MT_ADDR_STRLEN]);
void mt_addr_format_ip(const mt_addr *a, char out[MT_ADDR_STRLEN]);
uint16_t mt_addr_port(const mt_addr *a);
void mt_addr_set_port(mt_addr *a, uint16_t port);
socklen_t mt_addr_len(const mt_addr *a);
bool mt_addr_eq(const mt_addr *a, const mt_addr *b);    /* address and port */
bool mt_addr_eq_ip(const mt_addr *a, const mt_addr *b); /* address only */
bool mt_addr_is_loopback(const mt_addr *a);
/* The bytes by which an address is counted: IPv4 whole, IPv6 its /64. Returns their number (4 or 8). */
size_t mt_addr_limit_key(const mt_addr *a, uint8_t out[8]);

#endif
