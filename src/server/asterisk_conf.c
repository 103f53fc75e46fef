#include "server/asterisk_conf.h"

#include "base/text.h"

/* Not ";--": that would begin a comment of several lines. */
#define BEGIN_LINE "; myTurn begins: rewritten by myturnd, keep your own sections outside"
#define END_LINE "; myTurn ends"
#define BEGIN_WORD "; myTurn begins"

static const char general[] = "[general]\ncontext=public\nallowoverlap=no\nudpbindaddr=0.0.0.0\ntcpenable=no\n"
                              "tcpbindaddr=0.0.0.0\ntransport=udp\nsrvlookup=yes\nqualify=yes\ncallcounter=yes\n";

static bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-' || (unsigned char)c >= 0x80;
}

static bool all_plain(mt_slice s, size_t max) {
    if (s.len == 0 || s.len > max)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_plain(s.p[i]))
            return false;
    }
    return true;
}

bool mt_asterisk_conf_fits(const mt_asterisk_entry *e) {
    char first = e->name.len > 0 ? e->name.p[0] : '-';
    return all_plain(e->name, 160) && all_plain(e->secret, 80) && mt_text_is_utf8(e->name) && first != '-' &&
           first != '.' && !mt_slice_is_nocase(e->name, "general") && !mt_slice_is_nocase(e->name, "authentication");
}

/* One line without its end; *rest moves behind it. */
static mt_slice cut_line(mt_slice *rest) {
    mt_slice line = mt_slice_cut(rest, '\n');
    if (line.len > 0 && line.p[line.len - 1] == '\r')
        line.len--;
    return line;
}

static bool is_marker(mt_slice line, const char *word) {
    size_t len = strlen(word);
    return line.len >= len && memcmp(line.p, word, len) == 0 && (line.len == len || line.p[len] == ':');
}

/* The name in "[name]" or "[name](template)". False: no section line. */
static bool section_of(mt_slice line, mt_slice *name) {
    line = mt_slice_trim(line);
    if (line.len < 2 || line.p[0] != '[')
        return false;
    size_t end = mt_slice_find(line, ']');
    if (end == line.len)
        return false;
    *name = mt_slice_trim(mt_slice_n(line.p + 1, end - 1));
    return true;
}

bool mt_asterisk_conf_section(mt_slice *rest, mt_slice *name) {
    while (rest->len > 0) {
        mt_slice found;
        if (!section_of(cut_line(rest), &found))
            continue;
        *name = found;
        return true;
    }
    return false;
}

static bool has_section(mt_slice text, mt_slice name) {
    mt_slice found;
    while (mt_asterisk_conf_section(&text, &found)) {
        if (mt_slice_eq_nocase(found, name))
            return true;
    }
    return false;
}

bool mt_asterisk_conf_has(const mt_asterisk_parts *parts, mt_slice name) {
    return has_section(parts->before, name) || has_section(parts->after, name);
}

/* Whether the first line that says something begins a section (or there is none). */
static bool stands_alone(mt_slice text) {
    while (text.len > 0) {
        mt_slice name, line = mt_slice_trim(cut_line(&text));
        if (line.len == 0 || line.p[0] == ';')
            continue;
        return line.p[0] == '#' || section_of(line, &name);
    }
    return true;
}

mt_err mt_asterisk_conf_split(mt_slice text, mt_asterisk_parts *out) {
    size_t begin = text.len, end = text.len;
    unsigned begins = 0, ends = 0;
    for (mt_slice rest = text; rest.len > 0;) {
        size_t at = text.len - rest.len;
        mt_slice line = cut_line(&rest);
        if (is_marker(line, BEGIN_WORD)) {
            begin = at;
            if (begins++ > 0 || ends > 0)
                return MT_EBAD;
        } else if (is_marker(line, END_LINE)) {
            end = text.len - rest.len;
            if (ends++ > 0 || begins == 0)
                return MT_EBAD;
        }
    }
    if (begins != ends)
        return MT_EBAD;
    if (begins == 0)
        begin = end = text.len;
    mt_asterisk_parts parts = {mt_slice_n(text.p, begin), mt_slice_n(text.p + begin, end - begin),
                               mt_slice_n(text.p + end, text.len - end)};
    if (text.len == 0)
        parts = (mt_asterisk_parts){0};
    if (!stands_alone(parts.after))
        return MT_EBAD;
    *out = parts;
    return MT_OK;
}

static void begin(mt_buf *out, const mt_asterisk_parts *parts) {
    mt_buf_add_slice(out, parts->before);
    if (parts->before.len > 0 && parts->before.p[parts->before.len - 1] != '\n')
        mt_buf_add_char(out, '\n');
    mt_buf_add_str(out, BEGIN_LINE "\n");
}

void mt_asterisk_conf_sip_begin(mt_buf *out, const mt_asterisk_parts *parts) {
    begin(out, parts);
    if (!mt_asterisk_conf_has(parts, MT_SLICE_LIT("general")))
        mt_buf_add_str(out, general);
}

void mt_asterisk_conf_sip_add(mt_buf *out, const mt_asterisk_entry *e) {
    mt_buf_add_str(out, "\n[");
    mt_buf_add_slice(out, e->name);
    mt_buf_add_str(out, "]\ntype=friend\ncontext=phones\nallow=ulaw,alaw\nsecret=");
    mt_buf_add_slice(out, e->secret);
    mt_buf_add_str(out, "\nhost=dynamic\n");
}

void mt_asterisk_conf_exten_begin(mt_buf *out, const mt_asterisk_parts *parts) {
    begin(out, parts);
    mt_buf_add_str(out, "[phones]\n");
}

void mt_asterisk_conf_exten_add(mt_buf *out, const mt_asterisk_entry *e) {
    mt_buf_printf(out, "exten => %u,1,NoOp(calling ", (unsigned)e->exten);
    mt_buf_add_slice(out, e->name);
    mt_buf_printf(out, ")\nexten => %u,2,Dial(sip/", (unsigned)e->exten);
    mt_buf_add_slice(out, e->name);
    mt_buf_printf(out, ")\nexten => %u,3,HangUp\n", (unsigned)e->exten);
}

void mt_asterisk_conf_end(mt_buf *out, const mt_asterisk_parts *parts) {
    mt_buf_add_str(out, END_LINE "\n");
    mt_buf_add_slice(out, parts->after);
}

void mt_asterisk_conf_mask(mt_buf *out, mt_slice text) {
    while (text.len > 0) {
        mt_slice rest = text, line = mt_slice_cut(&text, '\n');
        size_t eq = mt_slice_find(line, '=');
        mt_slice key = mt_slice_trim(mt_slice_n(line.p, eq));
        bool secret = mt_slice_is_nocase(key, "secret") || mt_slice_is_nocase(key, "md5secret") ||
                      mt_slice_is_nocase(key, "remotesecret") || mt_slice_is_nocase(key, "auth") ||
                      mt_slice_is_nocase(key, "register");
        if (secret && eq < line.len) {
            mt_buf_add(out, line.p, eq + 1);
            mt_buf_add_str(out, "***");
        } else {
            mt_buf_add_slice(out, line);
        }
        if (line.len < rest.len)
            mt_buf_add_char(out, '\n');
    }
}
