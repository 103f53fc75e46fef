/* The files, and what Asterisk knows of them. Changes within 100 ms are written as one; then both reloads; then each
 * new device is looked for until it is there, and each old one until it is gone, for a reload says yes before it is
 * done. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/log.h"
#include "server/asterisk_int.h"

#define GIVE_UP_MS 30000
#define FILE_MAX ((size_t)64 << 20)

static void check_soon(mt_asterisk *a, int64_t now_ms) {
    if (!a->check_timer.armed)
        mt_timer_set(&a->srv->timers, &a->check_timer, now_ms);
}

void mt_asterisk_dirty(mt_asterisk *a) {
    int64_t at_ms = a->flushed_ms + MT_ASTERISK_COALESCE_MS, now_ms = mt_server_now_ms(a->srv);
    at_ms = at_ms > now_ms ? at_ms : now_ms;
    a->dirty = true;
    bool sooner = !a->flush_timer.armed || a->flush_timer.due_ms > at_ms;
    if (sooner && a->reloading == 0)
        mt_timer_set(&a->srv->timers, &a->flush_timer, at_ms);
}

static void again(mt_asterisk *a, int64_t now_ms) {
    int64_t delay_ms = a->failures < 6 ? (int64_t)MT_ASTERISK_RETRY_MIN_MS << a->failures : MT_ASTERISK_RETRY_MAX_MS;
    a->failures++;
    a->dirty = true;
    a->retry_ms = now_ms + delay_ms;
    mt_timer_set(&a->srv->timers, &a->flush_timer, now_ms + delay_ms);
}

/* Writing */

static bool is_going(const mt_asterisk *a, const char *name) {
    MT_LIST_FOREACH(it, &a->gone) {
        if (strcmp(MT_CONTAINER(it, mt_asterisk_gone, link)->name, name) == 0)
            return true;
    }
    return false;
}

static mt_asterisk_entry entry_of(const mt_asterisk_peer *p) {
    return (mt_asterisk_entry){
        .name = mt_slice_of(p->name), .exten = mt_user_exten(p->s->user), .secret = mt_slice_of(p->secrets.password)};
}

/* Whether p is to be in the files now. Somebody of the same name who is still leaving goes first: the two could not be
 * told apart. */
static bool is_due(mt_asterisk_peer *p, const mt_asterisk_parts *sip) {
    if (p->stage != MT_ASTERISK_NEW)
        return true;
    mt_asterisk_entry e = entry_of(p);
    p->clash = !mt_asterisk_conf_fits(&e) || mt_asterisk_conf_has(sip, e.name);
    return !p->clash && !is_going(p->a, p->name);
}

typedef void add_entry(mt_buf *out, const mt_asterisk_entry *e);

static void add_all(mt_asterisk *a, mt_buf *out, add_entry *add) {
    mt_list *both[] = {&a->known, &a->fresh};
    for (size_t i = 0; i < 2 && !a->stopping; i++) {
        MT_LIST_FOREACH(it, both[i]) {
            const mt_asterisk_peer *p = MT_CONTAINER(it, mt_asterisk_peer, link);
            mt_asterisk_entry e = entry_of(p);
            if (p->written)
                add(out, &e);
        }
    }
}

static mt_err parts_of(const char *path, mt_buf *text, mt_asterisk_parts *out) {
    mt_err err = mt_asterisk_store_read(path, text);
    if (err == MT_OK)
        err = mt_asterisk_conf_split(mt_buf_slice(text), out);
    return err;
}

static mt_err store(const char *path, mt_buf *out) {
    mt_err err = mt_buf_err(out);
    return err == MT_OK ? mt_asterisk_store_write(path, mt_buf_slice(out)) : err;
}

static mt_err write_sip(mt_asterisk *a, mt_buf *old, mt_buf *out) {
    mt_asterisk_parts parts;
    mt_err err = parts_of(a->sip_path, old, &parts);
    if (err != MT_OK)
        return err;
    MT_LIST_FOREACH(it, &a->fresh) {
        mt_asterisk_peer *p = MT_CONTAINER(it, mt_asterisk_peer, link);
        p->written = is_due(p, &parts);
    }
    mt_asterisk_conf_sip_begin(out, &parts);
    add_all(a, out, mt_asterisk_conf_sip_add);
    mt_asterisk_conf_end(out, &parts);
    return store(a->sip_path, out);
}

static mt_err write_exten(mt_asterisk *a, mt_buf *old, mt_buf *out) {
    mt_asterisk_parts parts;
    mt_err err = parts_of(a->exten_path, old, &parts);
    if (err != MT_OK)
        return err;
    mt_asterisk_conf_exten_begin(out, &parts);
    add_all(a, out, mt_asterisk_conf_exten_add);
    mt_asterisk_conf_end(out, &parts);
    return store(a->exten_path, out);
}

