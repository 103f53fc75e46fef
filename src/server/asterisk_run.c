/* Commands to Asterisk: by AMI in order of asking, or one after another by "asterisk -rx". */
#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/log.h"
#include "server/asterisk_int.h"

#define SHELL_MS 5000
#define SHELL_QUEUE 200 /* each costs a process: what does not fit fails, and is tried again */

static void run_shell(mt_asterisk *a);

static void answered(mt_asterisk *a, mt_asterisk_cmd *cmd, bool ok, mt_slice text) {
    mt_list_remove(&cmd->link);
    if (cmd->kind == MT_ASTERISK_WHERE)
        mt_asterisk_where_answered(a, cmd, ok ? text : (mt_slice){NULL, 0});
    else if (cmd->kind != MT_ASTERISK_HANGUP)
        mt_asterisk_synced(a, cmd, ok, text);
    mt_free(cmd);
}

bool mt_asterisk_line(const mt_asterisk_cmd *cmd, mt_slice *rest, mt_slice *line) {
    if (!cmd->shell)
        return mt_ami_output(rest, line);
    if (rest->len == 0)
        return false;
    *line = mt_slice_trim(mt_slice_cut(rest, '\n'));
    return true;
}

static void shell_done(void *ctx, bool ok, mt_slice output) {
    mt_asterisk *a = ctx;
    a->process = NULL;
    if (!mt_list_empty(&a->shell))
        answered(a, MT_CONTAINER(a->shell.next, mt_asterisk_cmd, link), ok, output);
    run_shell(a);
}

static void run_shell(mt_asterisk *a) {
    while (a->process == NULL && !mt_list_empty(&a->shell)) {
        mt_asterisk_cmd *cmd = MT_CONTAINER(a->shell.next, mt_asterisk_cmd, link);
        const char *program = a->srv->opt.asterisk.command;
        char path[512], flag[] = "-rx";
        (void)snprintf(path, sizeof path, "%s", program != NULL ? program : "asterisk");
        char *argv[] = {path, flag, cmd->text, NULL};
        if (mt_process_run(a->srv->net, argv, SHELL_MS, shell_done, a, &a->process) == MT_OK)
            return;
        a->process = NULL;
        answered(a, cmd, false, (mt_slice){NULL, 0});
    }
}

static size_t length(const mt_list *head) {
    size_t n = 0;
    MT_LIST_FOREACH(it, head) {
        n++;
    }
    return n;
}

mt_err mt_asterisk_run(mt_asterisk *a, const mt_asterisk_ask *ask, const char *fmt, ...) {
    mt_asterisk_cmd *cmd = mt_calloc(1, sizeof *cmd);
    if (cmd == NULL)
        return MT_ENOMEM;
    cmd->kind = ask->kind;
    cmd->exten = ask->exten;
    cmd->query = ask->query;
    cmd->id = ++a->last_id % 1000000000;
    if (ask->name != NULL)
        (void)snprintf(cmd->name, sizeof cmd->name, "%s", ask->name);
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(cmd->text, sizeof cmd->text, fmt, args);
    va_end(args);
    mt_err err = n > 0 && (size_t)n < sizeof cmd->text ? MT_OK : MT_EINVAL;
    cmd->shell = !a->ami.ready || a->ami.dead;
    if (err == MT_OK && cmd->shell)
        err = length(&a->shell) < SHELL_QUEUE ? MT_OK : MT_ELIMIT;
    else if (err == MT_OK)
        err = mt_ami_command(&a->ami, mt_slice_of(cmd->text), cmd->id, mt_server_now_ms(a->srv));
    if (err != MT_OK) {
        mt_free(cmd);
        return err;
    }
    mt_list_append(cmd->shell ? &a->shell : &a->cmds, &cmd->link);
    return MT_OK; /* the shell is begun at the end of the turn */
}

void mt_asterisk_on_answer(mt_asterisk *a, uint32_t id, bool ok, mt_slice text) {
    MT_LIST_FOREACH(it, &a->cmds) {
        mt_asterisk_cmd *cmd = MT_CONTAINER(it, mt_asterisk_cmd, link);
        if (cmd->id != id)
            continue;
        if (!ok && cmd->kind <= MT_ASTERISK_RELOAD_DIALPLAN && !a->told_reload) {
            mt_slice why = mt_ami_value(text, "Message");
            mt_log(MT_LOG_ERROR, "asterisk", "refuses \"%s\": %.*s", cmd->text, (int)why.len, why.p);
            a->told_reload = true;
        }
        answered(a, cmd, ok, text);
        return;
    }
}

void mt_asterisk_drop_commands(mt_asterisk *a, bool shell_too) {
    while (!mt_list_empty(&a->cmds))
        answered(a, MT_CONTAINER(a->cmds.next, mt_asterisk_cmd, link), false, (mt_slice){NULL, 0});
    if (!shell_too)
        return;
    mt_process_drop(a->process);
    a->process = NULL;
    while (!mt_list_empty(&a->shell))
        answered(a, MT_CONTAINER(a->shell.next, mt_asterisk_cmd, link), false, (mt_slice){NULL, 0});
}

void mt_asterisk_turn(mt_server *srv) {
    mt_asterisk *a = srv->asterisk;
    if (a == NULL)
        return;
    if (a->stream != NULL && a->ami.out.len > 0) {
        mt_err err = mt_stream_send(a->stream, mt_buf_slice(&a->ami.out));
        mt_buf_reset(&a->ami.out);
        if (err != MT_OK) /* its answers stay away: that ends the connection */
            mt_log(MT_LOG_DEBUG, "asterisk", "not sent: %s", mt_err_str(err));
    }
    run_shell(a);
}
