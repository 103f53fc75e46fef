#include "server/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAP_WORDS _LINUX_CAPABILITY_U32S_3

static mt_err of(long result) {
    return result == 0 ? MT_OK : MT_ESYS;
}

static mt_err get_caps(struct __user_cap_data_struct caps[CAP_WORDS]) {
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    return of(syscall(SYS_capget, &head, caps));
}

mt_err mt_privileges_bound(void) {
    struct __user_cap_data_struct caps[CAP_WORDS];
    mt_err err = get_caps(caps);
    if (err != MT_OK || (caps[0].effective & 1U << CAP_SETPCAP) == 0)
        return err;
    /* The kernel may know more capabilities than the headers: it tells where they end. */
    for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0)
            return MT_ESYS;
    }
    return MT_OK;
}

mt_err mt_privileges_become(const char *user) {
    errno = 0;
    const struct passwd *pw = getpwnam(user);
    if (pw == NULL)
        return errno == 0 || errno == ENOENT || errno == ESRCH ? MT_ENOENT : MT_ESYS;
    uid_t uid = pw->pw_uid;
    gid_t gid = pw->pw_gid;
    if (geteuid() != 0)
        return uid == geteuid() && uid == getuid() ? MT_OK : MT_EDENIED;
    if (initgroups(user, gid) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        return MT_ESYS;
    return MT_OK;
}

mt_err mt_privileges_drop(void) {
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct caps[CAP_WORDS], none[CAP_WORDS] = {{0}};
    mt_err err = get_caps(caps);
    if (err != MT_OK || memcmp(caps, none, sizeof none) == 0)
        return err; /* nothing to give up; a service manager may have forbidden the call below */
    /* The ambient set is kept within the other two, and goes with them. */
    return of(syscall(SYS_capset, &head, none));
}

mt_err mt_privileges_none_new(void) {
    return of(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

mt_err mt_privileges_no_dump(void) {
    /* The limit alone does not hold where core_pattern pipes to a program; the flag does, and keeps debuggers of the
     * same user away too. A change of user resets it, so this comes later. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return MT_ESYS;
    struct rlimit now, none = {0, 0};
    if (getrlimit(RLIMIT_CORE, &now) == 0 && now.rlim_cur == 0 && now.rlim_max == 0)
        return MT_OK;
    return of(setrlimit(RLIMIT_CORE, &none));
}