static mt_err write_file(mt_asterisk *a, bool sip) {
    mt_buf old, out;
    mt_buf_init(&old, FILE_MAX);
    mt_buf_init(&out, FILE_MAX);
    mt_err err = sip ? write_sip(a, &old, &out) : write_exten(a, &old, &out);
    mt_buf_wipe(&old);
    mt_buf_wipe(&out);
    if (err == MT_EBAD && !a->told_file)
        mt_log(MT_LOG_ERROR, "asterisk",
               "%s: the lines \"; myTurn begins\" and \"; myTurn ends\" must stand there once each, and what follows "
               "them must begin with a section of its own",
               sip ? a->sip_path : a->exten_path);
    return err;
}

static mt_err write_files(mt_asterisk *a) {
    mt_err err = write_file(a, true);
    if (err == MT_OK)
        err = write_file(a, false);
    if (err == MT_OK && a->told_file)
        mt_log(MT_LOG_INFO, "asterisk", "its files can be written again");
    else if (err != MT_OK && !a->told_file)
        mt_log(MT_LOG_ERROR, "asterisk", "nobody can log in until its files can be written: %s", mt_err_str(err));
    a->told_file = err != MT_OK;
    return err;
}

/* At start. Whoever a crash left behind is gone, and Asterisk is told so. */
mt_err mt_asterisk_empty(mt_asterisk *a) {
    mt_asterisk_parts parts;
    mt_buf old;
    mt_buf_init(&old, FILE_MAX);
    mt_asterisk_store_tidy(a->sip_path);
    mt_asterisk_store_tidy(a->exten_path);
    mt_err err = parts_of(a->sip_path, &old, &parts);
    mt_slice rest = err == MT_OK ? parts.block : (mt_slice){NULL, 0}, found;
    while (mt_asterisk_conf_section(&rest, &found)) {
        char name[MT_ASTERISK_NAME_BYTES];
        (void)snprintf(name, sizeof name, "%.*s", (int)(found.len < sizeof name ? found.len : 0), found.p);
        mt_asterisk_entry e = {.name = mt_slice_of(name), .secret = MT_SLICE_LIT("x")};
        if (mt_asterisk_conf_fits(&e))
            mt_asterisk_gone_add(a, name, mt_server_now_ms(a->srv));
    }
    mt_buf_wipe(&old);
    err = write_files(a);
    a->emptied = err == MT_OK;
    return err;
}

/* Telling */

static void reload(mt_asterisk *a, int64_t now_ms) {
    static const struct {
        mt_asterisk_kind kind;
        const char *text;
    } both[] = {{MT_ASTERISK_RELOAD_SIP, "sip reload"}, {MT_ASTERISK_RELOAD_DIALPLAN, "dialplan reload"}};
    a->reload_failed = false;
    a->reloaded_ms = now_ms;
    for (size_t i = 0; i < 2; i++) {
        if (mt_asterisk_run(a, &(mt_asterisk_ask){.kind = both[i].kind}, "%s", both[i].text) == MT_OK)
            a->reloading++;
        else
            a->reload_failed = true;
    }
    if (a->reloading == 0)
        again(a, now_ms);
}

static void mark_sent(mt_asterisk *a) {
    MT_LIST_FOREACH(it, &a->fresh) {
        mt_asterisk_peer *p = MT_CONTAINER(it, mt_asterisk_peer, link);
        if (p->written && p->stage == MT_ASTERISK_NEW)
            p->stage = MT_ASTERISK_SENT;
    }
    MT_LIST_FOREACH(it, &a->gone) {
        MT_CONTAINER(it, mt_asterisk_gone, link)->sent = true;
    }
}

static void refuse_clashes(mt_asterisk *a, int64_t now_ms) {
    MT_LIST_FOREACH_SAFE(it, &a->fresh) {
        mt_asterisk_peer *p = MT_CONTAINER(it, mt_asterisk_peer, link);
        if (p->clash)
            mt_asterisk_refuse(p, MT_WEB_NAME_TAKEN, now_ms);
    }
}

void mt_asterisk_flush(mt_asterisk *a, int64_t now_ms) {
    mt_timer_stop(&a->srv->timers, &a->flush_timer);
    a->flushed_ms = now_ms;
    if (write_files(a) != MT_OK) {
        again(a, now_ms);
        return;
    }
    a->dirty = false;
    a->emptied = a->stopping;
    if (now_ms >= a->retry_ms || a->stopping) {
        mark_sent(a);
        reload(a, now_ms);
    } else { /* it did not answer lately: the files alone are brought up to date */
        a->dirty = true;
        mt_timer_set(&a->srv->timers, &a->flush_timer, a->retry_ms);
    }
    refuse_clashes(a, now_ms);
}

