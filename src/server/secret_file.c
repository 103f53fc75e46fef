#include "server/secret_file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/secret.h"

#define LINE_BYTES (MT_SECRET_FILE_MAX + 16) /* with a line's end and blanks behind it */

static mt_err read_line(FILE *f, size_t min, size_t max, char line[LINE_BYTES]) {
    size_t len = fread(line, 1, LINE_BYTES - 1, f);
    if (ferror(f))
        return MT_ESYS;
    line[len] = '\0';
    size_t end = strcspn(line, "\r\n");
    bool one = strspn(line + end, "\r\n \t") == len - end;
    line[end] = '\0';
    if (!one || end < min || end > max)
        return MT_EBAD;
    for (size_t i = 0; i < end; i++) {
        if (line[i] <= ' ' || line[i] > '~')
            return MT_EBAD;
    }
    return MT_OK;
}

mt_err mt_secret_file_read(const char *path, size_t min, size_t max, char *out, bool *open_to_others) {
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return MT_ESYS;
    setbuf(f, NULL); /* no copy of it in a buffer that is freed unwiped */
    struct stat st;
    char line[LINE_BYTES];
    mt_err err = fstat(fileno(f), &st) == 0 ? read_line(f, min, max, line) : MT_ESYS;
    (void)fclose(f);
    if (err == MT_OK) {
        memcpy(out, line, strlen(line) + 1);
        *open_to_others = (st.st_mode & (S_IRGRP | S_IROTH)) != 0;
    }
    mt_wipe(line, sizeof line);
    return err;
}
