#include "base/slice.h"

#include "base/alloc.h"

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool mt_slice_same_nocase(const char *a, const char *b, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (a[i] != b[i] && lower(a[i]) != lower(b[i]))
            return false;
    }
    return true;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

mt_slice mt_slice_trim(mt_slice a) {
    while (a.len > 0 && is_blank(a.p[0])) {
        a.p++;
        a.len--;
    }
    while (a.len > 0 && is_blank(a.p[a.len - 1]))
        a.len--;
    return a;
}

mt_slice mt_slice_cut(mt_slice *rest, char c) {
    size_t at = mt_slice_find(*rest, c);
    mt_slice before = {rest->p, at};
    if (at == rest->len)
        *rest = mt_slice_n(at > 0 ? rest->p + at : rest->p, 0);
    else
        *rest = mt_slice_n(rest->p + at + 1, rest->len - at - 1);
    return before;
}

mt_err mt_slice_to_u64(mt_slice a, uint64_t max, uint64_t *out) {
    uint64_t v = 0;
    bool over = false;
    if (a.len == 0)
        return MT_EBAD;
    for (size_t i = 0; i < a.len; i++) {
        if (a.p[i] < '0' || a.p[i] > '9')
            return MT_EBAD;
        uint64_t digit = (uint64_t)(a.p[i] - '0');
        if (v > (UINT64_MAX - digit) / 10)
            over = true;
        v = v * 10 + digit;
    }
    if (over || v > max)
        return MT_ELIMIT;
    *out = v;
    return MT_OK;
}

char *mt_slice_dup(mt_slice a) {
    char *copy = mt_malloc(a.len + 1);
    if (copy == NULL)
        return NULL;
    if (a.len > 0)
        memcpy(copy, a.p, a.len);
    copy[a.len] = '\0';
    return copy;
}
