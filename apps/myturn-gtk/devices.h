/* The microphones and speakers of this machine, asked for in a thread: sound servers may take their time. */
#ifndef GTK_DEVICES_H
#define GTK_DEVICES_H

#include <gio/gio.h>

typedef struct mtg_device {
    gboolean mic;
    char *spec;  /* device:NAME, as myturn_options takes it */
    char *label; /* for people */
} mtg_device;

void mtg_devices_list_async(GCancellable *cancellable, GAsyncReadyCallback done, gpointer arg);
/* An array of mtg_device, freed with g_ptr_array_unref; empty where no sound server runs. NULL: cancelled. */
GPtrArray *mtg_devices_list_finish(GAsyncResult *result);

#endif
