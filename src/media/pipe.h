/* A GStreamer pipeline, built element by element: a device or file at one end, our own sound (pcm.h) at the other. Main
 * thread. */
#ifndef MT_MEDIA_PIPE_H
#define MT_MEDIA_PIPE_H

#include <gst/gst.h>
#include <stdbool.h>

#include "base/err.h"

typedef struct mt_pipe mt_pipe;
/* Main thread: the pipeline failed and is of no more use. It may be destroyed from within. */
typedef void mt_pipe_failed_fn(void *ctx, const char *what);

/* Watches itself in the thread default main context. MT_ENOMEM. */
mt_err mt_pipe_create(mt_pipe_failed_fn *failed, void *ctx, mt_pipe **out) MT_MUST_CHECK;
/* Appends an element and links it to the one before. Takes over `e`; what cannot be linked is remembered and fails the
 * start. */
void mt_pipe_add(mt_pipe *p, GstElement *e);
/* The same with a new element; NULL, and a start that fails, where the plug-in is missing. Borrowed. */
GstElement *mt_pipe_make(mt_pipe *p, const char *factory);
/* Appends conversion to or from the form of pcm.h: audioconvert, audioresample, and a filter where `filter`. */
void mt_pipe_convert(mt_pipe *p, bool filter);
/* audio/x-raw as in pcm.h. The caller owns it. */
GstCaps *mt_pipe_caps(void);

mt_err mt_pipe_start(mt_pipe *p) MT_MUST_CHECK;
/* Waits until sound has gone through to the end. For files; what failed is told through `failed` later all the same.
 * MT_ESYS. */
mt_err mt_pipe_wait(mt_pipe *p, unsigned timeout_ms) MT_MUST_CHECK;
/* Stops and joins its threads. NULL is allowed. */
void mt_pipe_destroy(mt_pipe *p);

#endif
