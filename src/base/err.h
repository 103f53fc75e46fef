/* Error codes shared by every module.
 *
 * A function that can fail returns mt_err and is marked MT_MUST_CHECK; its outputs come last and are
 * untouched on failure. */
#ifndef MT_BASE_ERR_H
#define MT_BASE_ERR_H

#define MT_MUST_CHECK __attribute__((warn_unused_result))
#define MT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define MT_UNUSED __attribute__((unused))

typedef enum mt_err {
    MT_OK = 0,
    MT_ENOMEM,   /* allocation failed */
    MT_EINVAL,   /* the caller's argument is out of range */
    MT_ELIMIT,   /* a configured limit would be exceeded */
    MT_ENOENT,   /* no such thing */
    MT_EEXIST,   /* there is one already */
    MT_EMORE,    /* input incomplete: call again with more, or: nothing to give yet */
    MT_EBAD,     /* input malformed */
    MT_EDENIED,  /* not allowed, or authentication failed */
    MT_ESTATE,   /* not possible in the present state */
    MT_ESYS,     /* the operating system or a library refused; details are logged where they occur */
    MT_ETIMEOUT, /* time is over */
    MT_ECLOSED,  /* the other end is gone */
} mt_err;

/* A short English description; never NULL. */
const char *mt_err_str(mt_err err);

#endif
