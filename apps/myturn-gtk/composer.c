#include "composer.h"

#include <adwaita.h>
#include <glib/gi18n.h>

#include "app-id.h"

#define RETRY_MS 50
#define TYPING_OVER_MS 5000
#define COUNT_FROM (MYTURN_TEXT_MAX - 400)

struct _MtgComposer {
    GtkWidget parent_instance;
    MtgSession *session;

    GtkWidget *box, *placeholder, *send;
    GtkTextView *view;
    GtkLabel *counter;

    gboolean typing;           /* as the partner was told */
    guint typing_timer, retry; /* retry: the link had no room for the message yet */
};

G_DEFINE_FINAL_TYPE(MtgComposer, mtg_composer, GTK_TYPE_WIDGET)

static guint sent_signal;

static char *get_text(MtgComposer *self) {
    GtkTextBuffer *buffer = gtk_text_view_get_buffer(self->view);
    GtkTextIter start, end;
    gtk_text_buffer_get_bounds(buffer, &start, &end);
    return gtk_text_buffer_get_text(buffer, &start, &end, FALSE);
}

/* Typing */

static void tell_typing(MtgComposer *self, gboolean on) {
    if (self->typing == on || self->session == NULL)
        return;
    self->typing = on;
    mtg_session_typing(self->session, on);
}

static gboolean on_typing_over(gpointer arg) {
    MtgComposer *self = arg;
    self->typing_timer = 0;
    tell_typing(self, FALSE);
    return G_SOURCE_REMOVE;
}

static void show_count(MtgComposer *self, int count) {
    g_autofree char *text = g_strdup_printf(_("%d of at most %d characters"), count, MYTURN_TEXT_MAX);
    gtk_label_set_label(self->counter, text);
    gtk_widget_set_visible(GTK_WIDGET(self->counter), count > COUNT_FROM);
    if (count > MYTURN_TEXT_MAX)
        gtk_widget_add_css_class(GTK_WIDGET(self->counter), "error");
    else
        gtk_widget_remove_css_class(GTK_WIDGET(self->counter), "error");
}

static void update(MtgComposer *self) {
    int count = gtk_text_buffer_get_char_count(gtk_text_view_get_buffer(self->view));
    gtk_widget_set_visible(self->placeholder, count == 0);
    gtk_widget_set_sensitive(self->send, count > 0 && count <= MYTURN_TEXT_MAX && self->retry == 0);
    gtk_text_view_set_editable(self->view, self->retry == 0);
    show_count(self, count);
}

static void on_changed(MtgComposer *self) {
    gboolean empty = gtk_text_buffer_get_char_count(gtk_text_view_get_buffer(self->view)) == 0;
    update(self);
    g_clear_handle_id(&self->typing_timer, g_source_remove);
    tell_typing(self, !empty);
    if (!empty)
        self->typing_timer = g_timeout_add(TYPING_OVER_MS, on_typing_over, self);
}

/* Sending */

static gboolean on_retry(gpointer arg);

static void on_send(MtgComposer *self) {
    g_autofree char *text = get_text(self);
    if (!gtk_widget_get_sensitive(self->send) || *g_strchug(text) == '\0')
        return;
    g_strchomp(text);
    myturn_err err = mtg_session_text(self->session, text);
    if (err == MYTURN_ERR_BUSY)
        self->retry = g_timeout_add(RETRY_MS, on_retry, self);
    if (err == MYTURN_OK) {
        self->typing = FALSE; /* a message ends it at the partner's, too */
        gtk_text_buffer_set_text(gtk_text_view_get_buffer(self->view), "", 0);
        g_signal_emit(self, sent_signal, 0, text);
    }
    update(self);
}

static gboolean on_retry(gpointer arg) {
    MtgComposer *self = arg;
    self->retry = 0;
    update(self);
    on_send(self);
    return G_SOURCE_REMOVE;
}

/* An input method may want Enter for itself. */
static gboolean on_key(GtkEventControllerKey *keys, guint key, guint code, GdkModifierType state, MtgComposer *self) {
    if ((key != GDK_KEY_Return && key != GDK_KEY_KP_Enter && key != GDK_KEY_ISO_Enter) ||
        (state & (GDK_SHIFT_MASK | GDK_CONTROL_MASK | GDK_ALT_MASK)) != 0)
        return GDK_EVENT_PROPAGATE;
    GdkEvent *event = gtk_event_controller_get_current_event(GTK_EVENT_CONTROLLER(keys));
    if (gtk_text_view_im_context_filter_keypress(self->view, event))
        return GDK_EVENT_STOP;
    on_send(self);
    return GDK_EVENT_STOP;
}

void mtg_composer_clear(MtgComposer *self) {
    g_clear_handle_id(&self->retry, g_source_remove);
    self->typing = FALSE;
    GtkTextBuffer *buffer = gtk_text_view_get_buffer(self->view);
    gtk_text_buffer_set_enable_undo(buffer, FALSE); /* nothing of the last talk comes back */
    gtk_text_buffer_set_text(buffer, "", 0);
    gtk_text_buffer_set_enable_undo(buffer, TRUE);
    update(self);
}

void mtg_composer_focus(MtgComposer *self) {
    gtk_widget_grab_focus(GTK_WIDGET(self->view));
}

void mtg_composer_set_up(MtgComposer *self, MtgSession *session) {
    self->session = g_object_ref(session);
}

static void dispose(GObject *object) {
    MtgComposer *self = MTG_COMPOSER(object);
    g_clear_handle_id(&self->typing_timer, g_source_remove);
    g_clear_handle_id(&self->retry, g_source_remove);
    g_clear_object(&self->session);
    g_clear_pointer(&self->box, gtk_widget_unparent);
    G_OBJECT_CLASS(mtg_composer_parent_class)->dispose(object);
}

static void mtg_composer_class_init(MtgComposerClass *klass) {
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(klass);
    G_OBJECT_CLASS(klass)->dispose = dispose;
    sent_signal =
        g_signal_new("sent", MTG_TYPE_COMPOSER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
    gtk_widget_class_set_layout_manager_type(widget, GTK_TYPE_BIN_LAYOUT);
    gtk_widget_class_set_template_from_resource(widget, MTG_RESOURCES "/ui/composer.ui");
    gtk_widget_class_bind_template_child(widget, MtgComposer, box);
    gtk_widget_class_bind_template_child(widget, MtgComposer, placeholder);
    gtk_widget_class_bind_template_child(widget, MtgComposer, send);
    gtk_widget_class_bind_template_child(widget, MtgComposer, view);
    gtk_widget_class_bind_template_child(widget, MtgComposer, counter);
    gtk_widget_class_bind_template_callback(widget, on_send);
}

static void mtg_composer_init(MtgComposer *self) {
    gtk_widget_init_template(GTK_WIDGET(self));
    GtkEventController *keys = gtk_event_controller_key_new();
    gtk_event_controller_set_propagation_phase(keys, GTK_PHASE_CAPTURE);
    g_signal_connect(keys, "key-pressed", G_CALLBACK(on_key), self);
    gtk_widget_add_controller(GTK_WIDGET(self->view), keys);
    g_signal_connect_object(gtk_text_view_get_buffer(self->view), "changed", G_CALLBACK(on_changed), self,
                            G_CONNECT_SWAPPED);
}
