/* Time passes in GLib's main loop. */
#ifndef MAIN_LOOP_H
#define MAIN_LOOP_H

#include <glib.h>
#include <stdbool.h>

/* A GSourceFunc; sets the bool that data is. */
static inline gboolean over(gpointer data) {
    *(bool *)data = true;
    return G_SOURCE_REMOVE;
}

static inline void run_ms(unsigned ms) {
    bool done = false;
    (void)g_timeout_add(ms, over, &done);
    while (!done)
        (void)g_main_context_iteration(NULL, TRUE);
}

#endif