static void flush_due(mt_timer *t, void *ctx, int64_t now_ms) {
    mt_asterisk *a = MT_CONTAINER(t, mt_asterisk, flush_timer);
    if (a->dirty && a->reloading == 0)
        mt_asterisk_flush(a, now_ms);
}

static void reloaded(mt_asterisk *a, bool ok, int64_t now_ms) {
    a->reload_failed = a->reload_failed || !ok;
    if (a->reloading > 0)
        a->reloading--;
    if (a->reloading > 0)
        return;
    if (a->reload_failed) {
        if (!a->stopping)
            again(a, now_ms);
        return;
    }
    a->failures = 0;
    a->told_reload = false;
    check_soon(a, now_ms);
    if (a->dirty)
        mt_asterisk_dirty(a);
}

/* Looking */

static void look_for(mt_asterisk_peer *p) {
    mt_asterisk *a = p->a;
    uint32_t exten = mt_user_exten(p->s->user);
    if (p->asked > 0 || p->stage != MT_ASTERISK_SENT)
        return;
    if (!p->has_peer && mt_asterisk_run(a, &(mt_asterisk_ask){.kind = MT_ASTERISK_IS_PEER, .exten = exten},
                                        "sip show peer %s", p->name) == MT_OK)
        p->asked++;
    if (!p->has_exten && mt_asterisk_run(a, &(mt_asterisk_ask){.kind = MT_ASTERISK_IS_EXTEN, .exten = exten},
                                         "dialplan show %u@phones", (unsigned)exten) == MT_OK)
        p->asked++;
}

/* There must be such a device from elsewhere. */
static bool give_up(mt_asterisk *a, mt_asterisk_gone *g) {
    mt_log(MT_LOG_WARN, "asterisk", "goes on knowing a device that was taken out of sip.conf");
    mt_list_remove(&g->link);
    mt_free(g);
    return true;
}

static void check_due(mt_timer *t, void *ctx, int64_t now_ms) {
    mt_asterisk *a = MT_CONTAINER(t, mt_asterisk, check_timer);
    if (a->reloading > 0)
        return; /* looked at when that is through */
    bool more = false, late = false;
    MT_LIST_FOREACH(it, &a->fresh) {
        mt_asterisk_peer *p = MT_CONTAINER(it, mt_asterisk_peer, link);
        look_for(p);
        more = more || p->stage == MT_ASTERISK_SENT;
        late = late || (p->stage == MT_ASTERISK_SENT && now_ms - a->reloaded_ms > MT_ASTERISK_AGAIN_MS);
    }
    MT_LIST_FOREACH_SAFE(it, &a->gone) {
        mt_asterisk_gone *g = MT_CONTAINER(it, mt_asterisk_gone, link);
        if (!g->sent || (now_ms - g->since_ms > GIVE_UP_MS && give_up(a, g)))
            continue;
        more = true;
        late = late || now_ms - a->reloaded_ms > MT_ASTERISK_AGAIN_MS;
        if (!g->asked)
            g->asked = mt_asterisk_run(a, &(mt_asterisk_ask){.kind = MT_ASTERISK_IS_GONE, .name = g->name},
                                       "sip show peer %s", g->name) == MT_OK;
    }
    if (more)
        mt_timer_set(&a->srv->timers, &a->check_timer, now_ms + MT_ASTERISK_CHECK_MS);
    if (late && !a->dirty)
        mt_asterisk_dirty(a);
}

static bool shows(const mt_asterisk_cmd *cmd, mt_slice text, const char *needle) {
    mt_slice line;
    size_t len = strlen(needle);
    while (mt_asterisk_line(cmd, &text, &line)) {
        if (line.len >= len && memmem(line.p, line.len, needle, len) != NULL)
            return true;
    }
    return false;
}

/* "* Name       : jeden" begins what it shows of a device that it knows. */
static bool shows_device(const mt_asterisk_cmd *cmd, mt_slice text) {
    return shows(cmd, text, "* Name");
}

