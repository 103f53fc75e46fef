#include "server/static.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"

#define FILE_MAX_BYTES ((size_t)16 << 20)
#define ALL_MAX_BYTES ((size_t)128 << 20)
#define FILES_MAX 4000
#define DEPTH_MAX 8
#define PATH_MAX_BYTES 512
#define ETAG_HEX 32

typedef struct file {
    mt_map_node node; /* key: path */
    mt_list all;
    char *path, *data; /* owned; path begins with '/' */
    size_t len;
    const char *type;
    char etag[ETAG_HEX + 1];
    bool hashed;
} file;

struct mt_static {
    mt_map by_path;
    mt_list all;
    char root[PATH_MAX]; /* canonical */
    size_t bytes, count;
};

#define CSP                                                                                                            \
    "Content-Security-Policy: default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "                \
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "              \
    "require-trusted-types-for 'script'; trusted-types 'none'\r\n"

const char mt_static_page_headers[] =
    CSP "X-Content-Type-Options: nosniff\r\n"
        "Referrer-Policy: no-referrer\r\n"
        "Cross-Origin-Opener-Policy: same-origin\r\n"
        "Cross-Origin-Resource-Policy: same-origin\r\n"
        "Permissions-Policy: microphone=(self), camera=(), geolocation=(), payment=()\r\n";

static const struct {
    const char *suffix, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".webp", "image/webp"},
    {".jpg", "image/jpeg"},
    {".woff2", "font/woff2"},
    {".txt", "text/plain; charset=utf-8"},
    {".webmanifest", "application/manifest+json"},
    {".wasm", "application/wasm"},
    {".ogg", "audio/ogg"},
    {".wav", "audio/wav"},
};

static bool ends_with(const char *s, size_t len, const char *suffix) {
    size_t n = strlen(suffix);
    return len > n && memcmp(s + len - n, suffix, n) == 0;
}

static const char *type_of(const char *path) {
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (ends_with(path, strlen(path), types[i].suffix))
            return types[i].type;
    }
    return "application/octet-stream";
}

/* Bundlers put a hash of 8 or more letters and digits before the suffix: "app-3FKQZ2XJ.js", "app.0a1b2c3d.css". Such a
 * name's content never changes. At least one digit, lest it be a word. */
