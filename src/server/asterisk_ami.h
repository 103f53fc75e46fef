/* Asterisk's manager interface (AMI) over one connection, as a machine without I/O: bytes in, bytes out, and what they
 * mean as reports. Login, commands with their answers, events, and whether the other side still lives.
 *
 * Lines end in CRLF, a message in an empty line. Answers carry our ActionID. A command's output comes as "Output:"
 * lines of its answer. */
#ifndef MT_SERVER_ASTERISK_AMI_H
#define MT_SERVER_ASTERISK_AMI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

#define MT_AMI_MESSAGE_MAX 262144
#define MT_AMI_OUT_MAX 4194304

/* Reports, from within mt_ami_input; they may call mt_ami_command. text: the message, lines and all, borrowed. */
typedef struct mt_ami_events {
    void (*ready)(void *ctx);                    /* logged in */
    void (*refused)(void *ctx, mt_slice reason); /* name or secret is wrong */
    void (*answer)(void *ctx, uint32_t id, bool success, mt_slice text);
    void (*event)(void *ctx, mt_slice name, mt_slice text);
} mt_ami_events;

typedef struct mt_ami {
    const mt_ami_events *events;
    void *ctx;
    mt_buf in, out; /* out: to be sent, taken off by the owner (mt_buf_reset) */
    bool greeted, ready, dead;
    size_t asked;     /* commands without answer */
    int64_t heard_ms; /* last bytes, or the beginning */
    int64_t asked_ms; /* since when an answer is due */
    int64_t pinged_ms;
} mt_ami;

void mt_ami_init(mt_ami *m, const mt_ami_events *events, void *ctx);
void mt_ami_deinit(mt_ami *m);
/* A new connection is there: all of the last one is forgotten, and the login written. */
void mt_ami_begin(mt_ami *m, mt_slice user, mt_slice secret, int64_t now_ms);
/* MT_EBAD: this is no AMI, or too long a message: the connection is to be closed. */
mt_err mt_ami_input(mt_ami *m, mt_slice bytes, int64_t now_ms) MT_MUST_CHECK;
/* Only when ready, id not 0. Its answer comes with the id. MT_EINVAL: it has control characters. MT_ESTATE: not ready.
 * MT_ELIMIT: too much waits. */
mt_err mt_ami_command(mt_ami *m, mt_slice command, uint32_t id, int64_t now_ms) MT_MUST_CHECK;
/* MT_ETIMEOUT: an answer is overdue, the connection is to be closed. Asks for a sign of life when it is quiet. */
mt_err mt_ami_tick(mt_ami *m, int64_t now_ms) MT_MUST_CHECK;
int64_t mt_ami_next_ms(const mt_ami *m);

/* The value of the first line with that key. Empty: none. */
mt_slice mt_ami_value(mt_slice text, const char *key);
/* The next line of a command's output, without "Output:"; false: none left. *rest begins as the text. */
bool mt_ami_output(mt_slice *rest, mt_slice *line);

#endif
