#include "media/wav.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "media/pcm.h"

#define HEADER_LEN 44
#define DATA_MAX_BYTES 0xf0000000u

struct mt_wav {
    int fd;
    uint32_t data_bytes, unheaded_bytes; /* all written; written since the header was */
};

static void put16(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint32_t v) {
    put16(p, v);
    put16(p + 2, v >> 16);
}

static mt_err write_header(mt_wav *w) {
    uint8_t h[HEADER_LEN] = {0};
    memcpy(h, "RIFF", 4);
    put32(h + 4, w->data_bytes + HEADER_LEN - 8);
    memcpy(h + 8, "WAVEfmt ", 8);
    put32(h + 16, 16);
    put16(h + 20, 1); /* PCM */
    put16(h + 22, 1); /* channels */
    put32(h + 24, MT_PCM_RATE);
    put32(h + 28, MT_PCM_RATE * 2);
    put16(h + 32, 2);
    put16(h + 34, 16);
    memcpy(h + 36, "data", 4);
    put32(h + 40, w->data_bytes);
    w->unheaded_bytes = 0;
    return pwrite(w->fd, h, sizeof(h), 0) == (ssize_t)sizeof(h) ? MT_OK : MT_ESYS;
}

mt_err mt_wav_create(const char *path, mt_wav **out) {
    mt_wav *w = mt_calloc(1, sizeof(*w));
    if (w == NULL)
        return MT_ENOMEM;
    w->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (w->fd < 0 || write_header(w) != MT_OK) {
        if (w->fd >= 0)
            close(w->fd);
        mt_free(w);
        return MT_ESYS;
    }
    *out = w;
    return MT_OK;
}

static mt_err write_at_end(mt_wav *w, const uint8_t *p, size_t len_bytes) {
    off_t at = (off_t)HEADER_LEN + (off_t)w->data_bytes;
    if (pwrite(w->fd, p, len_bytes, at) != (ssize_t)len_bytes)
        return MT_ESYS;
    w->data_bytes += (uint32_t)len_bytes;
    w->unheaded_bytes += (uint32_t)len_bytes;
    return w->unheaded_bytes >= MT_PCM_RATE * 2 ? write_header(w) : MT_OK;
}

mt_err mt_wav_write(mt_wav *w, const int16_t *pcm, size_t n_samples) {
    uint8_t bytes[2 * MT_PCM_BLOCK];
    while (n_samples > 0) {
        size_t n = n_samples < MT_PCM_BLOCK ? n_samples : MT_PCM_BLOCK;
        if (w->data_bytes > DATA_MAX_BYTES)
            return MT_ELIMIT;
        for (size_t i = 0; i < n; i++)
            put16(bytes + 2 * i, (uint16_t)pcm[i]);
        mt_err err = write_at_end(w, bytes, 2 * n);
        if (err != MT_OK)
            return err;
        pcm += n;
        n_samples -= n;
    }
    return MT_OK;
}

void mt_wav_destroy(mt_wav *w) {
    if (w == NULL)
        return;
    (void)!write_header(w);
    close(w->fd);
    mt_free(w);
}
