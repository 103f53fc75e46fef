/* Asterisk beside us: the connection to it, and beginning and end. */
#include "server/asterisk.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/secret.h"
#include "server/asterisk_int.h"
#include "server/secret_file.h"

#define CONNECT_MS 5000 /* then it is tried anew */

static void set_away(mt_asterisk *a, const char *why) {
    if (a->told_away)
        return;
    a->told_away = true;
    mt_log(MT_LOG_WARN, "asterisk", "is away (%s): nobody can log in until it is back; running talks go on", why);
}

static void connect_again(mt_asterisk *a) {
    mt_server *srv = a->srv;
    int64_t delay_ms = a->attempts < 6 ? (int64_t)MT_ASTERISK_RETRY_MIN_MS << a->attempts : MT_ASTERISK_RETRY_MAX_MS;
    a->attempts++;
    delay_ms = delay_ms * 3 / 4 + mt_random_below(srv->random, (uint32_t)(delay_ms / 4 + 1));
    mt_timer_set(&srv->timers, &a->connect_timer, mt_server_now_ms(srv) + delay_ms);
}

/* Nothing of what was asked will be answered. */
static void lose(mt_asterisk *a, const char *why) {
    a->stream = NULL;
    a->ami.dead = true;
    a->ami.ready = false;
    mt_timer_stop(&a->srv->timers, &a->ami_timer);
    set_away(a, why);
    mt_asterisk_drop_commands(a, false);
    connect_again(a);
}

static void give_up(mt_asterisk *a, const char *why) {
    mt_stream_close(a->stream);
    lose(a, why);
}

static void arm(mt_asterisk *a) {
    int64_t next_ms = mt_ami_next_ms(&a->ami);
    if (next_ms != MT_NEVER)
        mt_timer_set(&a->srv->timers, &a->ami_timer, next_ms);
}

static void on_up(void *ctx) {
    mt_asterisk *a = ctx;
    mt_ami_begin(&a->ami, mt_slice_of(a->srv->opt.asterisk.ami_user), mt_slice_of(a->secret), mt_server_now_ms(a->srv));
    arm(a);
}

static void on_received(void *ctx, mt_slice bytes) {
    mt_asterisk *a = ctx;
    if (mt_ami_input(&a->ami, bytes, mt_server_now_ms(a->srv)) != MT_OK)
        give_up(a, "its manager interface refuses or is none");
}

static void on_down(void *ctx, const char *why) {
    lose(ctx, why);
}

static const mt_stream_handlers stream_handlers = {on_up, on_received, on_down};

static void try_connect(mt_asterisk *a) {
    if (mt_stream_open(a->srv->net, &a->srv->opt.asterisk.ami, &stream_handlers, a, &a->stream) == MT_OK) {
        mt_timer_set(&a->srv->timers, &a->connect_timer, mt_server_now_ms(a->srv) + CONNECT_MS);
        return;
    }
    a->stream = NULL;
    connect_again(a);
}

/* Where nothing answers at all, the kernel goes on trying for two minutes without a word. */
static void connect_due(mt_timer *t, void *ctx, int64_t now_ms) {
    mt_asterisk *a = MT_CONTAINER(t, mt_asterisk, connect_timer);
    if (a->stream == NULL)
        try_connect(a);
    else if (a->ami.dead)
        give_up(a, "it cannot be reached");
}

/* Anything may have been asked since it was armed. */
static void ami_due(mt_timer *t, void *ctx, int64_t now_ms) {
    mt_asterisk *a = MT_CONTAINER(t, mt_asterisk, ami_timer);
    if (mt_ami_tick(&a->ami, now_ms) != MT_OK)
        give_up(a, "it does not answer");
    else
        arm(a);
}

static void on_ready(void *ctx) {
    mt_asterisk *a = ctx;
    mt_log(MT_LOG_INFO, "asterisk", a->told_away && a->ever_up ? "is back" : "answers");
    a->told_away = false;
    a->ever_up = true;
    a->attempts = 0;
    arm(a);
    if (!a->stopping)
        mt_asterisk_sync_reset(a);
}

static void on_refused(void *ctx, mt_slice reason) {
    mt_asterisk *a = ctx;
    if (!a->told_away)
        mt_log(MT_LOG_ERROR, "asterisk", "the manager interface refuses the login: %.*s", (int)reason.len, reason.p);
}

static void on_answer(void *ctx, uint32_t id, bool success, mt_slice text) {
    mt_asterisk_on_answer(ctx, id, success, text);
}

static void on_event(void *ctx, mt_slice name, mt_slice text) {
    mt_asterisk_event(ctx, name, text);
}

static const mt_ami_events ami_events = {on_ready, on_refused, on_answer, on_event};

