#include "words-bar.h"

#include <adwaita.h>
#include <glib/gi18n.h>

#include "app-id.h"

struct _MtgWordsBar {
    GtkWidget parent_instance;
    GtkWidget *box, *button, *open;
    GtkLabel *one_line, *two_lines; /* as there is room */
};

G_DEFINE_FINAL_TYPE(MtgWordsBar, mtg_words_bar, GTK_TYPE_WIDGET)

void mtg_words_bar_set(MtgWordsBar *self, const myturn_event *e) {
    gtk_widget_set_visible(self->button, e->encrypted);
    gtk_widget_set_visible(self->open, !e->encrypted);
    if (!e->encrypted)
        return;
    const char *const *w = e->words;
    g_autofree char *first = g_strjoin("  ·  ", w[0], w[1], NULL), *second = g_strjoin("  ·  ", w[2], w[3], NULL);
    g_autofree char *one_line = g_strjoin("  ·  ", first, second, NULL),
                    *two_lines = g_strjoin("\n", first, second, NULL);
    g_autofree char *plain = g_strjoin(" ", w[0], w[1], w[2], w[3], NULL);
    g_autofree char *spoken = g_strdup_printf(_("The four words: %s"), plain);
    gtk_label_set_label(self->one_line, one_line);
    gtk_label_set_label(self->two_lines, two_lines);
    gtk_accessible_update_property(GTK_ACCESSIBLE(self->button), GTK_ACCESSIBLE_PROPERTY_LABEL, spoken, -1);
}

static void dispose(GObject *object) {
    MtgWordsBar *self = MTG_WORDS_BAR(object);
    g_clear_pointer(&self->box, gtk_widget_unparent);
    G_OBJECT_CLASS(mtg_words_bar_parent_class)->dispose(object);
}

static void mtg_words_bar_class_init(MtgWordsBarClass *klass) {
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(klass);
    G_OBJECT_CLASS(klass)->dispose = dispose;
    gtk_widget_class_set_layout_manager_type(widget, GTK_TYPE_BIN_LAYOUT);
    gtk_widget_class_set_template_from_resource(widget, MTG_RESOURCES "/ui/words-bar.ui");
    gtk_widget_class_bind_template_child(widget, MtgWordsBar, box);
    gtk_widget_class_bind_template_child(widget, MtgWordsBar, button);
    gtk_widget_class_bind_template_child(widget, MtgWordsBar, open);
    gtk_widget_class_bind_template_child(widget, MtgWordsBar, one_line);
    gtk_widget_class_bind_template_child(widget, MtgWordsBar, two_lines);
}

static void mtg_words_bar_init(MtgWordsBar *self) {
    gtk_widget_init_template(GTK_WIDGET(self));
}
