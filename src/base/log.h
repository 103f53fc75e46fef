/* Logging: one line an event, with time and level, to one descriptor. Thread-safe. A line never holds a message of a
 * talk or a secret, and below debug level no address; nicknames only where mt_log_names allows. Never waits for a
 * reader: lines that nobody takes are counted, and the count is written when he reads again. */
#ifndef MT_BASE_LOG_H
#define MT_BASE_LOG_H

#include <stdbool.h>

#include "base/err.h"
#include "base/slice.h"

typedef enum mt_log_level { MT_LOG_ERROR, MT_LOG_WARN, MT_LOG_INFO, MT_LOG_DEBUG } mt_log_level;

/* fd < 0 switches logging off. names: whether nicknames may appear. Colours only where fd is a terminal. */
void mt_log_setup(int fd, mt_log_level level, bool names);
bool mt_log_on(mt_log_level level);
bool mt_log_names(void);
mt_err mt_log_level_parse(const char *s, mt_log_level *out) MT_MUST_CHECK; /* error warn info debug */

/* While on, lines below warning are gathered and written together by mt_log_flush, or when there are many: for a loop
 * that flushes before it sleeps. Off (the default): each line is written at once. Switching flushes. */
void mt_log_gather(bool on);
void mt_log_flush(void);

/* "2026-11-22T10:00:00.123Z INFO  event: text"; what is not showable (text.h) becomes '?',
 * a text over 1,000 bytes is cut. errno is kept. */
void mt_log(mt_log_level level, const char *event, const char *fmt, ...) MT_PRINTF(3, 4);

#endif
