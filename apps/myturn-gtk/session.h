/* The model: one user at one server, on libmyturn. Widgets read its properties and follow its signals; they never see
 * the client itself. Main thread.
 *
 * Properties: state (uint, myturn_state), name, partner (string or NULL), mic (boolean: the own one is on).
 * Signal: event(const myturn_event *), with the event's name as its detail ("event::text"); the event lives until the
 * handler returns. The properties are up to date before it is emitted, and state changes are notified after it. */
#ifndef GTK_SESSION_H
#define GTK_SESSION_H

#include <gio/gio.h>

#include "myturn/myturn.h"
#include "prefs.h"

#define MTG_TYPE_SESSION (mtg_session_get_type())
G_DECLARE_FINAL_TYPE(MtgSession, mtg_session, MTG, SESSION, GObject)

MtgSession *mtg_session_new(MtgPrefs *prefs);

myturn_state mtg_session_state(MtgSession *self);
gboolean mtg_session_in_talk(MtgSession *self); /* TALKING or RECONNECTING */
const char *mtg_session_name(MtgSession *self);
/* The present partner, or the last one until the next draw; NULL: none yet. */
const char *mtg_session_partner(MtgSession *self);
gboolean mtg_session_mic(MtgSession *self);
/* The operator's address for complaints; NULL: none. */
const char *mtg_session_contact(MtgSession *self);

/* MYTURN_EV_SECURE and MYTURN_EV_QUALITY of the present talk, without words and names; NULL: none yet. */
const myturn_event *mtg_session_secure(MtgSession *self);
const myturn_event *mtg_session_quality(MtgSession *self);

/* All return at once; what comes of it is an event. What is not possible in the present state is refused quietly. */
myturn_err mtg_session_login(MtgSession *self, const char *name); /* at the server of the preferences */
void mtg_session_logout(MtgSession *self);
/* phones: a partner on a phone will do as well, without encryption; for this draw alone. */
void mtg_session_ready(MtgSession *self, gboolean phones);
void mtg_session_cancel(MtgSession *self); /* waiting or connecting */
void mtg_session_next(MtgSession *self);
void mtg_session_hang_up(MtgSession *self);
void mtg_session_block(MtgSession *self);
/* MYTURN_ERR_STATE: there is nobody to report. note: NULL for none. */
myturn_err mtg_session_report(MtgSession *self, const char *reason, const char *note);
myturn_err mtg_session_text(MtgSession *self, const char *text);
void mtg_session_typing(MtgSession *self, gboolean on);
void mtg_session_set_mic(MtgSession *self, gboolean on);
/* Outside a talk: the microphone's level comes as events; hear plays it back. */
myturn_err mtg_session_test(MtgSession *self, gboolean on, gboolean hear);

#endif
