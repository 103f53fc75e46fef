#include "server/sandbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "server/privileges.h"

mt_err mt_sandbox_mode_parse(const char *s, mt_sandbox_mode *out) {
    static const char *const words[] = {
        [MT_SANDBOX_TRY] = "try", [MT_SANDBOX_REQUIRE] = "require", [MT_SANDBOX_OFF] = "off"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(s, words[i]) == 0) {
            *out = (mt_sandbox_mode)i;
            return MT_OK;
        }
    }
    return MT_EBAD;
}

void mt_sandbox_prepare(mt_sandbox_mode mode) {
    if (mode == MT_SANDBOX_OFF)
        return;
    (void)setenv("UV_USE_IO_URING", "0", 1);
    /* From 1.49 on libuv makes a ring for its loop whatever the environment says, unless the kernel has none. If this
     * fails, so does the filter that is to come, and that tells why. */
    if (mt_sandbox_filter_possible() && mt_sandbox_filter_no_io_uring() != MT_OK)
        mt_log(MT_LOG_DEBUG, "sandbox", "io_uring cannot be kept away");
}

/* A part cannot be had: whether to go on without it. */
static mt_err missing(const mt_sandbox_config *cfg, const char *part, const char *reason) {
    bool required = cfg->mode == MT_SANDBOX_REQUIRE;
    mt_log(required ? MT_LOG_ERROR : MT_LOG_WARN, "sandbox", "without %s: %s%s", part, reason,
           required ? "; --sandbox require forbids to go on" : "");
    return required ? MT_EDENIED : MT_OK;
}

static mt_err part(const mt_sandbox_config *cfg, const char *name, mt_err err) {
    return err == MT_OK ? MT_OK : missing(cfg, name, err == MT_ESYS ? strerror(errno) : mt_err_str(err));
}

static mt_err become(const char *user) {
    if (user == NULL) {
        if (geteuid() == 0)
            mt_log(MT_LOG_WARN, "sandbox", "runs as root and need not: name a user with --user");
        return MT_OK;
    }
    mt_err err = mt_privileges_become(user);
    if (err == MT_OK)
        return MT_OK;
    const char *reason = err == MT_ENOENT    ? "no such user"
                         : err == MT_EDENIED ? "only root can become somebody else"
                                             : strerror(errno);
    mt_log(MT_LOG_ERROR, "sandbox", "--user %s: %s", user, reason);
    return MT_EDENIED;
}

static mt_err filter(const mt_sandbox_config *cfg) {
    static const char name[] = "the filter of system calls";
    if (!mt_sandbox_filter_possible())
        return missing(cfg, name, "a build with sanitizers cannot have it");
    return part(cfg, name, mt_sandbox_filter_load(&cfg->needs));
}

static mt_err confine(const mt_sandbox_config *cfg) {
    mt_err err = part(cfg, "loss of capabilities", mt_privileges_drop());
    if (err == MT_OK)
        err = part(cfg, "the bar on new privileges", mt_privileges_none_new());
    if (err == MT_OK)
        err = part(cfg, "the bar on core dumps", mt_privileges_no_dump());
    return err == MT_OK ? filter(cfg) : err;
}

mt_err mt_sandbox_enter(const mt_sandbox_config *cfg) {
    mt_err err = MT_OK;
    if (cfg->mode == MT_SANDBOX_OFF)
        mt_log(MT_LOG_WARN, "sandbox", "switched off");
    else /* while still able to */
        err = part(cfg, "an empty bounding set", mt_privileges_bound());
    if (err == MT_OK)
        err = become(cfg->user);
    return err == MT_OK && cfg->mode != MT_SANDBOX_OFF ? confine(cfg) : err;
}
