/* The configuration file: sections, "key = value", comments after ';' or '#' (INI, by libinih). */
#ifndef MT_SERVER_CONFIG_H
#define MT_SERVER_CONFIG_H

#include "base/buf.h"
#include "base/slice.h"
#include "server/options.h"

#define MT_CONFIG_BYTES_MAX 262144

/* Sets what the text says; what it does not name is left alone. Each fault becomes a line of faults, "NAME:LINE: …":
 * unknown sections and keys, a key in another section than its own or given twice, values out of range, and lines that
 * are none of it. MT_EINVAL: there were faults. MT_ENOMEM. name: of the file, for messages. */
mt_err mt_config_parse(mt_slice text, const char *name, mt_options *o, mt_buf *faults) MT_MUST_CHECK;
/* The same with a file's text. What stops it from being read is a fault too. */
mt_err mt_config_read(const char *path, mt_options *o, mt_buf *faults) MT_MUST_CHECK;

#endif
