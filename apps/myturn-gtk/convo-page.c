#include "convo-page.h"

#include <adwaita.h>
#include <glib/gi18n.h>

#include "app-id.h"
#include "composer.h"
#include "message-list.h"
#include "voice-bar.h"
#include "words-bar.h"

struct _MtgConvoPage {
    GtkWidget parent_instance;
    MtgSession *session;

    GtkWidget *box, *no_text;
    MtgWordsBar *words;
    MtgMessageList *messages;
    GtkRevealer *typing;
    GtkLabel *typing_label;
    MtgComposer *composer;
    MtgVoiceBar *voice;
};

G_DEFINE_FINAL_TYPE(MtgConvoPage, mtg_convo_page, GTK_TYPE_WIDGET)

void mtg_convo_page_focus(MtgConvoPage *self) {
    if (gtk_widget_get_visible(GTK_WIDGET(self->composer)))
        mtg_composer_focus(self->composer);
    else
        gtk_widget_child_focus(GTK_WIDGET(self->voice), GTK_DIR_TAB_FORWARD);
}

static void show_typing(MtgConvoPage *self, gboolean on) {
    const char *partner = mtg_session_partner(self->session);
    g_autofree char *text = g_strdup_printf(_("%s is typing …"), partner != NULL ? partner : "");
    if (on)
        gtk_label_set_label(self->typing_label, text);
    gtk_widget_set_visible(GTK_WIDGET(self->typing_label), on); /* what only has slid away would be read out */
    gtk_revealer_set_reveal_child(self->typing, on);
}

static void on_secure(MtgConvoPage *self, const myturn_event *e) {
    mtg_words_bar_set(self->words, e);
    gtk_widget_set_visible(GTK_WIDGET(self->messages), e->encrypted);
    gtk_widget_set_visible(GTK_WIDGET(self->composer), e->encrypted);
    gtk_widget_set_visible(self->no_text, !e->encrypted);
}

static void on_text(MtgConvoPage *self, const myturn_event *e) {
    show_typing(self, FALSE);
    mtg_message_list_add(self->messages, e->name, e->text, FALSE);
}

static void on_typing(MtgConvoPage *self, const myturn_event *e) {
    show_typing(self, e->on);
}

static void on_reconnecting(MtgConvoPage *self, const myturn_event *e) {
    mtg_message_list_add_note(self->messages, e->on ? _("Nothing is heard; reconnecting …") : _("Connected again."));
}

static void on_sent(MtgConvoPage *self, const char *text) {
    mtg_message_list_add(self->messages, mtg_session_name(self->session), text, TRUE);
}

/* Nothing of a talk outlives it. */
static void forget(MtgConvoPage *self) {
    mtg_message_list_clear(self->messages);
    mtg_composer_clear(self->composer);
    show_typing(self, FALSE);
}

static void on_state(MtgConvoPage *self) {
    if (!mtg_session_in_talk(self->session))
        forget(self);
}

void mtg_convo_page_set_up(MtgConvoPage *self, MtgSession *session, MtgPrefs *prefs) {
    self->session = g_object_ref(session);
    mtg_composer_set_up(self->composer, session);
    mtg_voice_bar_set_up(self->voice, session, prefs);
    g_signal_connect_object(session, "event::secure", G_CALLBACK(on_secure), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(session, "event::text", G_CALLBACK(on_text), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(session, "event::typing", G_CALLBACK(on_typing), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(session, "event::reconnecting", G_CALLBACK(on_reconnecting), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(session, "notify::state", G_CALLBACK(on_state), self, G_CONNECT_SWAPPED);
}

static void dispose(GObject *object) {
    MtgConvoPage *self = MTG_CONVO_PAGE(object);
    g_clear_object(&self->session);
    g_clear_pointer(&self->box, gtk_widget_unparent);
    G_OBJECT_CLASS(mtg_convo_page_parent_class)->dispose(object);
}

static void mtg_convo_page_class_init(MtgConvoPageClass *klass) {
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(klass);
    G_OBJECT_CLASS(klass)->dispose = dispose;
    g_type_ensure(MTG_TYPE_WORDS_BAR);
    g_type_ensure(MTG_TYPE_MESSAGE_LIST);
    g_type_ensure(MTG_TYPE_COMPOSER);
    g_type_ensure(MTG_TYPE_VOICE_BAR);
    gtk_widget_class_set_layout_manager_type(widget, GTK_TYPE_BIN_LAYOUT);
    gtk_widget_class_set_template_from_resource(widget, MTG_RESOURCES "/ui/convo-page.ui");
    gtk_widget_class_bind_template_child(widget, MtgConvoPage, box);
    gtk_widget_class_bind_template_child(widget, MtgConvoPage, no_text);
    gtk_widget_class_bind_template_child(widget, MtgConvoPage, words);
    gtk_widget_class_bind_template_child(widget, MtgConvoPage, messages);
    gtk_widget_class_bind_template_child(widget, MtgConvoPage, typing);
    gtk_widget_class_bind_template_child(widget, MtgConvoPage, typing_label);
    gtk_widget_class_bind_template_child(widget, MtgConvoPage, composer);
    gtk_widget_class_bind_template_child(widget, MtgConvoPage, voice);
    gtk_widget_class_bind_template_callback(widget, on_sent);
}

static void mtg_convo_page_init(MtgConvoPage *self) {
    gtk_widget_init_template(GTK_WIDGET(self));
}
