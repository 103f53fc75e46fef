#include "server/option.h"

#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

#define SHOWN_BYTES 100 /* of a wrong value */

struct mt_options_text {
    mt_options_text *next;
    char text[];
};

void mt_options_deinit(mt_options *o) {
    while (o->texts != NULL) {
        mt_options_text *t = o->texts;
        o->texts = t->next;
        mt_free(t);
    }
}

static const char *keep(mt_options *o, const char *text) {
    size_t len = strlen(text);
    mt_options_text *t = mt_malloc(sizeof *t + len + 1);
    if (t == NULL)
        return NULL;
    memcpy(t->text, text, len + 1);
    t->next = o->texts;
    o->texts = t;
    return t->text;
}

static void *place(const mt_option *opt, mt_options *o) {
    return (char *)o + opt->offset;
}

static const void *at(const mt_option *opt, const mt_options *o) {
    return (const char *)o + opt->offset;
}

static uint64_t number(const mt_option *opt, const mt_options *o) {
    uint32_t u32;
    size_t size;
    if (opt->kind == MT_OPTION_SIZE) {
        memcpy(&size, at(opt, o), sizeof size);
        return size;
    }
    memcpy(&u32, at(opt, o), sizeof u32);
    return u32;
}

static const char *text_of(const mt_option *opt, const mt_options *o) {
    const char *text;
    memcpy(&text, at(opt, o), sizeof text);
    return text;
}

static bool is_text(const mt_option *opt) {
    return opt->kind == MT_OPTION_TEXT || opt->kind == MT_OPTION_PATH || opt->kind == MT_OPTION_HOST;
}

/* A host name: labels of letters, digits and hyphens, or an IPv4 address. */
static bool is_host(const char *s) {
    size_t len = strlen(s), label = 0;
    if (len == 0 || len > 253)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = s[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && !((c == '-' || c == '.') && label > 0))
            return false;
        label = c == '.' ? 0 : label + 1;
        if (label > 63)
            return false;
    }
    return s[len - 1] != '-' && s[len - 1] != '.';
}

static bool is_printable(const char *s) {
    for (const char *p = s; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    }
    return *s != '\0';
}

bool mt_option_is_list(const mt_option *opt) {
    return opt->kind == MT_OPTION_NETWORKS || opt->kind == MT_OPTION_STUN_URLS || opt->kind == MT_OPTION_TURN_URLS;
}

static mt_err set_flag(const char *text, bool *out) {
    static const char *const words[] = {"yes", "true", "on", "1", "no", "false", "off", "0"};
    for (size_t i = 0; i < 8; i++) {
        if (mt_slice_is_nocase(mt_slice_of(text), words[i])) {
            *out = i < 4;
            return MT_OK;
        }
    }
    return MT_EBAD;
}

static mt_err set_text(const mt_option *opt, const char *text, mt_options *o) {
    if (opt->kind == MT_OPTION_HOST ? !is_host(text) : !is_printable(text))
        return MT_EBAD;
    const char *copy = keep(o, text);
    if (copy == NULL)
        return MT_ENOMEM;
    memcpy(place(opt, o), &copy, sizeof copy);
    return MT_OK;
}

static mt_err set_word(const mt_option *opt, const char *text, mt_options *o) {
    for (int i = 0; opt->words[i] != NULL; i++) {
        if (strcmp(opt->words[i], text) == 0) {
            memcpy(place(opt, o), &i, sizeof i); /* an enum has the size of int */
            return MT_OK;
        }
    }
    return MT_EBAD;
}

static mt_err set_number(const mt_option *opt, const char *text, mt_options *o) {
    uint64_t value;
    if (mt_slice_to_u64(mt_slice_of(text), opt->max, &value) != MT_OK || value < opt->min)
        return MT_EBAD;
    uint32_t u32 = (uint32_t)value;
    size_t size = (size_t)value;
    if (opt->kind == MT_OPTION_SIZE)
        memcpy(place(opt, o), &size, sizeof size);
    else
        memcpy(place(opt, o), &u32, sizeof u32);
    return MT_OK;
}

