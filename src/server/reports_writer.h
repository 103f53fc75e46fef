/* The process that writes reports: what happens in the child. */
#ifndef MT_SERVER_REPORTS_WRITER_H
#define MT_SERVER_REPORTS_WRITER_H

#include <stdatomic.h>

#include "server/reports.h"

#define MT_REPORTS_NAME 40 /* "report-20261129T053012Z-0123abcd.json" and its NUL */

/* Serves until the other end of fd is closed. Says MT_OK or the error as one byte first. lost, in memory shared with the
 * server, counts what could not be written. */
void mt_reports_writer(const mt_reports_config *cfg, int fd, atomic_uint_fast64_t *lost);

#endif
