/* What the operator says of Asterisk. */
#ifndef MT_SERVER_ASTERISK_OPTIONS_H
#define MT_SERVER_ASTERISK_OPTIONS_H

#include "base/addr.h"

typedef enum mt_sip_kind { MT_SIP_EMBEDDED, MT_SIP_ASTERISK } mt_sip_kind;

typedef struct mt_asterisk_options {
    mt_sip_kind sip_server; /* which one it is; the rest is for MT_SIP_ASTERISK */
    const char *dir;        /* of its files: /etc/asterisk */
    mt_addr host;           /* where clients reach it, over UDP: 127.0.0.1:5060 */
    const char *realm;      /* asterisk */
    const char *command;    /* its program, asked while the AMI is away: asterisk */
    mt_addr ami;            /* 127.0.0.1:5038 */
    const char *ami_user;   /* myturn */
    const char *ami_secret_file;
} mt_asterisk_options;

void mt_asterisk_options_default(mt_asterisk_options *o);

#endif
