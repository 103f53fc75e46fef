/* Asterisk's files and its manager interface: what an operator, another program or a broken peer may put there. The
 * first byte chooses; for files: what is outside our part stays byte for byte, and writing twice changes nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/asterisk_ami.h"
#include "server/asterisk_conf.h"

#define MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool good, const char *what) {
    if (!good) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

static void write_file(const mt_asterisk_parts *parts, bool sip, mt_buf *out) {
    mt_asterisk_entry e = {.name = MT_SLICE_LIT("jeden"), .exten = 111000, .secret = MT_SLICE_LIT("s")};
    if (sip) {
        mt_asterisk_conf_sip_begin(out, parts);
        mt_asterisk_conf_sip_add(out, &e);
    } else {
        mt_asterisk_conf_exten_begin(out, parts);
        mt_asterisk_conf_exten_add(out, &e);
    }
    mt_asterisk_conf_end(out, parts);
}

static void check_file(mt_slice text, bool sip) {
    mt_asterisk_parts parts, again;
    mt_buf one, two;
    if (mt_asterisk_conf_split(text, &parts) != MT_OK)
        return;
    must(parts.before.len + parts.block.len + parts.after.len == text.len, "parts make up the text");
    mt_buf_init(&one, MAX);
    mt_buf_init(&two, MAX);
    write_file(&parts, sip, &one);
    mt_slice written = mt_buf_slice(&one);
    must(written.len >= parts.before.len + parts.after.len, "nothing of the operator's is lost");
    must(parts.before.len == 0 || memcmp(written.p, parts.before.p, parts.before.len) == 0, "before");
    must(parts.after.len == 0 || memcmp(written.p + written.len - parts.after.len, parts.after.p, parts.after.len) == 0,
         "after");
    must(mt_asterisk_conf_split(written, &again) == MT_OK, "what was written can be read");
    must(mt_slice_eq(again.after, parts.after), "after, again");
    write_file(&again, sip, &two);
    must(mt_slice_eq(mt_buf_slice(&two), written), "writing twice changes nothing");
    mt_buf_reset(&two);
    mt_asterisk_conf_mask(&two, text);
    mt_buf_deinit(&one);
    mt_buf_deinit(&two);
}

static size_t reports;

static void on_ready(void *ctx) {
    reports++;
}
static void on_refused(void *ctx, mt_slice reason) {
    reports += reason.len;
}
static void on_answer(void *ctx, uint32_t id, bool ok, mt_slice text) {
    mt_slice line;
    while (mt_ami_output(&text, &line))
        reports += line.len;
    if (reports % 2 == 0 && mt_ami_command(ctx, MT_SLICE_LIT("sip show peer jeden"), id, 5000) != MT_OK)
        reports++;
}
static void on_event(void *ctx, mt_slice name, mt_slice text) {
    reports += name.len + mt_ami_value(text, "Channel").len;
}

static void check_ami(mt_slice text, size_t step) {
    static const mt_ami_events events = {on_ready, on_refused, on_answer, on_event};
    mt_ami m;
    mt_ami_init(&m, &events, &m);
    mt_ami_begin(&m, MT_SLICE_LIT("u"), MT_SLICE_LIT("s"), 5000);
    mt_err err = MT_OK;
    for (int64_t now_ms = 5000; text.len > 0 && err == MT_OK; now_ms += 500) {
        size_t n = text.len < step ? text.len : step;
        err = mt_ami_input(&m, mt_slice_n(text.p, n), now_ms);
        text = mt_slice_n(text.p + n, text.len - n);
        if (err == MT_OK)
            err = mt_ami_tick(&m, now_ms);
        must(m.out.len <= MT_AMI_OUT_MAX, "output is limited");
    }
    mt_ami_deinit(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len == 0)
        return 0;
    mt_slice text = mt_slice_n(data + 1, len - 1);
    if (data[0] % 3 == 2)
        check_ami(text, (size_t)data[0] + 1);
    else
        check_file(text, data[0] % 3 == 0);
    return 0;
}
