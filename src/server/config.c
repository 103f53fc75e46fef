#include "server/config.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "server/option.h"

#define NAME_MAX_BYTES 49 /* libinih cuts longer keys and section names without a word */
#define LINES_MAX (MT_OPTIONS_ARGV - 1)

typedef struct reading {
    mt_slice rest;
    const char *name;
    mt_options *o;
    mt_buf *faults;
    unsigned line;
    size_t faults_before;
    bool section_known;
    bool no_memory;
} reading;

static const char *where(const reading *r, char out[128]) {
    (void)snprintf(out, 128, "%.100s:%u", r->name, r->line);
    return out;
}

static void fault(reading *r, const char *what, mt_slice which) {
    char at[128];
    mt_buf_printf(r->faults, "%s: %s", where(r, at), what);
    if (which.len > 0) {
        mt_buf_add_str(r->faults, " '");
        mt_text_clean(r->faults, mt_slice_n(which.p, which.len < 60 ? which.len : 60), false);
        mt_buf_add_char(r->faults, '\'');
    }
    mt_buf_add_char(r->faults, '\n');
}

static void misplaced(reading *r, const mt_option *opt) {
    char at[128];
    if (opt->section == NULL)
        mt_buf_printf(r->faults, "%s: %s: is for the command line only\n", where(r, at), opt->key);
    else
        mt_buf_printf(r->faults, "%s: %s: belongs in section [%s]\n", where(r, at), opt->key, opt->section);
}

/* Of libinih: one "key = value", or a further line of the last key's value. */
static int on_value(void *user, const char *section, const char *key, const char *value) {
    reading *r = user;
    char at[128];
    if (!r->section_known && *section != '\0')
        return 1; /* said already */
    const mt_option *opt = mt_option_find(mt_slice_of(key));
    if (opt == NULL) {
        fault(r, "unknown key", mt_slice_of(key));
        return 1;
    }
    if (opt->section == NULL || strcmp(opt->section, section) != 0) {
        misplaced(r, opt);
        return 1;
    }
    uint16_t *from = &r->o->from[mt_option_index(opt)];
    if (*from != 0 && !mt_option_is_list(opt)) {
        mt_buf_printf(r->faults, "%s: %s: given twice, first in line %u\n", where(r, at), opt->key, (unsigned)*from);
        return 1;
    }
    *from = (uint16_t)r->line;
    mt_err err = mt_option_set(opt, value, r->o);
    if (err == MT_ENOMEM)
        r->no_memory = true;
    else if (err != MT_OK)
        mt_option_fault(opt, where(r, at), value, r->faults);
    return 1;
}

static bool is_comment(char c) {
    return c == ';' || c == '#';
}

static bool check_section(reading *r, mt_slice line) {
    mt_slice rest = mt_slice_n(line.p + 1, line.len - 1);
    size_t end = mt_slice_find(rest, ']');
    if (end == rest.len) {
        fault(r, "a section's ']' is missing", line);
        return false;
    }
    mt_slice name = mt_slice_n(rest.p, end);
    mt_slice behind = mt_slice_trim(mt_slice_n(rest.p + end + 1, rest.len - end - 1));
    r->section_known = mt_option_is_section(name);
    if (!r->section_known)
        fault(r, "unknown section", name);
    if (behind.len > 0 && !is_comment(behind.p[0])) {
        fault(r, "there is something behind the section's ']':", behind);
        return false;
    }
    return name.len <= NAME_MAX_BYTES;
}

static bool has_control(mt_slice line) {
    for (size_t i = 0; i < line.len; i++) {
        if (((unsigned char)line.p[i] < 0x20 && line.p[i] != '\t') || line.p[i] == 0x7f)
            return true;
    }
    return false;
}

/* What libinih would take for something else, or pass over. */
static bool check_line(reading *r, mt_slice raw, size_t room) {
    mt_slice line = mt_slice_trim(raw);
    if (has_control(raw) || !mt_text_is_utf8(raw)) {
        fault(r, "a control character, or no UTF-8", mt_slice_n(raw.p, 0));
        return false;
    }
    if (line.len == 0 || is_comment(line.p[0]))
        return raw.len < room;
    if (raw.len + 2 > room) {
        fault(r, "the line is too long", mt_slice_n(line.p, line.len < 30 ? line.len : 30));
        return false;
    }
    if (raw.p[0] == ' ' || raw.p[0] == '\t') /* goes on with the last key's value */
        return true;
    if (line.p[0] == '[')
        return check_section(r, line);
    size_t sign = mt_slice_find(line, '=');
    if (sign == line.len || sign == 0 || sign > NAME_MAX_BYTES) {
        fault(r, "this is not 'key = value':", line);
        return false;
    }
    return true;
}

/* A reader for libinih: the next line, in place of fgets. Being ours it knows the line's number. */
static char *next_line(char *out, int room, void *stream) {
    reading *r = stream;
    if (r->rest.len == 0 || room < 2 || r->line >= LINES_MAX)
        return NULL;
    r->line++;
    mt_slice raw = mt_slice_cut(&r->rest, '\n');
    if (raw.len > 0 && raw.p[raw.len - 1] == '\r')
        raw.len--;
    size_t len = check_line(r, raw, (size_t)room) ? raw.len : 0;
    memcpy(out, raw.p, len);
    out[len] = '\n';
    if (len + 1 < (size_t)room)
        out[len + 1] = '\0';
    else
        out[len] = '\0';
    return out;
}

mt_err mt_config_parse(mt_slice text, const char *name, mt_options *o, mt_buf *faults) {
    static const char bom[] = "\xef\xbb\xbf";
    if (text.len >= 3 && memcmp(text.p, bom, 3) == 0)
        text = mt_slice_n(text.p + 3, text.len - 3);
    reading r = {.rest = text, .name = name, .o = o, .faults = faults, .faults_before = faults->len};
    int line = ini_parse_stream(next_line, &r, on_value, &r);
    if (line < 0 || r.no_memory)
        return MT_ENOMEM;
    if (line > 0 && faults->len == r.faults_before) {
        r.line = (unsigned)line;
        fault(&r, "this is not 'key = value'", (mt_slice){"", 0});
    }
    if (r.rest.len > 0)
        fault(&r, "too many lines", (mt_slice){"", 0});
    return faults->len == r.faults_before && mt_buf_err(faults) == MT_OK ? MT_OK : MT_EINVAL;
}

static mt_err read_all(FILE *f, mt_buf *out) {
    char piece[4096];
    size_t got;
    while ((got = fread(piece, 1, sizeof piece, f)) > 0)
        mt_buf_add(out, piece, got);
    return ferror(f) != 0 ? MT_ESYS : mt_buf_err(out);
}

mt_err mt_config_read(const char *path, mt_options *o, mt_buf *faults) {
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        mt_buf_printf(faults, "%.200s: cannot be read: %s\n", path, strerror(errno));
        return MT_EINVAL;
    }
    mt_buf text;
    mt_buf_init(&text, MT_CONFIG_BYTES_MAX);
    mt_err err = read_all(f, &text);
    if (err == MT_OK) {
        err = mt_config_parse(mt_buf_slice(&text), path, o, faults);
    } else if (err != MT_ENOMEM) {
        mt_buf_printf(faults, "%.200s: %s\n", path, err == MT_ELIMIT ? "is too large" : "cannot be read");
        err = MT_EINVAL;
    }
    mt_buf_wipe(&text); /* may hold a secret */
    (void)fclose(f);
    return err;
}
