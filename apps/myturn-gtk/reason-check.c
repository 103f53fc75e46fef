#include "reason-check.h"

struct _MtgReasonCheck {
    GtkCheckButton parent_instance;
};

G_DEFINE_FINAL_TYPE(MtgReasonCheck, mtg_reason_check, GTK_TYPE_CHECK_BUTTON)

static void select_it(GtkWidget *widget, const char *action, GVariant *parameter) {
    gtk_check_button_set_active(GTK_CHECK_BUTTON(widget), TRUE);
}

GtkCheckButton *mtg_reason_check_new(void) {
    return g_object_new(MTG_TYPE_REASON_CHECK, "accessible-role", GTK_ACCESSIBLE_ROLE_RADIO, NULL);
}

static void mtg_reason_check_class_init(MtgReasonCheckClass *klass) {
    gtk_widget_class_install_action(GTK_WIDGET_CLASS(klass), "reason.select", NULL, select_it);
}

static void mtg_reason_check_init(MtgReasonCheck *self) {}
