#include "server/reload.h"

#include "base/log.h"
#include "server/relay.h"
#include "server/secure.h"
#include "server/server_int.h"

#define NAMES_MAX 4096

mt_err mt_reload_web(mt_server *s) {
    mt_static *files = NULL;
    if (s->opt.web != NULL) {
        mt_err err = mt_static_load(s->opt.web, s->random, &files);
        if (err != MT_OK)
            return err;
        mt_log(MT_LOG_INFO, "web", "%zu files from %s", mt_static_count(files), s->opt.web);
    }
    mt_static_free(s->files);
    s->files = files;
    return MT_OK;
}

mt_err mt_reload_operator(mt_server *s) {
    bool open_to_others = false;
    const char *path = s->opt.operator_token_file;
    if (path == NULL) {
        s->op = (mt_token_operator){.set = false};
        return MT_OK;
    }
    mt_err err = mt_token_operator_load(path, &s->op, &open_to_others);
    if (err == MT_EBAD)
        mt_log(MT_LOG_ERROR, "operator", "%s: must be one line of 16 to 256 visible ASCII characters", path);
    else if (err != MT_OK)
        mt_log(MT_LOG_ERROR, "operator", "%s cannot be read", path);
    else if (open_to_others)
        mt_log(MT_LOG_WARN, "operator", "%s can be read by others: chmod 600 it", path);
    return err;
}

static void log_faults(const mt_buf *faults) {
    mt_slice rest = mt_buf_slice(faults);
    while (rest.len > 0) {
        mt_slice line = mt_slice_cut(&rest, '\n');
        mt_log(MT_LOG_ERROR, "config", "%.*s", (int)line.len, line.p);
    }
    mt_log(MT_LOG_ERROR, "config", "not taken: everything stays as it was");
}

static void update(mt_server *s, const mt_options *fresh) {
    mt_buf changed, restart;
    mt_buf_init(&changed, NAMES_MAX);
    mt_buf_init(&restart, NAMES_MAX);
    uint32_t lease_s = s->opt.lease_s, first_lease_s = s->opt.first_lease_s;
    mt_err err = mt_options_update(&s->opt, fresh, &changed, &restart);
    if (err != MT_OK)
        mt_log(MT_LOG_ERROR, "config", "%s", mt_err_str(err));
    s->limits.cfg = s->opt.limits;
    mt_sip_server_hide(s->sip, mt_relay_is_only(&s->opt.relay));
    mt_conduct_configure(s->conduct, &s->opt.conduct);
    mt_options_setup_log(&s->opt);
    if (lease_s != s->opt.lease_s || first_lease_s != s->opt.first_lease_s)
        mt_session_leases_changed(s);
    if (changed.len > 0)
        mt_log(MT_LOG_INFO, "config", "changed: %s", changed.p);
    if (restart.len > 0)
        mt_log(MT_LOG_WARN, "config", "needs a restart: %s", restart.p);
    mt_buf_deinit(&changed);
    mt_buf_deinit(&restart);
}

static void reload_options(mt_server *s) {
    if (s->opt.config == NULL)
        return;
    mt_options fresh;
    mt_buf faults;
    mt_buf_init(&faults, MT_OPTIONS_FAULTS_MAX);
    mt_err err = mt_options_parse(s->opt.argc, s->opt.argv, &fresh, &faults);
    if (err == MT_OK) {
        update(s, &fresh);
        mt_options_deinit(&fresh);
    } else {
        log_faults(&faults);
    }
    mt_buf_deinit(&faults);
}

static void note(const char *what, mt_err err) {
    if (err != MT_OK)
        mt_log(MT_LOG_WARN, what, "what was read before stays");
}

void mt_reload_all(mt_server *s) {
    reload_options(s);
    note("web", mt_reload_web(s));
    note("operator", mt_reload_operator(s));
    note("turn", mt_relay_load(&s->opt.relay, &s->relay));
    mt_secure_reload(s);
}
