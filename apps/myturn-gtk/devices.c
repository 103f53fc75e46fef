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

static void list(GTask *task, gpointer source, gpointer data, GCancellable *cancellable) {
    GPtrArray *devices = g_ptr_array_new_with_free_func(device_free);
    (void)!myturn_list_devices(on_device, devices); /* no sound server: none */
    g_task_return_pointer(task, devices, (GDestroyNotify)g_ptr_array_unref);
}

void mtg_devices_list_async(GCancellable *cancellable, GAsyncReadyCallback done, gpointer arg) {
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, done, arg);
    g_task_run_in_thread(task, list);
}

GPtrArray *mtg_devices_list_finish(GAsyncResult *result) {
    return g_task_propagate_pointer(G_TASK(result), NULL);
}
