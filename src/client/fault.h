/* Why a request to the server's API did not succeed, as far as the conversation cares. */
#ifndef MT_CLIENT_FAULT_H
#define MT_CLIENT_FAULT_H

#include <stdbool.h>
#include <stdint.h>

typedef enum mt_fault_kind {
    MT_FAULT_UNREACHABLE,  /* no connection, connection lost, time over, or 5xx: worth trying again */
    MT_FAULT_UNAUTHORIZED, /* 401: the login is gone */
    MT_FAULT_SLOW_DOWN,    /* 429: not before retry_after_s */
    MT_FAULT_REFUSED,      /* any other answer: code tells */
    MT_FAULT_MALFORMED,    /* the answer could not be understood: not a myTurn server, or another version */
} mt_fault_kind;

typedef struct mt_fault {
    mt_fault_kind kind;
    unsigned status;        /* HTTP status, 0: none */
    unsigned retry_after_s; /* SLOW_DOWN: at least 1 */
    bool tls;               /* UNREACHABLE: because its certificate is not to be trusted; text says why */
    bool has_pair;          /* code is paired: this is the pair */
    uint8_t pair[16];
    char code[40];  /* of the problem document (RFC 9457), "" if none: name_taken, in_talk, superseded … */
    char text[200]; /* for a person, may be "" */
} mt_fault;

#endif
