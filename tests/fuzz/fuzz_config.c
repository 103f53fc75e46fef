/* The configuration file: whatever it is, it is taken or refused with a line that says where; what is taken is printed
 * as a file that is taken again and means the same. Nothing but the text is touched. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "server/config.h"
#include "server/option.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok, const char *what) {
    if (ok)
        return;
    (void)fprintf(stderr, "broken: %s\n", what);
    abort();
}

static void print(const mt_options *o, mt_buf *out) {
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    must(f != NULL, "memory");
    mt_options_print(o, f);
    (void)fclose(f);
    mt_buf_add(out, text, len);
    free(text);
}

static void check_faults(const mt_buf *faults) {
    mt_slice rest = mt_buf_slice(faults);
    must(mt_text_is_utf8(rest), "faults are UTF-8");
    must(rest.len > 0 && rest.p[rest.len - 1] == '\n', "faults are lines");
    while (rest.len > 0) {
        mt_slice line = mt_slice_cut(&rest, '\n');
        must(line.len > 4 && memcmp(line.p, "f:", 2) == 0, "a fault says where");
        for (size_t i = 0; i < line.len; i++)
            must((unsigned char)line.p[i] >= 0x20, "a fault can be shown");
    }
}

static void check_values(const mt_options *o) {
    for (size_t i = 0; i < mt_option_count; i++) {
        const mt_option *opt = &mt_option_table[i];
        mt_buf text;
        mt_buf_init(&text, 65536);
        mt_option_format(opt, o, &text);
        must(mt_buf_err(&text) == MT_OK, "a value is not endless");
        must(text.len == 0 || memchr(text.p, '\n', text.len) == NULL, "a value is one line");
        mt_buf_deinit(&text);
    }
}

static void check_again(const mt_options *o) {
    mt_options again;
    mt_buf first, second, faults;
    mt_buf_init(&first, 1 << 20);
    mt_buf_init(&second, 1 << 20);
    mt_buf_init(&faults, MT_OPTIONS_FAULTS_MAX);
    print(o, &first);
    mt_options_default(&again);
    must(mt_config_parse(mt_buf_slice(&first), "f", &again, &faults) == MT_OK, "what is printed is taken");
    print(&again, &second);
    must(mt_slice_eq(mt_buf_slice(&first), mt_buf_slice(&second)), "and means the same");
    mt_options_deinit(&again);
    mt_buf_deinit(&first);
    mt_buf_deinit(&second);
    mt_buf_deinit(&faults);
}

/* The header of a proxy is a stranger's text too. */
static void check_proxies(const mt_options *o, mt_slice text) {
    mt_addr peer;
    must(mt_addr_parse(MT_SLICE_LIT("127.0.0.1:1"), &peer) == MT_OK, "address");
    for (int kind = 0; kind < 2; kind++) {
        mt_proxies_trail trail = {.lost = false};
        mt_proxies_follow(&o->trusted_proxies, &trail, (mt_proxies_header)kind, text);
        mt_addr client = mt_proxies_end(&trail, &peer);
        char shown[MT_ADDR_STRLEN];
        mt_addr_format(&client, shown);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mt_options o;
    mt_buf faults;
    mt_buf_init(&faults, MT_OPTIONS_FAULTS_MAX);
    mt_options_default(&o);
    mt_slice text = mt_slice_n(data, size);
    mt_err err = mt_config_parse(text, "f", &o, &faults);
    must(err == MT_OK || err == MT_EINVAL, "taken or refused");
    check_values(&o);
    if (err == MT_OK) {
        must(faults.len == 0, "no faults");
        check_again(&o);
    } else if (mt_buf_err(&faults) == MT_OK) {
        check_faults(&faults);
    }
    check_proxies(&o, text);
    mt_options_deinit(&o);
    mt_buf_deinit(&faults);
    return 0;
}
