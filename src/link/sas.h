/* The four words (short authentication string with commitment): a machine that is fed the sas-* messages of the data
 * channel. docs/protocol/words.md holds the protocol, what it proves, and vectors. Pure; caller's storage; one thread.
 *
 * A, who sent the dialog-forming INVITE, starts when the channel is open:
 *     A -> B  sas-commit  SHA-256("myturn sas commit v1" | pair | Na | fpA | fpB)
 *     B -> A  sas-nonce   Nb
 *     A -> B  sas-reveal  Na */
#ifndef MT_LINK_SAS_H
#define MT_LINK_SAS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/random.h"

#define MT_SAS_BYTES 32
#define MT_SAS_PAIR_BYTES 16
#define MT_SAS_WORDS 4
#define MT_SAS_LIMIT_MS 10000

typedef enum mt_sas_kind { MT_SAS_NOTHING, MT_SAS_COMMIT, MT_SAS_NONCE, MT_SAS_REVEAL } mt_sas_kind;

typedef struct mt_sas_msg {
    mt_sas_kind kind;
    uint8_t value[MT_SAS_BYTES];
} mt_sas_msg;

typedef struct mt_sas_setup {
    bool a; /* we sent the INVITE, whatever the DTLS roles */
    uint8_t pair[MT_SAS_PAIR_BYTES];
    uint8_t fp_own[MT_SAS_BYTES];  /* SHA-256 of our leaf certificate's DER */
    uint8_t fp_peer[MT_SAS_BYTES]; /* of the one received in the handshake, never of SDP text */
} mt_sas_setup;

typedef enum mt_sas_state {
    MT_SAS_IDLE,
    MT_SAS_WAIT_COMMIT,
    MT_SAS_WAIT_NONCE,
    MT_SAS_WAIT_REVEAL,
    MT_SAS_DONE,
    MT_SAS_FAILED
} mt_sas_state;

/* Private but for state, which may be read. */
typedef struct mt_sas {
    mt_sas_state state;
    mt_sas_setup setup;
    uint8_t nonce_own[MT_SAS_BYTES];
    uint8_t nonce_peer[MT_SAS_BYTES];
    uint8_t commit[MT_SAS_BYTES];
    uint8_t word_index[MT_SAS_WORDS];
    int64_t due_ms;
} mt_sas;

void mt_sas_init(mt_sas *s, const mt_sas_setup *setup, mt_random random);
void mt_sas_deinit(mt_sas *s); /* wipes */

/* The data channel is open. A gets the commit to send, B nothing (out->kind MT_SAS_NOTHING). MT_ESTATE: started
 * already. */
mt_err mt_sas_start(mt_sas *s, int64_t now_ms, mt_sas_msg *out) MT_MUST_CHECK;
/* A sas-* message came. What is to be sent stands in *out, perhaps nothing. MT_EDENIED: sas_failed: out of order, once
 * too often, or the reveal does not fit the commitment; end the call. Also before the start and after the end.
 * MT_ETIMEOUT: too late, as below. */
mt_err mt_sas_input(mt_sas *s, const mt_sas_msg *in, int64_t now_ms, mt_sas_msg *out) MT_MUST_CHECK;
/* MT_ETIMEOUT: 10 s are over without words (once; then MT_OK): end the call. The network may be all that is wrong. */
mt_err mt_sas_tick(mt_sas *s, int64_t now_ms) MT_MUST_CHECK;
int64_t mt_sas_next_ms(const mt_sas *s); /* MT_NEVER (base/timerq.h) if nothing is due */

/* Static strings. MT_ESTATE: not done, or failed. */
mt_err mt_sas_words(const mt_sas *s, const char *out[MT_SAS_WORDS]) MT_MUST_CHECK;

/* words.c: the one list for all languages. */
extern const char *const mt_sas_wordlist[256];

#endif
