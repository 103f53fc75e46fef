/* A network of make-believe in place of src/net: requests are handed to the server's handlers by the test, time is
 * virtual. It defines the functions of net/net.h, so it is linked instead of that module. */
#ifndef MT_TESTS_FAKE_NET_H
#define MT_TESTS_FAKE_NET_H

#include <stdbool.h>

#include "base/list.h"
#include "net/net.h"
#include "server/server.h"

/* One request and what came of it; freed by fake_stop. */
typedef struct mt_http_req fake_call;

typedef struct fake_wish {
    const char *method, *path, *token, *body;
    const char *headers; /* "Name: value\n…", besides Host and Authorization */
    const char *from;    /* "127.0.0.1:1" if NULL */
    const char *host;    /* "127.0.0.1" if NULL */
    bool lose;           /* the answer cannot be written */
} fake_wish;

/* Starts a server on the fake network, at time 1,000,000 ms. Options may be NULL. */
mt_server *fake_start(const mt_options *options);
/* The same where it may fail. */
mt_err fake_try_start(const mt_options *options, mt_server **out);
/* Ends it; fails the test if a request is left unanswered that was not abandoned. */
void fake_stop(mt_server *s);

fake_call *fake_send(const fake_wish *wish); /* and the end of the loop turn */
void fake_hang_up(fake_call *c);             /* the client of a held request leaves */
void fake_sleep(int64_t ms);                 /* time passes, timers fire */
void fake_signal(int signum);
void fake_turn(void); /* the end of a loop turn */
bool fake_stopped(void);
/* More requests in the same loop turn: fake_send does not end it until fake_together(false). */
void fake_together(bool on);

bool fake_answered(const fake_call *c);
unsigned fake_status(const fake_call *c); /* fails if unanswered */
const char *fake_body(const fake_call *c);
const char *fake_headers(const fake_call *c);
/* Copies the text member of this name out of the answer; fails if there is none. */
const char *fake_member(const fake_call *c, const char *name, char out[256]);

/* A datagram from there, in a turn of its own; what the server sends is counted and the last one kept. */
void fake_datagram(const char *from, const char *text);
size_t fake_sent(void);
const char *fake_last_sent(void);

/* A SIP connection over TCP. */
mt_conn *fake_connect(const char *from);
void fake_conn_text(mt_conn *c, const char *text);
void fake_conn_close(mt_conn *c);
/* Whether a new connection from there is let in. */
bool fake_accept(const char *from);

/* The server's outgoing connection (Asterisk's manager interface). */
bool fake_stream_is_open(void); /* or being opened */
void fake_stream_up(void);
void fake_stream_text(const char *text);
void fake_stream_down(void);
const char *fake_stream_said(void); /* by the server since fake_stream_forget or the opening */
void fake_stream_forget(void);

#endif
