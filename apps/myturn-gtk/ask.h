/* Questions in a dialog over the window of a widget. */
#ifndef GTK_ASK_H
#define GTK_ASK_H

#include <gtk/gtk.h>

typedef struct mtg_question {
    const char *heading, *body;
    const char *yes, *no; /* with mnemonics */
    gboolean destructive; /* what "yes" does cannot be undone */
    const char *action;   /* of the window, on yes */
} mtg_question;

/* Shows it and returns it: whoever outlives the reason for the question closes the dialog. */
GtkWindow *mtg_ask(GtkWidget *over, const mtg_question *question);

/* Whether this address, which a stranger wrote, is to be opened; shows all of it. */
void mtg_ask_open(GtkWidget *over, const char *uri);

#endif
