/* What is counted for the operator, and its text for Prometheus (exposition format 0.0.4). Counting is an addition
 * each; whatever can be found out by looking is looked up when asked for. It names nobody. */
#ifndef MT_SERVER_METRICS_H
#define MT_SERVER_METRICS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "server/server.h"

#define MT_METRICS_BOUNDS 15

/* Of times: how many took at most 1, 2, 5, … ms, see mt_metrics_bounds_ms; the last is for all above. */
typedef struct mt_metrics_times {
    uint64_t buckets[MT_METRICS_BOUNDS + 1];
    uint64_t sum_ms;
} mt_metrics_times;
extern const uint32_t mt_metrics_bounds_ms[MT_METRICS_BOUNDS];

/* Refusals that are no answer of mt_web_problem. */
typedef enum mt_metrics_refusal {
    MT_REFUSED_REQUESTS,    /* HTTP requests over the limit of an address */
    MT_REFUSED_LOGINS,      /* the same for logins */
    MT_REFUSED_CONNECTIONS, /* the same for connections */
    MT_REFUSED_SIP,         /* the same for SIP requests */
    MT_REFUSED_REPORTS,     /* the same for reports about others */
    MT_REFUSED_METHOD,      /* 405 */
    MT_REFUSED_SIP_AUTH,    /* wrong credentials in SIP */
    MT_REFUSED_KINDS
} mt_metrics_refusal;

#define MT_METRICS_PROBLEMS 48 /* room for each mt_web_trouble */

#define MT_METRICS_REASONS 8 /* room for each mt_suspension_reason */

typedef struct mt_metrics {
    uint64_t problems[MT_METRICS_PROBLEMS]; /* by mt_web_trouble */
    uint64_t refused[MT_REFUSED_KINDS];
    uint64_t blocks, reports[MT_METRICS_REASONS], reports_lost; /* reports by mt_suspension_reason; lost: not handed over */
    uint64_t suspended[2];                                      /* logins, addresses */
    uint64_t sip_responses[7];                                  /* sent, by class; [0]: other than 1xx to 6xx */
    mt_metrics_times draw_wait, setup, lag;
    uint64_t calls; /* that came up */
} mt_metrics;

void mt_metrics_time(mt_metrics_times *t, int64_t ms); /* below 0 counts as 0 */
void mt_metrics_sip_sent(mt_metrics *m, mt_slice message);
/* Appends all of it. */
void mt_metrics_write(const mt_server *srv, mt_buf *out);

#endif
