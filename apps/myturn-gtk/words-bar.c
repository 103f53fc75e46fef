#include "words-bar.h"

#include <adwaita.h>
#include <glib/gi18n.h>
#include <string.h>

#include "app-id.h"

struct _MtgWordsBar {
    GtkWidget parent_instance;
    GtkStack *stack;
    GtkWidget *button;
    GtkLabel *words;
};

G_DEFINE_FINAL_TYPE(MtgWordsBar, mtg_words_bar, GTK_TYPE_WIDGET)

/* The other one is hidden altogether, so that a screen reader does not find it either. */
static void show(MtgWordsBar *self, const char *page) {
    static const char *const pages[] = {"words", "open"};
    gtk_widget_set_visible(gtk_stack_get_child_by_name(self->stack, page), TRUE);
    gtk_stack_set_visible_child_name(self->stack, page);
    for (gsize i = 0; i < G_N_ELEMENTS(pages); i++)
        gtk_widget_set_visible(gtk_stack_get_child_by_name(self->stack, pages[i]), strcmp(pages[i], page) == 0);
}

void mtg_words_bar_set(MtgWordsBar *self, const myturn_event *e) {
    show(self, e->encrypted ? "words" : "open");
    if (!e->encrypted)
        return;
    g_autofree char *shown = g_strjoin("  ·  ", e->words[0], e->words[1], e->words[2], e->words[3], NULL);
    g_autofree char *plain = g_strjoin(" ", e->words[0], e->words[1], e->words[2], e->words[3], NULL);
    g_autofree char *spoken = g_strdup_printf(_("The four words: %s"), plain);
    gtk_label_set_label(self->words, shown);
    gtk_accessible_update_property(GTK_ACCESSIBLE(self->button), GTK_ACCESSIBLE_PROPERTY_LABEL, spoken, -1);
}

static void dispose(GObject *object) {
    MtgWordsBar *self = MTG_WORDS_BAR(object);
    if (self->stack != NULL)
        gtk_widget_unparent(GTK_WIDGET(self->stack));
    self->stack = NULL;
    G_OBJECT_CLASS(mtg_words_bar_parent_class)->dispose(object);
}

static void mtg_words_bar_class_init(MtgWordsBarClass *klass) {
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(klass);
    G_OBJECT_CLASS(klass)->dispose = dispose;
    gtk_widget_class_set_layout_manager_type(widget, GTK_TYPE_BIN_LAYOUT);
    gtk_widget_class_set_template_from_resource(widget, MTG_RESOURCES "/ui/words-bar.ui");
    gtk_widget_class_bind_template_child(widget, MtgWordsBar, stack);
    gtk_widget_class_bind_template_child(widget, MtgWordsBar, button);
    gtk_widget_class_bind_template_child(widget, MtgWordsBar, words);
}

static void mtg_words_bar_init(MtgWordsBar *self) {
    gtk_widget_init_template(GTK_WIDGET(self));
}
