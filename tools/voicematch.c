/* How well does a recording match what was spoken?
 *
 *     voicematch SPOKEN.wav HEARD.wav
 *     correlation=0.987 delay_ms=1240 windows=14 worst=0.951
 *
 * Both are 16-bit WAV files of any rate. Everything is brought to 8 kHz, where the energy of speech lies. The place of
 * the speech in the recording is found by normalised cross-correlation of its loudest second; then each quarter of a
 * second is sought around that place (a receiver may stretch or shorten pauses), and the windows' correlations are
 * averaged by their energy. 1 is a perfect copy, unrelated speech stays below 0.5. Exit status 0 if something was
 * compared, 1 if not, 2 for wrong usage or files. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE 8000
#define ANCHOR RATE /* one second */
#define WINDOW (RATE / 4)
#define SEARCH (RATE / 10) /* around the expected place, either way */
#define SECONDS_MAX 600
#define TAPS 16 /* of the resampler, to either side */

typedef struct sound {
    float *at;
    size_t n;
} sound;

static uint32_t get_le(const uint8_t *p, int bytes) {
    uint32_t v = 0;
    for (int i = bytes - 1; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static uint8_t *read_all(const char *path, size_t *out_len) {
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return NULL;
    size_t room = 1 << 16, len = 0;
    uint8_t *data = malloc(room);
    while (data != NULL) {
        len += fread(data + len, 1, room - len, f);
        if (len < room || room > SIZE_MAX / 4 || room > ((size_t)1 << 28))
            break;
        room *= 2;
        uint8_t *more = realloc(data, room);
        if (more == NULL)
            free(data);
        data = more;
    }
    (void)fclose(f);
    *out_len = len;
    return data;
}

typedef struct format {
    uint32_t rate, channels;
    const uint8_t *data;
    size_t frames;
} format;

/* A header whose lengths were never finished is read up to the end of the file. */
static bool parse_wav(const uint8_t *p, size_t len, format *out) {
    *out = (format){0};
    if (len < 12 || memcmp(p, "RIFF", 4) != 0 || memcmp(p + 8, "WAVE", 4) != 0)
        return false;
    for (size_t at = 12; at + 8 <= len;) {
        size_t size = get_le(p + at + 4, 4), left = len - at - 8;
        bool is_data = memcmp(p + at, "data", 4) == 0;
        if (size > left || (is_data && size == 0))
            size = left;
        if (memcmp(p + at, "fmt ", 4) == 0 && size >= 16) {
            out->channels = get_le(p + at + 10, 2);
            out->rate = get_le(p + at + 12, 4);
            if (get_le(p + at + 22, 2) != 16)
                return false;
        }
        if (is_data && out->channels > 0) {
            out->data = p + at + 8;
            out->frames = size / (2 * out->channels);
            return out->rate >= RATE && out->rate <= 192000;
        }
        at += 8 + size + (size & 1);
    }
    return false;
}

static float sample(const format *f, size_t frame) {
    const uint8_t *p = f->data + frame * 2 * f->channels;
    return (float)(int16_t)(uint16_t)get_le(p, 2) / 32768.0f;
}

/* Low-pass and resampling in one: a windowed sinc that ends at half of RATE. */
static float resampled(const format *f, double at) {
    double width = TAPS * (double)f->rate / RATE, sum = 0, norm = 0;
    long first = (long)ceil(at - width), last = (long)floor(at + width);
    for (long i = first; i <= last; i++) {
        double x = ((double)i - at) * RATE / f->rate;
        double sinc = fabs(x) < 1e-9 ? 1.0 : sin(M_PI * x) / (M_PI * x);
        double weight = sinc * (0.5 + 0.5 * cos(M_PI * x / TAPS));
        norm += weight;
        if (i >= 0 && (size_t)i < f->frames)
            sum += weight * sample(f, (size_t)i);
    }
    return norm != 0 ? (float)(sum / norm) : 0.0f;
}

static bool load(const char *path, sound *out) {
    size_t len = 0;
    format f;
    uint8_t *data = read_all(path, &len);
    bool ok = data != NULL && parse_wav(data, len, &f) && f.frames / f.rate < SECONDS_MAX;
    if (ok) {
        out->n = (size_t)((double)f.frames * RATE / f.rate);
        out->at = calloc(out->n + 1, sizeof(out->at[0]));
        ok = out->at != NULL;
        for (size_t i = 0; ok && i < out->n; i++)
            out->at[i] = resampled(&f, (double)i * f.rate / RATE);
    }
    free(data);
    if (!ok)
        (void)fprintf(stderr, "%s: cannot be read, or no 16-bit WAV of at least 8 kHz\n", path);
    return ok;
}

static double energy(const float *p, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)p[i] * p[i];
    return sum;
}

static double product(const float *a, const float *b, size_t n) {
    float sums[8] = {0}; /* eight sums side by side: the compiler may use vectors */
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        for (size_t k = 0; k < 8; k++)
            sums[k] += a[i + k] * b[i + k];
    }
    double sum = 0;
    for (size_t k = 0; k < 8; k++)
        sum += (double)sums[k];
    for (; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* The best normalised correlation of n samples of `spoken` with `heard` at from … to; *out_at is where, untouched if
 * nowhere. */
static double best_match(const float *spoken, size_t n, const sound *heard, size_t from, size_t to, size_t *out_at) {
    double own = energy(spoken, n), best = 0, there = 0;
    if (heard->n < n)
        return 0;
    if (to > heard->n - n)
        to = heard->n - n;
    for (size_t at = from; at <= to; at++) {
        there = at == from ? energy(heard->at + at, n)
                           : there - (double)heard->at[at - 1] * heard->at[at - 1] +
                                 (double)heard->at[at + n - 1] * heard->at[at + n - 1];
        if (there < own * 1e-4)
            continue;
        double c = product(spoken, heard->at + at, n) / sqrt(own * there);
        if (c > best) {
            best = c;
            *out_at = at;
        }
    }
    return best;
}

static size_t loudest(const sound *s, size_t n) {
    size_t best_at = 0;
    double best = -1;
    for (size_t at = 0; at + n <= s->n; at += RATE / 50) {
        double e = energy(s->at + at, n);
        if (e > best) {
            best = e;
            best_at = at;
        }
    }
    return best_at;
}

typedef struct verdict {
    double correlation, worst;
    long delay; /* samples */
    unsigned windows;
} verdict;

/* Where the recording should begin: speech at `at`, delayed by `delay`. */
static size_t place(size_t at, long delay) {
    long there = (long)at + delay;
    return there > 0 ? (size_t)there : 0;
}

static void compare_windows(const sound *spoken, const sound *heard, verdict *v) {
    double total = energy(spoken->at, spoken->n), quiet = total / (double)spoken->n * WINDOW * 0.05;
    double sum = 0, weight = 0;
    long delay = v->delay;
    v->worst = 1;
    for (size_t at = 0; at + WINDOW <= spoken->n; at += WINDOW) {
        double e = energy(spoken->at + at, WINDOW);
        if (e < quiet)
            continue;
        size_t expected = place(at, delay), found = expected;
        double c = best_match(spoken->at + at, WINDOW, heard, expected > SEARCH ? expected - SEARCH : 0,
                              expected + SEARCH, &found);
        sum += c * e;
        weight += e;
        v->windows++;
        if (c < v->worst)
            v->worst = c;
        if (c > 0.7)
            delay = (long)found - (long)at;
    }
    v->correlation = weight > 0 ? sum / weight : 0;
}

static verdict compare(const sound *spoken, const sound *heard) {
    verdict v = {0};
    size_t n = spoken->n < ANCHOR ? spoken->n : ANCHOR;
    size_t at = loudest(spoken, n), found = at;
    (void)best_match(spoken->at + at, n, heard, 0, heard->n, &found);
    v.delay = (long)found - (long)at;
    compare_windows(spoken, heard, &v);
    return v;
}

int main(int argc, char **argv) {
    sound spoken = {0}, heard = {0};
    if (argc != 3) {
        (void)fputs("usage: voicematch SPOKEN.wav HEARD.wav\n", stderr);
        return 2;
    }
    if (!load(argv[1], &spoken) || !load(argv[2], &heard)) {
        free(spoken.at);
        free(heard.at);
        return 2;
    }
    verdict v = compare(&spoken, &heard);
    (void)printf("correlation=%.3f delay_ms=%ld windows=%u worst=%.3f\n", v.correlation, v.delay * 1000 / RATE,
                 v.windows, v.worst);
    free(spoken.at);
    free(heard.at);
    return v.windows > 0 ? 0 : 1;
}
