/* The web page's files, read into memory at start-up (and again at SIGHUP): a request only looks a path up in a table,
 * so no request can reach a file that was not meant. Left out: names beginning with '.', links that lead outside,
 * anything but plain files. */
#ifndef MT_SERVER_STATIC_H
#define MT_SERVER_STATIC_H

#include <stdbool.h>

#include "base/err.h"
#include "base/random.h"
#include "base/slice.h"
#include "net/net.h"

typedef struct mt_static mt_static;

/* MT_ESYS: the folder cannot be read (logged). MT_ELIMIT: too much in it. */
mt_err mt_static_load(const char *folder, mt_random random, mt_static **out) MT_MUST_CHECK;
void mt_static_free(mt_static *s); /* NULL is allowed */
size_t mt_static_count(const mt_static *s);

/* Whether there is a file for this path (as in the request, percent-encoded); '/' at the end means index.html. */
bool mt_static_has(const mt_static *s, mt_slice path);
/* Answers a GET or HEAD: 200 or 304, precompressed where the client takes it. False: no such file, nothing answered. */
bool mt_static_serve(const mt_static *s, mt_http_req *req);

/* Security headers of every page, complete lines. */
extern const char mt_static_page_headers[];

#endif
