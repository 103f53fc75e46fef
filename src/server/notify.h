/* Tells the service manager that start-up is over: the protocol of sd_notify(3), without its library. */
#ifndef MT_SERVER_NOTIFY_H
#define MT_SERVER_NOTIFY_H

/* The descriptor to tell it by, -1 where nobody asked ($NOTIFY_SOCKET, which is taken out of the environment). Before
 * the sandbox, which lets no such socket be made. */
int mt_notify_open(void);
/* Ready; closes it. -1 is allowed. */
void mt_notify_ready(int fd);

#endif
