/* A file with a secret: one line of visible ASCII characters. */
#ifndef MT_SERVER_SECRET_FILE_H
#define MT_SERVER_SECRET_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define MT_SECRET_FILE_MAX 256

/* Reads the line, of min to max characters (max <= MT_SECRET_FILE_MAX), into out, which has room for max+1 and is
 * NUL-terminated; the caller wipes it. *open_to_others: others than its owner may read the file. MT_ESYS: cannot be
 * read. MT_EBAD: not such a line. */
mt_err mt_secret_file_read(const char *path, size_t min, size_t max, char *out, bool *open_to_others) MT_MUST_CHECK;

#endif
