/* Reads a torture message and what is expected of it.
 *
 * A file is a head of "key: value" lines, a line "----", and the message. There and in values, \xHH is an octet, \\ a
 * backslash, \{N*text} text N times, and a backslash at the end of a line joins it with the next. Lines of the message
 * end in CRLF. Keys:
 *   section  of RFC 4475, and its title
 *   parse    "ok", or the fault that the parser finds
 *   answer   status of the server's answer to a stranger, or "none"
 *   check    "field = value", any number of them: fields of the parsed message, or "answer.Header"
 *   why      where we do otherwise than the RFC, or what is not obvious */
#ifndef MT_TEST_TORTURE_H
#define MT_TEST_TORTURE_H

#include <stddef.h>

#include "sip/msg.h"

#define TORTURE_CHECKS_MAX 24
#define TORTURE_TEXT_MAX 16384

typedef struct torture {
    char section[16], title[128], parse[64];
    unsigned answer; /* 0: none */
    struct {
        char name[64], value[1024];
    } checks[TORTURE_CHECKS_MAX];
    size_t check_count;
    char text[TORTURE_TEXT_MAX];
    size_t len;
} torture;

/* Fails the test where the file is not as said. */
void torture_read(const char *path, torture *out);

/* Text of a field of a parsed message: "to.tag", "via0.host", … Fails the test for an unknown name. */
void torture_field(const mt_sip_msg *m, const char *name, char *out, size_t out_bytes);

#endif