static mt_err set_urls(const mt_option *opt, const char *text, mt_options *o) {
    bool turn = opt->kind == MT_OPTION_TURN_URLS;
    return mt_ice_urls_add(place(opt, o), mt_slice_of(text), turn) == MT_OK ? MT_OK : MT_EBAD;
}

mt_err mt_option_set(const mt_option *opt, const char *text, mt_options *o) {
    mt_addr addr;
    switch (opt->kind) {
    case MT_OPTION_FLAG:
        return set_flag(text, place(opt, o));
    case MT_OPTION_ADDRESS:
        if (mt_addr_parse(mt_slice_of(text), &addr) != MT_OK)
            return MT_EBAD;
        memcpy(place(opt, o), &addr, sizeof addr);
        return MT_OK;
    case MT_OPTION_WORD:
        return set_word(opt, text, o);
    case MT_OPTION_U32:
    case MT_OPTION_SIZE:
        return set_number(opt, text, o);
    case MT_OPTION_NETWORKS:
        return mt_proxies_add(place(opt, o), mt_slice_of(text)) == MT_OK ? MT_OK : MT_EBAD;
    case MT_OPTION_STUN_URLS:
    case MT_OPTION_TURN_URLS:
        return set_urls(opt, text, o);
    default:
        return set_text(opt, text, o);
    }
}

void mt_option_range(const mt_option *opt, mt_buf *out) {
    switch (opt->kind) {
    case MT_OPTION_FLAG:
        mt_buf_add_str(out, "yes or no");
        break;
    case MT_OPTION_ADDRESS:
        mt_buf_add_str(out, "ADDR:PORT with a numeric address, such as 127.0.0.1:8080 or [::1]:8080");
        break;
    case MT_OPTION_WORD:
        for (size_t i = 0; opt->words[i] != NULL; i++)
            mt_buf_printf(out, "%s%s", i == 0 ? "" : opt->words[i + 1] != NULL ? ", " : " or ", opt->words[i]);
        break;
    case MT_OPTION_U32:
    case MT_OPTION_SIZE:
        mt_buf_printf(out, "a number from %llu to %llu", (unsigned long long)opt->min, (unsigned long long)opt->max);
        break;
    case MT_OPTION_NETWORKS:
        mt_buf_printf(out, "a list of up to %d addresses and networks, such as 127.0.0.1, 10.0.0.0/8, 2001:db8::/32",
                      MT_PROXIES_MAX);
        break;
    case MT_OPTION_STUN_URLS:
        mt_buf_printf(out, "a list of up to %d URLs such as stun:stun.example.org:3478", MT_ICE_URLS_MAX);
        break;
    case MT_OPTION_TURN_URLS:
        mt_buf_printf(out, "a list of up to %d URLs such as turn:turn.example.org:3478?transport=udp", MT_ICE_URLS_MAX);
        break;
    case MT_OPTION_HOST:
        mt_buf_add_str(out, "a host name");
        break;
    default:
        mt_buf_add_str(out, "a text that is not empty, without control characters");
    }
}

bool mt_option_is_set(const mt_option *opt, const mt_options *o) {
    if (is_text(opt))
        return text_of(opt, o) != NULL;
    if (opt->kind == MT_OPTION_ADDRESS)
        return mt_options_has(at(opt, o));
    if (opt->kind == MT_OPTION_NETWORKS)
        return ((const mt_proxies *)at(opt, o))->count > 0;
    return !mt_option_is_list(opt) || ((const mt_ice_urls *)at(opt, o))->count > 0;
}

void mt_option_format(const mt_option *opt, const mt_options *o, mt_buf *out) {
    char text[MT_ADDR_STRLEN];
    if (!mt_option_is_set(opt, o))
        return;
    switch (opt->kind) {
    case MT_OPTION_FLAG:
        mt_buf_add_str(out, *(const bool *)at(opt, o) ? "yes" : "no");
        break;
    case MT_OPTION_ADDRESS:
        mt_addr_format(at(opt, o), text);
        mt_buf_add_str(out, text);
        break;
    case MT_OPTION_WORD:
        mt_buf_add_str(out, opt->words[number(opt, o)]);
        break;
    case MT_OPTION_U32:
    case MT_OPTION_SIZE:
        mt_buf_add_u64(out, number(opt, o));
        break;
    case MT_OPTION_NETWORKS:
        mt_proxies_format(at(opt, o), out);
        break;
    case MT_OPTION_STUN_URLS:
    case MT_OPTION_TURN_URLS:
        mt_ice_urls_format(at(opt, o), out);
        break;
    default:
        mt_buf_add_str(out, text_of(opt, o));
    }
}

