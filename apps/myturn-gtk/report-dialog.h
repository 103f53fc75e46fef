/* Asks why a partner is reported, and reports him. */
#ifndef GTK_REPORT_DIALOG_H
#define GTK_REPORT_DIALOG_H

#include <adwaita.h>

#include "session.h"

#define MTG_TYPE_REPORT_DIALOG (mtg_report_dialog_get_type())
G_DECLARE_FINAL_TYPE(MtgReportDialog, mtg_report_dialog, MTG, REPORT_DIALOG, AdwMessageDialog)

void mtg_report_dialog_show(GtkWindow *over, MtgSession *session);

#endif