static void peer_answered(mt_asterisk *a, const mt_asterisk_cmd *cmd, bool ok, mt_slice text) {
    mt_asterisk_peer *p = mt_asterisk_by_exten(a, cmd->exten);
    if (p == NULL)
        return;
    if (p->stage == MT_ASTERISK_KNOWN) {
        if (ok)
            mt_asterisk_device(p, cmd, text);
        return;
    }
    char needle[24];
    (void)snprintf(needle, sizeof needle, "'%u' =>", (unsigned)cmd->exten);
    if (p->asked > 0)
        p->asked--;
    if (ok && p->stage == MT_ASTERISK_SENT && cmd->kind == MT_ASTERISK_IS_PEER)
        p->has_peer = shows_device(cmd, text);
    else if (ok && p->stage == MT_ASTERISK_SENT)
        p->has_exten = shows(cmd, text, needle);
    if (!p->has_peer || !p->has_exten)
        return;
    p->stage = MT_ASTERISK_KNOWN;
    mt_list_remove(&p->link);
    mt_list_append(&a->known, &p->link);
    mt_asterisk_known(p);
}

static mt_asterisk_gone *find_gone(const mt_asterisk *a, const char *name) {
    MT_LIST_FOREACH(it, &a->gone) {
        mt_asterisk_gone *g = MT_CONTAINER(it, mt_asterisk_gone, link);
        if (strcmp(g->name, name) == 0)
            return g;
    }
    return NULL;
}

static void gone_answered(mt_asterisk *a, const mt_asterisk_cmd *cmd, bool ok, mt_slice text) {
    mt_asterisk_gone *g = find_gone(a, cmd->name);
    if (g == NULL)
        return;
    g->asked = false;
    if (!ok || !g->sent)
        return;
    if (cmd->kind == MT_ASTERISK_IS_GONE) {
        if (!shows_device(cmd, text) && shows(cmd, text, "not found"))
            g->asked = mt_asterisk_run(a, &(mt_asterisk_ask){.kind = MT_ASTERISK_FORGET, .name = g->name},
                                       "database del SIP/Registry %s", g->name) == MT_OK;
        return;
    }
    mt_list_remove(&g->link);
    mt_free(g);
    MT_LIST_FOREACH(it, &a->fresh) {
        if (strcmp(MT_CONTAINER(it, mt_asterisk_peer, link)->name, cmd->name) == 0)
            mt_asterisk_dirty(a);
    }
}

void mt_asterisk_synced(mt_asterisk *a, const mt_asterisk_cmd *cmd, bool ok, mt_slice text) {
    switch (cmd->kind) {
    case MT_ASTERISK_RELOAD_SIP:
    case MT_ASTERISK_RELOAD_DIALPLAN:
        reloaded(a, ok, mt_server_now_ms(a->srv));
        break;
    case MT_ASTERISK_IS_PEER:
    case MT_ASTERISK_IS_EXTEN:
        peer_answered(a, cmd, ok, text);
        break;
    case MT_ASTERISK_FORGET: /* "does not exist" is as good */
        gone_answered(a, cmd, ok || text.len > 0, text);
        break;
    case MT_ASTERISK_IS_GONE:
        gone_answered(a, cmd, ok, text);
        break;
    default:
        break;
    }
}

void mt_asterisk_gone_add(mt_asterisk *a, const char *name, int64_t now_ms) {
    mt_asterisk_gone *g = find_gone(a, name);
    if (g == NULL) {
        g = mt_calloc(1, sizeof *g);
        if (g == NULL)
            return;
        (void)snprintf(g->name, sizeof g->name, "%s", name);
        mt_list_append(&a->gone, &g->link);
    }
    g->since_ms = now_ms;
    g->sent = false;
}

void mt_asterisk_sync_reset(mt_asterisk *a) {
    MT_LIST_FOREACH(it, &a->fresh) {
        mt_asterisk_peer *p = MT_CONTAINER(it, mt_asterisk_peer, link);
        p->stage = MT_ASTERISK_NEW;
        p->has_peer = p->has_exten = false;
    }
    a->failures = 0;
    a->retry_ms = 0;
    mt_timer_stop(&a->srv->timers, &a->flush_timer); /* it may wait for a retry */
    mt_asterisk_dirty(a);
    MT_LIST_FOREACH(it, &a->known) { /* who is registered, what has been missed */
        const mt_asterisk_peer *p = MT_CONTAINER(it, mt_asterisk_peer, link);
        mt_asterisk_ask ask = {.kind = MT_ASTERISK_IS_PEER, .exten = mt_user_exten(p->s->user)};
        if (mt_asterisk_run(a, &ask, "sip show peer %s", p->name) != MT_OK)
            break;
    }
}

void mt_asterisk_sync_init(mt_asterisk *a) {
    mt_list_init(&a->fresh);
    mt_list_init(&a->known);
    mt_list_init(&a->gone);
    mt_timer_init(&a->flush_timer, flush_due);
    mt_timer_init(&a->check_timer, check_due);
    a->flushed_ms = mt_server_now_ms(a->srv) - MT_ASTERISK_COALESCE_MS;
}
