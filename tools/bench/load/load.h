/* What the load generators share: time, the measured processes' CPU time, a small HTTP client, connections.
 *
 * A generator sets its users up and then obeys its standard input: each line is one round, answered by one line of JSON
 * with how many operations were done and what CPU time the measured processes spent on them. So ours and a peer can
 * take turns. Any trouble ends the program with a message: half a measurement is none. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_PIDS_MAX 32
#define LOAD_LINE_MAX 16384

typedef struct load_options {
    struct sockaddr_in http, sip;
    bool http_tls, sip_tls, peer; /* peer: not myturnd; what that means depends on the generator */
    const char *path, *domain;
    unsigned users, ops, in_flight;
    int pids[LOAD_PIDS_MAX];
    unsigned pid_count;
} load_options;

_Noreturn void load_die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void load_parse(int argc, char **argv, load_options *o);
int64_t load_wall_ns(void);
int64_t load_cpu_ns(const load_options *o); /* of all measured processes, their threads included */

typedef struct load_result {
    uint64_t ops, failed;
    int64_t cpu_ns, wall_ns;
} load_result;
/* Calls round for each line of standard input and prints the result. */
void load_rounds(const load_options *o, void (*round)(void *ctx, load_result *r), void *ctx);

/* A connection and how much was received of the answer that is not whole yet. */
typedef struct load_conn {
    int fd;
    void *ssl; /* SSL *, NULL: in the clear */
    uint32_t len;
} load_conn;
void load_connect(load_conn *c, const struct sockaddr_in *to, bool tls);
void load_close(load_conn *c);
void load_nonblocking(const load_conn *c);
void load_send(const load_conn *c, const char *bytes, size_t len);
/* Receives once into buf behind c->len kept bytes; false: nothing there. When the peer left this ends the program, or
 * sets *ended where that is given. */
bool load_receive(load_conn *c, char *buf, size_t cap, bool *ended);

typedef struct load_answer {
    int status;
    bool close;
    const char *body; /* borrowed, NUL-terminated only by chance */
    size_t body_len, total;
} load_answer;
/* Whether a whole HTTP answer stands at the front. */
bool load_http_answer(const char *in, size_t len, load_answer *a);
/* One request ("": sent before) and its answer, waited for, on a blocking connection; the answer lives in buf. */
void load_http(load_conn *c, const char *request, char *buf, size_t cap, load_answer *a);

typedef struct load_user {
    char name[24], exten[12], token[64], password[64];
} load_user;
/* POST /v1/users on this connection. */
void load_login(load_conn *c, const char *prefix, unsigned number, load_user *u);
/* Copies the string (or number) member of this name out of JSON; false: none. */
bool load_json(const char *json, size_t len, const char *member, char *out, size_t cap);

/* The value of the index-th header line of this name in a SIP message that ends with NUL; false: no such. */
bool load_header(const char *msg, const char *name, unsigned index, char *out, size_t cap);
/* The value of (Proxy-)Authorization for a Digest challenge with MD5, CRLF at its end; good until the next call. */
const char *load_digest(const char *challenge, const char *user, const char *password, const char *method,
                        const char *uri);

#endif
