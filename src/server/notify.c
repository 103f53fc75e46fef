#include "server/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

int mt_notify_open(void) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    if (path == NULL)
        return -1;
    size_t len = strlen(path);
    int fd = -1;
    if (len > 1 && len < sizeof to.sun_path && (path[0] == '/' || path[0] == '@')) {
        memcpy(to.sun_path, path, len);
        if (path[0] == '@') /* an abstract address */
            to.sun_path[0] = '\0';
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
        if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, size) != 0) {
            close(fd);
            fd = -1;
        }
    }
    if (fd < 0)
        mt_log(MT_LOG_WARN, "notify", "the service manager cannot be told: %s", path);
    (void)unsetenv("NOTIFY_SOCKET");
    return fd;
}

void mt_notify_ready(int fd) {
    static const char text[] = "READY=1";
    if (fd < 0)
        return;
    if (write(fd, text, sizeof text - 1) < 0)
        mt_log(MT_LOG_WARN, "notify", "the service manager could not be told");
    close(fd);
}
