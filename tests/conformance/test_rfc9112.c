/* RFC 9112 on a real connection, with request smuggling in mind: every way to say unclearly where a request ends is
 * refused, and the connection closed, so that what follows is never taken for a request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"

#define GET "GET / HTTP/1.1\r\n"
#define POST "POST / HTTP/1.1\r\nHost: x\r\n"
#define H "Host: x\r\n"
#define E "\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define LAST "0\r\n\r\n"
#define NEXT "GET /next HTTP/1.1\r\nHost: x\r\n\r\n"

/* Behind the bytes follows a request for /next. Answers: the statuses, "(…)" what an accepted request was, and "end"
 * where the server has ended the connection: then /next was not looked at. */
typedef struct row {
    const char *what, *bytes;
    size_t len;
    const char *answers;
} row;

#define B(text) text, sizeof(text) - 1
#define OK(what) "200(" what ") 200(GET /next? )"

static const row request_lines[] = {
    {"origin-form", B("GET /a?b HTTP/1.1\r\n" H E), OK("GET /a?b ")},
    {"empty lines before it", B("\r\n\r\nGET /a HTTP/1.1\r\n" H E), OK("GET /a? ")},
    {"very many of them", B("\r\n\r\n\r\n\r\n\r\n\r\nGET /a HTTP/1.1\r\n" H E), "400 end"},
    {"bare LF before it", B("\nGET /a HTTP/1.1\r\n" H E), "400 end"},
    {"bare CR before it", B("\rGET /a HTTP/1.1\r\n" H E), "400 end"},
    {"SP before it", B(" GET /a HTTP/1.1\r\n" H E), "400 end"},
    {"absolute-form", B("GET http://x/a?b HTTP/1.1\r\n" H E), OK("GET /a?b ")},
    {"absolute-form, other Host", B("GET http://y/a HTTP/1.1\r\n" H E), "400 end"},
    {"absolute-form, user", B("GET http://x@y/a HTTP/1.1\r\n" H E), "400 end"},
    {"absolute-form, no host", B("GET http:///a HTTP/1.1\r\n" H E), "400 end"},
    {"absolute-form of another scheme", B("GET file:///etc/passwd HTTP/1.1\r\n" H E), "400 end"},
    {"authority-form", B("GET x:80 HTTP/1.1\r\n" H E), "400 end"},
    {"CONNECT", B("CONNECT x:80 HTTP/1.1\r\n" H E), "501 end"},
    {"asterisk-form", B("OPTIONS * HTTP/1.1\r\n" H E), OK("OTHER *? ")},
    {"asterisk-form of GET", B("GET * HTTP/1.1\r\n" H E), "400 end"},
    {"relative", B("GET a HTTP/1.1\r\n" H E), "400 end"},
    {"no target", B("GET HTTP/1.1\r\n" H E), "400 end"},
    {"two SP", B("GET  /a HTTP/1.1\r\n" H E), "400 end"},
    {"two SP behind the target", B("GET /a  HTTP/1.1\r\n" H E), "400 end"},
    {"SP behind the version", B("GET /a HTTP/1.1 \r\n" H E), "400 end"},
    {"HTAB between", B("GET\t/a\tHTTP/1.1\r\n" H E), "400 end"},
    {"HTAB in the target", B("GET /a\tb HTTP/1.1\r\n" H E), "400 end"},
    {"SP in the target", B("GET /a b HTTP/1.1\r\n" H E), "400 end"},
    {"fragment", B("GET /a#b HTTP/1.1\r\n" H E), "400 end"},
    {"NUL in the target", B("GET /a\0b HTTP/1.1\r\n" H E), "400 end"},
    {"bare CR in the target", B("GET /a\rb HTTP/1.1\r\n" H E), "400 end"},
    {"octet above 127 in the target", B("GET /\xc5\xbc HTTP/1.1\r\n" H E), "400 end"},
    {"bare LF at its end", B("GET /a HTTP/1.1\n" H E), "400 end"},
    {"lower-case method", B("get /a HTTP/1.1\r\n" H E), "400 end"},
    {"mixed-case method", B("Get /a HTTP/1.1\r\n" H E), "501 end"},
    {"unknown method", B("FROB /a HTTP/1.1\r\n" H E), "501 end"},
    {"method that begins like another", B("GETS /a HTTP/1.1\r\n" H E), "501 end"},
    {"no token", B("G(T /a HTTP/1.1\r\n" H E), "400 end"},
    {"NUL in the method", B("G\0T /a HTTP/1.1\r\n" H E), "400 end"},
    {"HTTP/0.9, as it was", B("GET /a\r\n\r\n"), "400 end"},
    {"HTTP/0.9, by name", B("GET /a HTTP/0.9\r\n" H E), "505 end"},
    {"HTTP/1.0 closes", B("GET /a HTTP/1.0\r\n\r\n"), "200(GET /a? ) end"},
    {"HTTP/1.2 is 1.1", B("GET /a HTTP/1.2\r\n" H E), OK("GET /a? ")},
    {"HTTP/2.0", B("GET /a HTTP/2.0\r\n" H E), "505 end"},
    {"preface of HTTP/2", B("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "505 end"},
    {"http/1.1", B("GET /a http/1.1\r\n" H E), "400 end"},
    {"HTTP/1", B("GET /a HTTP/1\r\n" H E), "400 end"},
    {"HTTP/11.1", B("GET /a HTTP/11.1\r\n" H E), "400 end"},
    {"HTTP/1.01", B("GET /a HTTP/1.01\r\n" H E), "400 end"},
    {"TLS", B("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), "400 end"},
};

static const row field_lines[] = {
    {"no white space, or much", B(GET "Host:x\r\nA: \t b \t \r\n" E), OK("GET /? ")},
    {"empty value", B(GET H "A:\r\n" E), OK("GET /? ")},
    {"octets above 127 in a value", B(GET H "A: \xff\xc5\xbc\r\n" E), OK("GET /? ")},
    {"octets above 127 in a name", B(GET H "A\xc5: b\r\n" E), "400 end"},
    {"SP before the colon", B(GET "Host : x\r\n" E), "400 end"},
    {"HTAB before the colon", B(GET H "A\t: x\r\n" E), "400 end"},
    {"SP within the name", B(GET H "A B: x\r\n" E), "400 end"},
    {"no name", B(GET H ": x\r\n" E), "400 end"},
    {"no colon", B(GET H "A\r\n" E), "400 end"},
    {"obsolete fold, SP", B(GET H "A: b\r\n c\r\n" E), "400 end"},
    {"obsolete fold, HTAB", B(GET H "A: b\r\n\tc\r\n" E), "400 end"},
    {"fold of nothing", B(GET H "A:\r\n \r\n" E), "400 end"},
    {"fold behind the request line", B("GET / HTTP/1.1\r\n Host: x\r\n" E), "400 end"},
    {"folded Transfer-Encoding", B(POST "Transfer-Encoding:\r\n chunked\r\n" E LAST), "400 end"},
    {"bare LF", B(GET H "A: b\nB: c\r\n" E), "400 end"},
    {"bare LF before the end", B(GET H "A: b\n" E), "400 end"},
    {"LF LF at the end", B(GET H "A: b\n\n"), "400 end"},
    {"LF CRLF at the end", B("GET / HTTP/1.1\r\nHost: x\r\n\n"), "400 end"},
    {"bare CR in a value", B(GET H "A: b\rB: c\r\n" E), "400 end"},
    {"CR CR LF", B(GET H "A: b\r\r\n" E), "400 end"},
    {"NUL in a value", B(GET H "A: b\0c\r\n" E), "400 end"},
    {"NUL in a name", B(GET H "A\0: b\r\n" E), "400 end"},
    {"NUL behind the last line", B(GET H "\0\r\n\r\n"), "400 end"},
    {"control character", B(GET H "A: b\x01\r\n" E), "400 end"},
    {"vertical tab",
     B(GET H "A: \x0b"
             "b\r\n" E),
     "400 end"},
    {"DEL", B(GET H "A: b\x7f\r\n" E), "400 end"},
    {"no Host", B(GET E), "400 end"},
    {"two Hosts", B(GET H H E), "400 end"},
    {"two Hosts that differ", B(GET H "Host: y\r\n" E), "400 end"},
    {"unknown expectation", B(POST "Expect: tea\r\nContent-Length: 5\r\n" E "hello"), "417 end"},
    {"Connection: close", B(GET H "Connection: close\r\n" E), "200(GET /? ) end"},
    {"Connection: close among others", B(GET H "Connection: x, CLOSE ,y\r\n" E), "200(GET /? ) end"},
};

static const row lengths[] = {
    {"Content-Length", B(POST "Content-Length: 5\r\n" E "hello"), OK("POST /? hello")},
    {"of a GET", B(GET H "Content-Length: 5\r\n" E "hello"), OK("GET /? hello")},
    {"a request in a body is none", B(POST "Content-Length: 18\r\n" E "GET /x HTTP/1.1\r\n\r"),
     OK("POST /? GET /x HTTP/1.1\r\n\r")},
    {"leading zeros", B(POST "Content-Length: 0005\r\n" E "hello"), OK("POST /? hello")},
    {"white space around", B(POST "Content-Length: \t5 \r\n" E "hello"), OK("POST /? hello")},
    {"name in any case", B(POST "cOnTeNt-LeNgTh: 5\r\n" E "hello"), OK("POST /? hello")},
    {"both, length first", B(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" E LAST), "400 end"},
    {"both, coding first", B(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" E LAST), "400 end"},
    {"both, length 0", B(POST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n" E LAST), "400 end"},
    {"both, unknown coding", B(POST "Transfer-Encoding: x\r\nContent-Length: 5\r\n" E "hello"), "400 end"},
    {"twice, equal", B(POST "Content-Length: 5\r\nContent-Length: 5\r\n" E "hello"), "400 end"},
    {"twice, differing", B(POST "Content-Length: 5\r\nContent-Length: 6\r\n" E "hello"), "400 end"},
    {"list, equal", B(POST "Content-Length: 5, 5\r\n" E "hello"), "400 end"},
    {"list, differing", B(POST "Content-Length: 5,6\r\n" E "hello"), "400 end"},
    {"empty", B(POST "Content-Length:\r\n" E "hello"), "400 end"},
    {"plus", B(POST "Content-Length: +5\r\n" E "hello"), "400 end"},
    {"minus", B(POST "Content-Length: -5\r\n" E "hello"), "400 end"},
    {"minus 0", B(POST "Content-Length: -0\r\n" E), "400 end"},
    {"hexadecimal", B(POST "Content-Length: 0x5\r\n" E "hello"), "400 end"},
    {"fraction", B(POST "Content-Length: 5.0\r\n" E "hello"), "400 end"},
    {"exponent", B(POST "Content-Length: 5e0\r\n" E "hello"), "400 end"},
    {"underscore", B(POST "Content-Length: 1_0\r\n" E "hello"), "400 end"},
    {"quoted", B(POST "Content-Length: \"5\"\r\n" E "hello"), "400 end"},
    {"SP within", B(POST "Content-Length: 1 0\r\n" E "hello"), "400 end"},
    {"wide digits", B(POST "Content-Length: \xef\xbc\x95\r\n" E "hello"), "400 end"},
    {"2^32 + 5", B(POST "Content-Length: 4294967301\r\n" E "hello"), "413 end"},
    {"2^63", B(POST "Content-Length: 9223372036854775808\r\n" E "hello"), "413 end"},
    {"2^64 + 5", B(POST "Content-Length: 18446744073709551621\r\n" E "hello"), "400 end"},
    {"SP before the colon", B(POST "Content-Length : 5\r\n" E "hello"), "400 end"},
    {"NUL in the name", B(POST "Content-Length\0: 5\r\n" E "hello"), "400 end"},
    {"underscore is another name", B(POST "Content_Length: 5\r\n" E), OK("POST /? ")},
    {"chunked and something", B(POST "Transfer-Encoding: chunked, identity\r\n" E LAST), "501 end"},
    {"something and chunked", B(POST "Transfer-Encoding: gzip, chunked\r\n" E LAST), "501 end"},
    {"identity", B(POST "Transfer-Encoding: identity\r\n" E "hello"), "501 end"},
    {"chunked twice in one", B(POST "Transfer-Encoding: chunked, chunked\r\n" E LAST), "501 end"},
    {"chunked twice", B(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" E LAST), "400 end"},
    {"chunked and identity in two", B(POST "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n" E LAST),
     "400 end"},
    {"with a parameter", B(POST "Transfer-Encoding: chunked;q=1\r\n" E LAST), "501 end"},
    {"comma behind", B(POST "Transfer-Encoding: chunked,\r\n" E LAST), "501 end"},
    {"comma before", B(POST "Transfer-Encoding: ,chunked\r\n" E LAST), "501 end"},
    {"quoted coding", B(POST "Transfer-Encoding: \"chunked\"\r\n" E LAST), "501 end"},
    {"a like name", B(POST "Transfer-Encoding: xchunked\r\n" E LAST), "501 end"},
    {"empty coding", B(POST "Transfer-Encoding:\r\n" E LAST), "501 end"},
    {"vertical tab before",
     B(POST "Transfer-Encoding: \x0b"
            "chunked\r\n" E LAST),
     "400 end"},
    {"no-break space before",
     B(POST "Transfer-Encoding: \xa0"
            "chunked\r\n" E LAST),
     "501 end"},
    {"NUL behind", B(POST "Transfer-Encoding: chunked\0\r\n" E LAST), "400 end"},
    {"SP before its colon", B(POST "Transfer-Encoding : chunked\r\n" E LAST), "400 end"},
    {"of HTTP/1.0", B("POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n" E LAST), "400 end"},
    {"TE is not it", B(GET H "TE: chunked\r\n" E), OK("GET /? ")},
    {"underscore is another name, too", B(POST "Transfer_Encoding: chunked\r\nContent-Length: 5\r\n" E LAST),
     OK("POST /? 0\r\n\r\n")},
};

static const row chunks[] = {
    {"one", B(CHUNKED "5\r\nhello\r\n" LAST), OK("POST /? hello")},
    {"none", B(CHUNKED LAST), OK("POST /? ")},
    {"coding in any case", B(POST "TRANSFER-ENCODING: ChUnKeD\r\n" E "5\r\nhello\r\n" LAST), OK("POST /? hello")},
    {"hexadecimal in any case", B(CHUNKED "a\r\n0123456789\r\nB\r\n0123456789a\r\n" LAST),
     OK("POST /? 01234567890123456789a")},
    {"leading zeros", B(CHUNKED "00000005\r\nhello\r\n000\r\n\r\n"), OK("POST /? hello")},
    {"too many of them", B(CHUNKED "000000005\r\nhello\r\n" LAST), "400 end"},
    {"chunks and requests in data are none", B(CHUNKED "15\r\n0\r\n\r\nGET /x HTTP/1.1\r\r\n" LAST),
     OK("POST /? 0\r\n\r\nGET /x HTTP/1.1\r")},
    {"extension", B(CHUNKED "5;a=b\r\nhello\r\n0;c\r\n\r\n"), OK("POST /? hello")},
    {"quoted extension", B(CHUNKED "5;a=\"b\\\";c\"\r\nhello\r\n" LAST), OK("POST /? hello")},
    {"extension with CR", B(CHUNKED "5;a\rb\r\nhello\r\n" LAST), "400 end"},
    {"extension with LF", B(CHUNKED "5;a\nhello\r\n" LAST), "400 end"},
    {"extension with NUL", B(CHUNKED "5;a\0\r\nhello\r\n" LAST), "400 end"},
    /* RFC 9112 7.1.1 would bear white space before the ";": nobody sends it but to be read in two ways */
    {"SP before the extension", B(CHUNKED "5 ;a=b\r\nhello\r\n" LAST), "400 end"},
    {"SP behind the size", B(CHUNKED "5 \r\nhello\r\n" LAST), "400 end"},
    {"SP before the size", B(CHUNKED " 5\r\nhello\r\n" LAST), "400 end"},
    {"no size", B(CHUNKED "\r\nhello\r\n" LAST), "400 end"},
    {"extension alone", B(CHUNKED ";a\r\nhello\r\n" LAST), "400 end"},
    {"no hexadecimal", B(CHUNKED "g\r\nhello\r\n" LAST), "400 end"},
    {"0x", B(CHUNKED "0x5\r\nhello\r\n" LAST), "400 end"},
    {"plus", B(CHUNKED "+5\r\nhello\r\n" LAST), "400 end"},
    {"minus", B(CHUNKED "-5\r\nhello\r\n" LAST), "400 end"},
    {"too large", B(CHUNKED "4001\r\n"), "413 end"},
    {"2^31", B(CHUNKED "80000000\r\n"), "413 end"},
    {"2^32 + 5", B(CHUNKED "100000005\r\nhello\r\n" LAST), "400 end"},
    {"2^64 + 5", B(CHUNKED "10000000000000005\r\nhello\r\n" LAST), "400 end"},
    {"2^64 - 1", B(CHUNKED "ffffffffffffffff\r\nhello\r\n" LAST), "400 end"},
    {"bare LF behind the size", B(CHUNKED "5\nhello\r\n" LAST), "400 end"},
    {"bare CR behind the size", B(CHUNKED "5\rhello\r\n" LAST), "400 end"},
    {"bare LF behind the data", B(CHUNKED "5\r\nhello\n" LAST), "400 end"},
    {"bare CR behind the data", B(CHUNKED "5\r\nhello\r0\r\n\r\n"), "400 end"},
    {"nothing behind the data", B(CHUNKED "5\r\nhello" LAST), "400 end"},
    {"more data than said", B(CHUNKED "4\r\nhello\r\n" LAST), "400 end"},
    {"less data than said", B(CHUNKED "6\r\nhello\r\n" LAST), "400 end"},
    {"trailers are forgotten", B(CHUNKED "5\r\nhello\r\n0\r\nA: b\r\nB: c\r\n\r\n"), OK("POST /? hello")},
    {"trailers say nothing of framing", B(CHUNKED LAST "" GET H "Content-Length: 0\r\n" E),
     "200(POST /? ) 200(GET /? ) 200(GET /next? )"},
    {"a length as trailer", B(CHUNKED "0\r\nContent-Length: 50\r\nTransfer-Encoding: x\r\n\r\n"), OK("POST /? ")},
    {"trailer with bare LF", B(CHUNKED "0\r\nA: b\n\r\n"), "400 end"},
    {"trailer with bare CR", B(CHUNKED "0\r\nA: b\rc\r\n\r\n"), "400 end"},
    {"trailer with NUL", B(CHUNKED "0\r\nA: b\0\r\n\r\n"), "400 end"},
    {"trailer without colon", B(CHUNKED "0\r\nGET /x HTTP/1.1\r\n\r\n"), "400 end"},
    {"trailer, folded", B(CHUNKED "0\r\nA: b\r\n c\r\n\r\n"), "400 end"},
    {"trailer, SP before the colon", B(CHUNKED "0\r\nA : b\r\n\r\n"), "400 end"},
    {"LF LF behind the last chunk", B(CHUNKED "0\n\n"), "400 end"},
};

/* Several requests in a row: each has its own answer, in order, up to the first that is unclear. */
static const row pipelines[] = {
    {"three", B("GET /1 HTTP/1.1\r\n" H E "GET /2 HTTP/1.1\r\n" H E), "200(GET /1? ) 200(GET /2? ) 200(GET /next? )"},
    {"with bodies", B(POST "Content-Length: 1\r\n" E "a" CHUNKED "1\r\nb\r\n" LAST),
     "200(POST /? a) 200(POST /? b) 200(GET /next? )"},
    {"CRLF between", B("GET /1 HTTP/1.1\r\n" H E "\r\n"), OK("GET /1? ")},
    {"a bad one ends it", B("GET /1 HTTP/1.1\r\n" H E "GET /2 HTTP/1.1\r\n" E), "200(GET /1? ) 400 end"},
    {"body too short: the next belongs to it", B(POST "Content-Length: 66\r\n" E "hello"),
     "200(POST /? hello" NEXT "GET /next HTTP/1.1\r\nHost: x\r\n\r) 400 end"},
    {"body too long: the rest is no request", B(POST "Content-Length: 3\r\n" E "hello"), "200(POST /? hel) 400 end"},
    {"close ends it", B("GET /1 HTTP/1.1\r\n" H "Connection: close\r\n" E "GET /2 HTTP/1.1\r\n" H E),
     "200(GET /1? ) end"},
    {"refused upgrade ends it", B("GET /1 HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: websocket\r\n" E),
     "426 end"},
    {"upgrade to what nobody knows is none",
     B("GET /1 HTTP/1.1\r\n" H "Connection: upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n" E),
     OK("GET /1? ")},
};

/* --- */

static char in[1 << 16];

/* One answer off the front of in[*at]: its status, and its body if that is 200. False: nothing whole is left. */
static bool next_answer(size_t len, size_t *at, char *text, size_t bytes) {
    const char *p = in + *at, *end = strstr(p, "\r\n\r\n");
    if (*at >= len || end == NULL)
        return false;
    assert_memory_equal(p, "HTTP/1.1 ", 9);
    const char *length = strstr(p, "\r\nContent-Length: ");
    size_t body = length != NULL && length < end ? strtoul(length + 18, NULL, 10) : 0;
    size_t head = (size_t)(end + 4 - p);
    assert_true(*at + head + body <= len);
    (void)snprintf(text, bytes, strncmp(p + 9, "200", 3) == 0 ? "%.3s(%.*s)" : "%.3s", p + 9, (int)body, p + head);
    const char *closes = strstr(p, "\r\nConnection: close\r\n");
    *at += head + body;
    if (closes != NULL && closes < end)
        assert_int_equal(*at, len); /* it is the last one */
    return true;
}

static void describe(size_t len, bool ended, char *text, size_t bytes) {
    size_t at = 0, n = 0;
    char one[512];
    text[0] = '\0';
    while (next_answer(len, &at, one, sizeof(one)))
        n += (size_t)snprintf(text + n, bytes - n, "%s%s", n > 0 ? " " : "", one);
    assert_int_equal(at, len);
    if (ended)
        (void)snprintf(text + n, bytes - n, " end");
}

static void send_pieces(server *s, int fd, const char *p, size_t len, size_t piece) {
    for (size_t at = 0; at < len; at += piece) {
        if (send(fd, p + at, len - at < piece ? len - at : piece, MSG_NOSIGNAL) < 0)
            break; /* closed already */
        pump(s, 0);
    }
}

static void run_row(server *s, const row *r, size_t piece) {
    char got[2048], all[4096];
    size_t len = strlen(r->answers);
    bool expect_end = strcmp(r->answers + len - 4, " end") == 0;
    assert_true(r->len + 2 * sizeof(NEXT) < sizeof(all));
    memcpy(all, r->bytes, r->len);
    memcpy(all + r->len, NEXT NEXT, 2 * (sizeof(NEXT) - 1));
    size_t all_len = r->len + (expect_end ? 2 : 1) * (sizeof(NEXT) - 1);
    unsigned gone = s->gone;
    int fd = client_connect(s, &s->http);
    send_pieces(s, fd, all, all_len, piece);
    len = client_read(s, fd, expect_end ? "\x01" : "GET /next? ", in, sizeof(in));
    bool ended = expect_end && client_sees_end(s, fd);
    describe(len, ended, got, sizeof(got));
    if (strcmp(got, r->answers) != 0)
        fail_msg("%s, in pieces of %zu: \"%s\" instead of \"%s\"", r->what, piece, got, r->answers);
    close(fd);
    assert_true(pump_until(s, &s->gone, gone + 1));
}

static void run_rows(const row *rows, size_t count) {
    server s;
    server_start(&s, NULL);
    for (size_t i = 0; i < count; i++) {
        run_row(&s, &rows[i], 4096);
        run_row(&s, &rows[i], 1);
    }
    server_stop(&s);
}

#define RUN(rows) run_rows(rows, sizeof(rows) / sizeof(rows[0]))

static void test_request_lines(void **state) {
    RUN(request_lines);
}
static void test_field_lines(void **state) {
    RUN(field_lines);
}
static void test_lengths(void **state) {
    RUN(lengths);
}
static void test_chunks(void **state) {
    RUN(chunks);
}
static void test_pipelines(void **state) {
    RUN(pipelines);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_lines), cmocka_unit_test(test_field_lines), cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_chunks),        cmocka_unit_test(test_pipelines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
