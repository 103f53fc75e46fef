#include "media/pace.h"

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "base/alloc.h"
#include "media/pcm.h"

#define STEP_NS (MT_PCM_BLOCK_MS * 1000000L)

struct mt_pace {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;
    mt_pace_fn *fn;
    void *ctx;
};

static void add_step(struct timespec *t) {
    t->tv_nsec += STEP_NS;
    if (t->tv_nsec >= 1000000000L) {
        t->tv_nsec -= 1000000000L;
        t->tv_sec++;
    }
}

/* True when the time has come, false when the thread shall end. */
static bool wait_until(mt_pace *p, const struct timespec *due) {
    pthread_mutex_lock(&p->lock);
    int err = 0;
    while (!p->stop && err == 0)
        err = pthread_cond_timedwait(&p->wake, &p->lock, due);
    bool stop = p->stop;
    pthread_mutex_unlock(&p->lock);
    return !stop;
}

static void *run(void *arg) {
    mt_pace *p = arg;
    struct timespec due;
    clock_gettime(CLOCK_MONOTONIC, &due);
    add_step(&due);
    while (wait_until(p, &due)) {
        p->fn(p->ctx);
        add_step(&due);
    }
    return NULL;
}

static void init_wake(pthread_cond_t *wake) {
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(wake, &attr);
    pthread_condattr_destroy(&attr);
}

static void deinit(mt_pace *p) {
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    mt_free(p);
}

mt_err mt_pace_create(mt_pace_fn *fn, void *ctx, mt_pace **out) {
    mt_pace *p = mt_calloc(1, sizeof(*p));
    if (p == NULL)
        return MT_ENOMEM;
    p->fn = fn;
    p->ctx = ctx;
    pthread_mutex_init(&p->lock, NULL);
    init_wake(&p->wake);
    if (pthread_create(&p->thread, NULL, run, p) != 0) {
        deinit(p);
        return MT_ESYS;
    }
    pthread_setname_np(p->thread, "myturn-pace");
    *out = p;
    return MT_OK;
}

void mt_pace_destroy(mt_pace *p) {
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    deinit(p);
}
