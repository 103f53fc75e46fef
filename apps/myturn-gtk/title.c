#include "title.h"

struct _MtgTitle {
    GtkWidget parent_instance;
    GtkLabel *title, *subtitle;
    gboolean wrap;
};

G_DEFINE_FINAL_TYPE(MtgTitle, mtg_title, GTK_TYPE_WIDGET)

enum { PROP_WRAP = 1, N_PROPS };
static GParamSpec *specs[N_PROPS];

void mtg_title_set(MtgTitle *self, const char *title, const char *subtitle) {
    gtk_label_set_label(self->title, title);
    gtk_label_set_label(self->subtitle, subtitle);
    gtk_widget_set_visible(GTK_WIDGET(self->subtitle), *subtitle != '\0');
}

static GtkLabel *add_label(MtgTitle *self, const char *style) {
    GtkWidget *label = g_object_new(GTK_TYPE_LABEL, "wrap", self->wrap, "wrap-mode", PANGO_WRAP_WORD_CHAR, "justify",
                                    GTK_JUSTIFY_CENTER, NULL);
    gtk_widget_add_css_class(label, style);
    gtk_widget_set_parent(label, GTK_WIDGET(self));
    return GTK_LABEL(label);
}

static void constructed(GObject *object) {
    MtgTitle *self = MTG_TITLE(object);
    G_OBJECT_CLASS(mtg_title_parent_class)->constructed(object);
    self->title = add_label(self, "heading");
    self->subtitle = add_label(self, "caption");
    gtk_widget_add_css_class(GTK_WIDGET(self->subtitle), "dim-label");
    gtk_widget_set_visible(GTK_WIDGET(self->subtitle), FALSE);
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
    g_value_set_boolean(value, MTG_TITLE(object)->wrap);
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
    MTG_TITLE(object)->wrap = g_value_get_boolean(value);
}

static void dispose(GObject *object) {
    GtkWidget *child;
    while ((child = gtk_widget_get_first_child(GTK_WIDGET(object))) != NULL)
        gtk_widget_unparent(child);
    G_OBJECT_CLASS(mtg_title_parent_class)->dispose(object);
}

static void mtg_title_class_init(MtgTitleClass *klass) {
    GObjectClass *object = G_OBJECT_CLASS(klass);
    object->constructed = constructed;
    object->get_property = get_property;
    object->set_property = set_property;
    object->dispose = dispose;
    specs[PROP_WRAP] = g_param_spec_boolean("wrap", NULL, NULL, FALSE,
                                            G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
    g_object_class_install_properties(object, N_PROPS, specs);
    gtk_widget_class_set_layout_manager_type(GTK_WIDGET_CLASS(klass), GTK_TYPE_BOX_LAYOUT);
}

static void mtg_title_init(MtgTitle *self) {
    gtk_orientable_set_orientation(GTK_ORIENTABLE(gtk_widget_get_layout_manager(GTK_WIDGET(self))),
                                   GTK_ORIENTATION_VERTICAL);
    gtk_widget_set_valign(GTK_WIDGET(self), GTK_ALIGN_CENTER);
}
