#include "level-meter.h"

#define FLOOR_DB (-60.0)
#define SILENT_AFTER_MS 400

struct _MtgLevelMeter {
    GtkWidget parent_instance;
    GtkLevelBar *bar;
    guint silent_timer;
};

G_DEFINE_FINAL_TYPE(MtgLevelMeter, mtg_level_meter, GTK_TYPE_WIDGET)

static gboolean on_silent(gpointer arg) {
    MtgLevelMeter *self = arg;
    self->silent_timer = 0;
    gtk_level_bar_set_value(self->bar, 0);
    return G_SOURCE_REMOVE;
}

void mtg_level_meter_set(MtgLevelMeter *self, double level_db) {
    double value = CLAMP(1 - level_db / FLOOR_DB, 0, 1);
    double shown = gtk_level_bar_get_value(self->bar);
    gtk_level_bar_set_value(self->bar, value > shown ? value : (value + shown) / 2); /* up at once, down gently */
    g_clear_handle_id(&self->silent_timer, g_source_remove);
    self->silent_timer = g_timeout_add(SILENT_AFTER_MS, on_silent, self);
}

void mtg_level_meter_set_label(MtgLevelMeter *self, const char *label) {
    gtk_accessible_update_property(GTK_ACCESSIBLE(self->bar), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
    gtk_widget_set_tooltip_text(GTK_WIDGET(self), label);
}

static void dispose(GObject *object) {
    MtgLevelMeter *self = MTG_LEVEL_METER(object);
    g_clear_handle_id(&self->silent_timer, g_source_remove);
    if (self->bar != NULL)
        gtk_widget_unparent(GTK_WIDGET(self->bar));
    self->bar = NULL;
    G_OBJECT_CLASS(mtg_level_meter_parent_class)->dispose(object);
}

static void mtg_level_meter_class_init(MtgLevelMeterClass *klass) {
    G_OBJECT_CLASS(klass)->dispose = dispose;
    gtk_widget_class_set_layout_manager_type(GTK_WIDGET_CLASS(klass), GTK_TYPE_BIN_LAYOUT);
}

static void mtg_level_meter_init(MtgLevelMeter *self) {
    static const char *const coloured[] = {GTK_LEVEL_BAR_OFFSET_LOW, GTK_LEVEL_BAR_OFFSET_HIGH,
                                           GTK_LEVEL_BAR_OFFSET_FULL};
    self->bar = g_object_new(GTK_TYPE_LEVEL_BAR, "valign", GTK_ALIGN_CENTER, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(coloured); i++)
        gtk_level_bar_remove_offset_value(self->bar, coloured[i]); /* being quiet is no warning */
    gtk_level_bar_add_offset_value(self->bar, "loud", 0.97);
    gtk_widget_add_css_class(GTK_WIDGET(self->bar), "voice");
    gtk_widget_set_parent(GTK_WIDGET(self->bar), GTK_WIDGET(self));
}