static bool is_hashed(const char *path) {
    const char *name = strrchr(path, '/') + 1;
    size_t mark = strcspn(name, "-.");
    while (name[mark] != '\0') {
        const char *part = name + mark + 1;
        size_t len = strspn(part, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (len >= 8 && strcspn(part, "0123456789") < len && part[len] == '.')
            return true;
        mark += 1 + strcspn(part, "-.");
    }
    return false;
}

static void free_file(file *f) {
    mt_free(f->path);
    mt_free(f->data);
    mt_free(f);
}

static mt_err read_all(int fd, char *data, size_t len) {
    for (size_t got = 0; got < len;) {
        ssize_t n = read(fd, data + got, len - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return MT_ESYS;
        got += (size_t)n;
    }
    return MT_OK;
}

static mt_err add(mt_static *s, const char *path, int fd, size_t len) {
    if (s->count >= FILES_MAX || len > FILE_MAX_BYTES || s->bytes + len > ALL_MAX_BYTES)
        return MT_ELIMIT;
    file *f = mt_calloc(1, sizeof *f);
    if (f == NULL)
        return MT_ENOMEM;
    mt_err err = MT_ENOMEM;
    f->path = mt_strdup(path);
    f->data = mt_malloc(len > 0 ? len : 1);
    if (f->path != NULL && f->data != NULL)
        err = read_all(fd, f->data, len);
    if (err == MT_OK)
        err = mt_map_put(&s->by_path, mt_slice_of(f->path), &f->node);
    if (err != MT_OK) {
        free_file(f);
        return err;
    }
    f->len = len;
    f->type = type_of(path);
    f->hashed = is_hashed(path);
    uint8_t hash[MT_SHA256_BYTES];
    mt_slice piece = mt_slice_n(f->data, len);
    mt_sha256(&piece, 1, hash);
    mt_text_hex(hash, ETAG_HEX / 2, f->etag);
    mt_list_append(&s->all, &f->all);
    s->bytes += len;
    s->count++;
    return MT_OK;
}

/* Opens what is to be served for this folder entry; a link only if it ends inside the root. -1: nothing. */
static int open_entry(const mt_static *s, int dir, const char *name) {
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 || errno != ELOOP)
        return fd;
    fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -1;
    char proc[64], real[PATH_MAX];
    (void)snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(proc, real, sizeof real - 1);
    size_t root = strlen(s->root);
    struct stat st;
    if (len > (ssize_t)root && memcmp(real, s->root, root) == 0 && real[root] == '/' && fstat(fd, &st) == 0 &&
        S_ISREG(st.st_mode))
        return fd;
    mt_log(MT_LOG_WARN, "web", "a link that leads outside the folder is not served: %s", name);
    close(fd);
    return -1;
}

static mt_err load_folder(mt_static *s, int dir, const char *path, int depth);

static mt_err load_entry(mt_static *s, int dir, const char *path, const char *name, int depth) {
    char full[PATH_MAX_BYTES];
    int n = snprintf(full, sizeof full, "%s/%s", path, name);
    if (name[0] == '.' || n < 0 || (size_t)n >= sizeof full)
        return MT_OK;
    int fd = open_entry(s, dir, name);
    struct stat st;
    if (fd < 0)
        return MT_OK;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
        return load_folder(s, fd, full, depth + 1); /* closes fd */
    mt_err err = S_ISREG(st.st_mode) ? add(s, full, fd, (size_t)st.st_size) : MT_OK;
    close(fd);
    return err;
}

static mt_err load_folder(mt_static *s, int fd, const char *path, int depth) {
    DIR *d = fdopendir(fd);
    if (d == NULL) {
        close(fd);
        return MT_ESYS;
    }
    mt_err err = MT_OK;
    for (struct dirent *e; err == MT_OK && (e = readdir(d)) != NULL;)
        err = load_entry(s, dirfd(d), path, e->d_name, depth);
    closedir(d);
    return err;
}

mt_err mt_static_load(const char *folder, mt_random random, mt_static **out) {
    mt_static *s = mt_calloc(1, sizeof *s);
    if (s == NULL)
        return MT_ENOMEM;
    mt_list_init(&s->all);
    mt_err err = mt_map_init(&s->by_path, random);
    if (err != MT_OK) {
        mt_free(s);
        return err;
    }
    int fd = realpath(folder, s->root) != NULL ? open(s->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    err = fd >= 0 ? load_folder(s, fd, "", 0) : MT_ESYS;
    if (err != MT_OK) {
        mt_log(MT_LOG_ERROR, "web", "%s: %s", folder, err == MT_ESYS ? strerror(errno) : mt_err_str(err));
        mt_static_free(s);
        return err;
    }
    *out = s;
    return MT_OK;
}

void mt_static_free(mt_static *s) {
    if (s == NULL)
        return;
    MT_LIST_FOREACH_SAFE(it, &s->all)
    free_file(MT_CONTAINER(it, file, all));
    mt_map_deinit(&s->by_path);
    mt_free(s);
}

size_t mt_static_count(const mt_static *s) {
    return s->count;
}

static const file *get(const mt_static *s, const char *path, size_t len, const char *suffix) {
    char full[PATH_MAX_BYTES + 16];
    if (len > PATH_MAX_BYTES)
        return NULL;
    int n = snprintf(full, sizeof full, "%.*s%s", (int)len, path, suffix);
    mt_map_node *node = n > 0 ? mt_map_get(&s->by_path, mt_slice_n(full, (size_t)n)) : NULL;
    return node != NULL ? MT_CONTAINER(node, file, node) : NULL;
}

static const file *find(const mt_static *s, mt_slice raw) {
    mt_buf path;
    mt_buf_init(&path, PATH_MAX_BYTES);
    const file *f = NULL;
    if (mt_text_percent_decode(raw, &path) == MT_OK && mt_buf_err(&path) == MT_OK && path.len > 0)
        f = get(s, path.p, path.len, path.p[path.len - 1] == '/' ? "index.html" : "");
    mt_buf_deinit(&path);
    return f;
}

bool mt_static_has(const mt_static *s, mt_slice path) {
    return find(s, path) != NULL;
}

/* "q=0.5" in thousandths; 1000 without one. A weight that is none counts as 0: what is unclear is not sent. */
static unsigned weight(mt_slice params) {
    while (params.len > 0) {
        mt_slice param = mt_slice_trim(mt_slice_cut(&params, ';'));
        if (!mt_slice_starts_nocase(param, "q="))
            continue;
        mt_slice rest = mt_slice_n(param.p + 2, param.len - 2);
        mt_slice whole = mt_slice_cut(&rest, '.');
        uint64_t ones, parts = 0;
        if (mt_slice_to_u64(whole, 1, &ones) != MT_OK || rest.len > 3)
            return 0;
        if (rest.len > 0 && mt_slice_to_u64(rest, 999, &parts) != MT_OK)
            return 0;
        for (size_t i = rest.len; i < 3; i++)
            parts *= 10;
        return ones == 1 ? 1000 : (unsigned)parts;
    }
    return 1000;
}

/* How much the client likes this coding (RFC 9110, 12.5.3), by its own name or by "*"; 0: not at all. */
static unsigned liking(const mt_http_req *req, const char *coding) {
    unsigned any = 0;
    mt_slice rest;
    for (size_t line = 0; mt_http_req_header_at(req, "Accept-Encoding", line, &rest); line++) {
        while (rest.len > 0) {
            mt_slice item = mt_slice_cut(&rest, ',');
            mt_slice name = mt_slice_trim(mt_slice_cut(&item, ';'));
            if (mt_slice_is_nocase(name, coding))
                return weight(item);
            if (mt_slice_is(name, "*"))
                any = weight(item);
        }
    }
    return any;
}

static bool etag_matches(const mt_http_req *req, const char *etag) {
    mt_slice rest;
    if (!mt_http_req_header(req, "If-None-Match", &rest))
        return false;
    if (mt_slice_is(mt_slice_trim(rest), "*"))
        return true;
    while (rest.len > 0) {
        mt_slice tag = mt_slice_trim(mt_slice_cut(&rest, ','));
        if (mt_slice_starts_nocase(tag, "W/"))
            tag = mt_slice_n(tag.p + 2, tag.len - 2);
        if (tag.len == ETAG_HEX + 2 && memcmp(tag.p + 1, etag, ETAG_HEX) == 0)
            return true;
    }
    return false;
}

bool mt_static_serve(const mt_static *s, mt_http_req *req) {
    const file *plain = find(s, mt_http_req_path(req));
    if (plain == NULL)
        return false;
    const file *br = get(s, plain->path, strlen(plain->path), ".br");
    const file *gz = get(s, plain->path, strlen(plain->path), ".gz");
    const file *f = plain;
    const char *encoding = "";
    unsigned br_liked = br != NULL ? liking(req, "br") : 0, gz_liked = gz != NULL ? liking(req, "gzip") : 0;
    if (br_liked > 0 && br_liked >= gz_liked) {
        f = br;
        encoding = "Content-Encoding: br\r\n";
    } else if (gz_liked > 0) {
        f = gz;
        encoding = "Content-Encoding: gzip\r\n";
    }
    char headers[1024];
    (void)snprintf(headers, sizeof headers, "%sETag: \"%s\"\r\nCache-Control: %s\r\n%s%s", mt_static_page_headers,
                   f->etag, plain->hashed ? "public, max-age=31536000, immutable" : "no-cache",
                   br != NULL || gz != NULL ? "Vary: Accept-Encoding\r\n" : "", encoding);
    mt_http_answer answer = {.status = 200, .content_type = plain->type, .headers = headers, .body = {f->data, f->len}};
    if (etag_matches(req, f->etag)) {
        answer.status = 304;
        answer.content_type = NULL;
        answer.body = (mt_slice){NULL, 0};
    }
    mt_http_reply(req, &answer);
    return true;
}