void mt_asterisk_options_default(mt_asterisk_options *o) {
    *o =
        (mt_asterisk_options){.dir = "/etc/asterisk", .realm = "asterisk", .command = "asterisk", .ami_user = "myturn"};
    mt_addr at;
    if (mt_addr_parse(MT_SLICE_LIT("127.0.0.1:5060"), &at) == MT_OK)
        o->host = at;
    if (mt_addr_parse(MT_SLICE_LIT("127.0.0.1:5038"), &at) == MT_OK)
        o->ami = at;
}

static mt_err load_secret(const char *path, char *out, size_t size) {
    bool open_to_others = false;
    mt_err err = mt_secret_file_read(path, 1, size - 1, out, &open_to_others);
    if (err == MT_EBAD)
        mt_log(MT_LOG_ERROR, "asterisk", "%s: must be one line of 1 to %zu visible ASCII characters", path, size - 1);
    else if (err != MT_OK)
        mt_log(MT_LOG_ERROR, "asterisk", "%s cannot be read", path);
    else if (open_to_others)
        mt_log(MT_LOG_WARN, "asterisk", "%s can be read by others: chmod 600 it", path);
    return err;
}

static char *join(const char *folder, const char *name) {
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    return n > 0 && (size_t)n < sizeof path ? mt_strdup(path) : NULL;
}

mt_err mt_asterisk_create(mt_server *srv) {
    mt_asterisk *a = mt_calloc(1, sizeof *a);
    if (a == NULL)
        return MT_ENOMEM;
    a->srv = srv;
    srv->asterisk = a;
    mt_asterisk_sync_init(a);
    mt_list_init(&a->cmds);
    mt_list_init(&a->shell);
    mt_timer_init(&a->ami_timer, ami_due);
    mt_timer_init(&a->connect_timer, connect_due);
    mt_ami_init(&a->ami, &ami_events, a);
    a->sip_path = join(srv->opt.asterisk.dir, "sip.conf");
    a->exten_path = join(srv->opt.asterisk.dir, "extensions.conf");
    if (a->sip_path == NULL || a->exten_path == NULL)
        return MT_ENOMEM;
    mt_err err = load_secret(srv->opt.asterisk.ami_secret_file, a->secret, sizeof a->secret);
    if (err == MT_OK)
        err = mt_asterisk_empty(a);
    if (err != MT_OK)
        return err;
    a->serving = true;
    if (!mt_addr_is_loopback(&srv->opt.asterisk.ami))
        mt_log(MT_LOG_WARN, "asterisk",
               "its manager interface is on another machine: secret and names pass in the clear");
    try_connect(a);
    return MT_OK;
}

const char *mt_asterisk_realm(const mt_server *srv) {
    return srv->opt.asterisk.realm;
}

void mt_asterisk_stop(mt_server *srv) {
    mt_asterisk *a = srv->asterisk;
    if (a == NULL || a->stopping)
        return;
    int64_t now_ms = mt_server_now_ms(srv);
    a->stopping = true;
    mt_list *both[] = {&a->known, &a->fresh};
    for (size_t i = 0; i < 2; i++) {
        MT_LIST_FOREACH(it, both[i]) {
            const mt_asterisk_peer *p = MT_CONTAINER(it, mt_asterisk_peer, link);
            if (p->stage != MT_ASTERISK_NEW)
                mt_asterisk_gone_add(a, p->name, now_ms);
        }
    }
    mt_asterisk_flush(a, now_ms);
}

bool mt_asterisk_is_calm(const mt_server *srv) {
    const mt_asterisk *a = srv->asterisk;
    if (a == NULL)
        return true;
    bool asked = !mt_list_empty(&a->cmds) || !mt_list_empty(&a->shell) || a->process != NULL;
    bool there = a->ami.ready && !a->ami.dead;
    return !asked && (!there || (mt_list_empty(&a->gone) && a->reloading == 0));
}

void mt_asterisk_destroy(mt_server *srv) {
    mt_asterisk *a = srv->asterisk;
    if (a == NULL)
        return;
    a->stopping = true;
    if (a->serving && !a->emptied)
        mt_asterisk_flush(a, mt_server_now_ms(srv));
    mt_stream_close(a->stream);
    a->stream = NULL;
    a->ami.ready = false;
    mt_asterisk_drop_commands(a, true);
    mt_asterisk_drop_commands(a, true); /* what their failure asked for */
    MT_LIST_FOREACH_SAFE(it, &a->gone) {
        mt_free(MT_CONTAINER(it, mt_asterisk_gone, link));
    }
    mt_timer *timers[] = {&a->flush_timer, &a->check_timer, &a->ami_timer, &a->connect_timer};
    for (size_t i = 0; i < sizeof timers / sizeof timers[0]; i++)
        mt_timer_stop(&srv->timers, timers[i]);
    mt_ami_deinit(&a->ami);
    mt_wipe(a->secret, sizeof a->secret);
    mt_free(a->sip_path);
    mt_free(a->exten_path);
    srv->asterisk = NULL;
    mt_free(a);
}