bool mt_option_same(const mt_option *opt, const mt_options *a, const mt_options *b) {
    if (mt_option_is_set(opt, a) != mt_option_is_set(opt, b))
        return false;
    if (!mt_option_is_set(opt, a))
        return true;
    switch (opt->kind) {
    case MT_OPTION_FLAG:
        return *(const bool *)at(opt, a) == *(const bool *)at(opt, b);
    case MT_OPTION_ADDRESS:
        return mt_addr_eq(at(opt, a), at(opt, b));
    case MT_OPTION_NETWORKS: {
        const mt_proxies *x = at(opt, a), *y = at(opt, b);
        return x->count == y->count && memcmp(x->nets, y->nets, x->count * sizeof x->nets[0]) == 0;
    }
    case MT_OPTION_STUN_URLS:
    case MT_OPTION_TURN_URLS:
        return mt_ice_urls_same(at(opt, a), at(opt, b));
    case MT_OPTION_WORD:
    case MT_OPTION_U32:
    case MT_OPTION_SIZE:
        return number(opt, a) == number(opt, b);
    default:
        return strcmp(text_of(opt, a), text_of(opt, b)) == 0;
    }
}

static size_t size_of(const mt_option *opt) {
    switch (opt->kind) {
    case MT_OPTION_FLAG:
        return sizeof(bool);
    case MT_OPTION_ADDRESS:
        return sizeof(mt_addr);
    case MT_OPTION_NETWORKS:
        return sizeof(mt_proxies);
    case MT_OPTION_STUN_URLS:
    case MT_OPTION_TURN_URLS:
        return sizeof(mt_ice_urls);
    case MT_OPTION_SIZE:
        return sizeof(size_t);
    case MT_OPTION_WORD:
    case MT_OPTION_U32:
        return sizeof(uint32_t);
    default:
        return sizeof(const char *);
    }
}

void mt_option_clear_list(const mt_option *opt, mt_options *o) {
    if (mt_option_is_list(opt))
        memset(place(opt, o), 0, size_of(opt));
}

mt_err mt_option_copy(const mt_option *opt, const mt_options *from, mt_options *to) {
    if (is_text(opt) && text_of(opt, from) != NULL) {
        const char *copy = keep(to, text_of(opt, from));
        if (copy == NULL)
            return MT_ENOMEM;
        memcpy(place(opt, to), &copy, sizeof copy);
        return MT_OK;
    }
    memcpy(place(opt, to), at(opt, from), size_of(opt));
    return MT_OK;
}

void mt_option_flag_name(const mt_option *opt, mt_buf *out) {
    mt_buf_add_str(out, "--");
    for (const char *p = opt->key; *p != '\0'; p++)
        mt_buf_add_char(out, *p == '_' ? '-' : *p);
}

void mt_option_fault(const mt_option *opt, const char *where, const char *text, mt_buf *faults) {
    if (where != NULL)
        mt_buf_printf(faults, "%s: %s", where, opt->key);
    else
        mt_option_flag_name(opt, faults);
    mt_buf_add_str(faults, ": ");
    if (!opt->secret) {
        size_t len = strlen(text);
        mt_buf_add_char(faults, '\'');
        mt_text_clean(faults, mt_slice_n(text, len < SHOWN_BYTES ? len : SHOWN_BYTES), false);
        mt_buf_add_str(faults, len < SHOWN_BYTES ? "' is not " : "…' is not ");
    } else {
        mt_buf_add_str(faults, "the value is not ");
    }
    mt_option_range(opt, faults);
    mt_buf_add_char(faults, '\n');
}
