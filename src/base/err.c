#include "base/err.h"

const char *mt_err_str(mt_err err) {
    switch (err) {
    case MT_OK:
        return "no error";
    case MT_ENOMEM:
        return "out of memory";
    case MT_EINVAL:
        return "argument out of range";
    case MT_ELIMIT:
        return "limit exceeded";
    case MT_ENOENT:
        return "not found";
    case MT_EEXIST:
        return "exists already";
    case MT_EMORE:
        return "more input needed";
    case MT_EBAD:
        return "malformed input";
    case MT_EDENIED:
        return "not allowed";
    case MT_ESTATE:
        return "not possible in this state";
    case MT_ESYS:
        return "system error";
    case MT_ETIMEOUT:
        return "timed out";
    case MT_ECLOSED:
        return "closed by the other end";
    }
    return "unknown error";
}
