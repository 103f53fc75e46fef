#include "devices.h"

#include "myturn/myturn.h"

static void device_free(gpointer arg) {
    mtg_device *d = arg;
    g_free(d->spec);
    g_free(d->label);
    g_free(d);
}

static void on_device(void *ctx, bool mic, const char *name, const char *label) {
    mtg_device *d = g_new0(mtg_device, 1);
    d->mic = mic;
    d->spec = g_strconcat("device:", name, NULL);
    d->label = g_strdup(label != NULL && *label != '\0' ? label : name);
    g_ptr_array_add(ctx, d);
}

/* What was found is good for a while: two rows ask at once, and again after each talk. */
#define GOOD_FOR_S 5

static GMutex lock;
static GPtrArray *found; /* under lock; NULL: not asked for yet */
static gint64 found_us;

static gboolean is_good(void) {
    return found != NULL && g_get_monotonic_time() - found_us < GOOD_FOR_S * G_USEC_PER_SEC;
}

static void list(GTask *task, gpointer source, gpointer data, GCancellable *cancellable) {
    g_mutex_lock(&lock);
    if (!is_good()) {
        g_clear_pointer(&found, g_ptr_array_unref);
        found = g_ptr_array_new_with_free_func(device_free);
        (void)!myturn_list_devices(on_device, found); /* no sound server: none */
        found_us = g_get_monotonic_time();
    }
    GPtrArray *devices = g_ptr_array_ref(found);
    g_mutex_unlock(&lock);
    g_task_return_pointer(task, devices, (GDestroyNotify)g_ptr_array_unref);
}

void mtg_devices_list_async(GCancellable *cancellable, GAsyncReadyCallback done, gpointer arg) {
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, done, arg);
    g_task_run_in_thread(task, list);
}

GPtrArray *mtg_devices_list_finish(GAsyncResult *result) {
    return g_task_propagate_pointer(G_TASK(result), NULL);
}
