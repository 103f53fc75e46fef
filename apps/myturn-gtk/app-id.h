/* One name for D-Bus, the desktop file, the schema, the icon and the AppStream component. */
#ifndef GTK_APP_ID_H
#define GTK_APP_ID_H

#define MTG_APP_ID "net.myturn.Client"
#define MTG_RESOURCES "/net/myturn/Client"

#endif
