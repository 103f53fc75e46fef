/* Shared by fake_net.c and fake_http.c only. */
#ifndef MT_TESTS_FAKE_PRIV_H
#define MT_TESTS_FAKE_PRIV_H

#include "fake_net.h"

/* Serves fuzz targets too, which have no test framework. */
#define must(good) ((good) ? (void)0 : fake_broken(#good, __LINE__))
_Noreturn void fake_broken(const char *what, int line);
char *fake_copy(const char *s); /* NULL: an empty one */

#define HEADERS_MAX 16

struct mt_http_req {
    mt_list all;
    mt_http_method method;
    char *path, *query, *body, *lines; /* lines: cut up in place */
    struct {
        const char *name, *value;
    } headers[HEADERS_MAX];
    size_t header_count;
    mt_addr peer, remote;
    void *ctx;
    bool lose, held, answered, gone;
    unsigned status;
    char *answer, *answer_headers;
    mt_http_written *written;
    void *written_ctx;
};

#endif
