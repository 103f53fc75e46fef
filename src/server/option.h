/* The one table of options from which command line, configuration file, help and --print-config are made, and what can
 * be done with a row of it. To add an option: a member of mt_options, a row in option_table.c, and where its default is
 * not 0 or NULL a line in mt_options_default. Tests hold the manual and the sample file to the table. */
#ifndef MT_SERVER_OPTION_H
#define MT_SERVER_OPTION_H

#include "base/buf.h"
#include "server/options.h"

typedef enum mt_option_kind {
    MT_OPTION_FLAG,    /* bool: yes or no; on the command line alone it means yes */
    MT_OPTION_ADDRESS, /* mt_addr; none if never given */
    MT_OPTION_TEXT,    /* const char *; NULL if never given */
    MT_OPTION_PATH,    /* the same, the name of a file or folder that is to be read */
    MT_OPTION_HOST,    /* the same, a host name */
    MT_OPTION_WORD,    /* an enum, one of words by its value */
    MT_OPTION_U32,     /* uint32_t within min and max */
    MT_OPTION_SIZE,    /* size_t within min and max */
    /* Lists: given more than once it is one longer list. */
    MT_OPTION_NETWORKS,  /* mt_proxies */
    MT_OPTION_STUN_URLS, /* mt_ice_urls */
    MT_OPTION_TURN_URLS, /* mt_ice_urls */
} mt_option_kind;

typedef struct mt_option {
    const char *section; /* NULL: command line only */
    const char *key;     /* its name in the file; on the command line with "--", and '-' for '_' */
    const char *help;
    size_t offset; /* in mt_options */
    uint64_t min, max;
    const char *const *words; /* ends in NULL */
    const char *value;        /* what the help calls the value; NULL: by kind */
    mt_option_kind kind;
    bool live;   /* SIGHUP applies it; else it needs a restart */
    bool secret; /* shown as *** */
} mt_option;

extern const mt_option mt_option_table[];
extern const size_t mt_option_count;
#define MT_OPTION_MAX 160 /* rows; mt_options remembers where each came from */

/* NULL: there is none. name: as in the file, or as on the command line without "--". */
const mt_option *mt_option_find(mt_slice name);
bool mt_option_is_section(mt_slice name);
size_t mt_option_index(const mt_option *opt);
bool mt_option_is_list(const mt_option *opt);
void mt_option_clear_list(const mt_option *opt, mt_options *o); /* nothing for other kinds */

/* Sets the value from its text. MT_EBAD: it is not within the range. MT_ENOMEM. */
mt_err mt_option_set(const mt_option *opt, const char *text, mt_options *o) MT_MUST_CHECK;
/* Appends what is allowed: "100 to 60000", "yes or no", … */
void mt_option_range(const mt_option *opt, mt_buf *out);
/* Appends the value as the file would give it; nothing where there is none. */
void mt_option_format(const mt_option *opt, const mt_options *o, mt_buf *out);
bool mt_option_is_set(const mt_option *opt, const mt_options *o); /* false: no address, text or network */
bool mt_option_same(const mt_option *opt, const mt_options *a, const mt_options *b);
/* Takes one value over. MT_ENOMEM: unchanged. */
mt_err mt_option_copy(const mt_option *opt, const mt_options *from, mt_options *to) MT_MUST_CHECK;
/* Appends the name as it is said on the command line: "--tls-cert". */
void mt_option_flag_name(const mt_option *opt, mt_buf *out);

/* Adds a line about a fault: where it is, key, value (nothing unprintable of it) and the range.
 * where NULL: on the command line. */
void mt_option_fault(const mt_option *opt, const char *where, const char *text, mt_buf *faults);

#endif
