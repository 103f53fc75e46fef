#include "announcer.h"

/* GTK announces by itself from 4.14 on. Before, a label of the role "alert" that comes into being is what screen
 * readers speak: each announcement is a new one, of no size, and the last few stay for a reader that is late. */
enum { KEPT = 4 };

struct _MtgAnnouncer {
    GtkWidget parent_instance;
};

G_DEFINE_FINAL_TYPE(MtgAnnouncer, mtg_announcer, GTK_TYPE_WIDGET)

static guint count_children(GtkWidget *widget) {
    guint count = 0;
    for (GtkWidget *c = gtk_widget_get_first_child(widget); c != NULL; c = gtk_widget_get_next_sibling(c))
        count++;
    return count;
}

void mtg_announcer_say(MtgAnnouncer *self, const char *text) {
#if GTK_CHECK_VERSION(4, 14, 0)
    gtk_accessible_announce(GTK_ACCESSIBLE(gtk_widget_get_root(GTK_WIDGET(self))), text,
                            GTK_ACCESSIBLE_ANNOUNCEMENT_PRIORITY_MEDIUM);
#endif
    GtkWidget *label = g_object_new(GTK_TYPE_LABEL, "accessible-role", GTK_ACCESSIBLE_ROLE_ALERT, "label", text, NULL);
    gtk_widget_set_parent(label, GTK_WIDGET(self));
    while (count_children(GTK_WIDGET(self)) > KEPT)
        gtk_widget_unparent(gtk_widget_get_first_child(GTK_WIDGET(self)));
}

/* No room is taken and nothing drawn, yet the labels count as shown. */
static void measure(GtkWidget *widget, GtkOrientation o, int for_size, int *least, int *natural, int *b1, int *b2) {
    *least = *natural = 0;
    *b1 = *b2 = -1;
}

static void size_allocate(GtkWidget *widget, int width, int height, int baseline) {
    for (GtkWidget *c = gtk_widget_get_first_child(widget); c != NULL; c = gtk_widget_get_next_sibling(c)) {
        int w, h;
        gtk_widget_measure(c, GTK_ORIENTATION_HORIZONTAL, -1, &w, NULL, NULL, NULL);
        gtk_widget_measure(c, GTK_ORIENTATION_VERTICAL, w, &h, NULL, NULL, NULL);
        gtk_widget_size_allocate(c, &(GtkAllocation){0, 0, w, h}, -1);
    }
}

static void snapshot(GtkWidget *widget, GtkSnapshot *snapshot) {}

static void dispose(GObject *object) {
    GtkWidget *child;
    while ((child = gtk_widget_get_first_child(GTK_WIDGET(object))) != NULL)
        gtk_widget_unparent(child);
    G_OBJECT_CLASS(mtg_announcer_parent_class)->dispose(object);
}

static void mtg_announcer_class_init(MtgAnnouncerClass *klass) {
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(klass);
    G_OBJECT_CLASS(klass)->dispose = dispose;
    widget->measure = measure;
    widget->size_allocate = size_allocate;
    widget->snapshot = snapshot;
    gtk_widget_class_set_accessible_role(widget, GTK_ACCESSIBLE_ROLE_GROUP);
}

static void mtg_announcer_init(MtgAnnouncer *self) {
    gtk_widget_set_can_target(GTK_WIDGET(self), FALSE);
}
