/* Limits per client address (IPv4 whole, IPv6 its /64): connections, logins, HTTP and SIP requests a minute, users logged in, and
 * how many of them idle.
 * No clock: times are handed in, in milliseconds. Loopback is exempt unless configured. */
#ifndef MT_SERVER_LIMITS_H
#define MT_SERVER_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/list.h"
#include "base/map.h"
#include "base/random.h"

typedef struct mt_limits_config {
    bool off;
    bool loopback_too;      /* loopback is counted like any other address */
    uint32_t conns;         /* 500 */
    uint32_t logins_min;    /* 300 a minute */
    uint32_t requests_min;  /* 6000 a minute; twice as many connections may be begun */
    uint32_t sip_min;       /* 6000 a minute; datagrams, whose source can be forged, apart from streams */
    uint32_t reports_min;   /* 6 a minute, about others */
    uint32_t idle_logins;   /* 50: logins without a SIP binding */
    uint32_t users;         /* 1000: logins at a time; one connection can keep all of them registered */
    uint32_t max_addresses; /* 100000 remembered */
} mt_limits_config;
void mt_limits_config_default(mt_limits_config *cfg);

typedef struct mt_limits {
    mt_limits_config cfg;
    mt_map by_addr;
    mt_list recent; /* least recently used first */
} mt_limits;

mt_err mt_limits_init(mt_limits *l, const mt_limits_config *cfg, mt_random random) MT_MUST_CHECK;
void mt_limits_deinit(mt_limits *l);

/* False: too many are open, too many were begun (twice requests_min a minute), or no memory to count. A true answer is to be
 * followed by mt_limits_conn_closed one day. */
bool mt_limits_conn_open(mt_limits *l, const mt_addr *a, int64_t now_ms);
void mt_limits_conn_closed(mt_limits *l, const mt_addr *a);

/* Each: 0, it is counted; else how many seconds to wait (Retry-After). */
uint32_t mt_limits_request(mt_limits *l, const mt_addr *a, int64_t now_ms);
uint32_t mt_limits_sip(mt_limits *l, const mt_addr *a, bool datagram, int64_t now_ms);
uint32_t mt_limits_login(mt_limits *l, const mt_addr *a, int64_t now_ms);
uint32_t mt_limits_report(mt_limits *l, const mt_addr *a, int64_t now_ms);
/* Whether anything is counted for it. */
bool mt_limits_counts(const mt_limits *l, const mt_addr *a);

/* Somebody has logged in from there, or is gone. */
void mt_limits_user_add(mt_limits *l, const mt_addr *a, int64_t now_ms);
void mt_limits_user_sub(mt_limits *l, const mt_addr *a);
/* A login became idle, or is not any more. */
void mt_limits_idle_add(mt_limits *l, const mt_addr *a, int64_t now_ms);
void mt_limits_idle_sub(mt_limits *l, const mt_addr *a);

#endif
