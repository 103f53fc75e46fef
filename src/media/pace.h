/* A thread that calls back once for each 10 ms of the monotonic clock, on the average exactly: late calls are made
 * good. */
#ifndef MT_MEDIA_PACE_H
#define MT_MEDIA_PACE_H

#include "base/err.h"

typedef struct mt_pace mt_pace;
typedef void mt_pace_fn(void *ctx);

/* MT_ENOMEM, MT_ESYS: no thread. fn runs in the new thread, the first time after 10 ms. */
mt_err mt_pace_create(mt_pace_fn *fn, void *ctx, mt_pace **out) MT_MUST_CHECK;
/* Joins the thread; never from within fn. NULL is allowed. */
void mt_pace_destroy(mt_pace *p);

#endif
