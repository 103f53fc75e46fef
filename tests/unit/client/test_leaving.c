/* A program that has loaded libmyturn and ends before it has called anybody: no library may delete a thread-specific
   key on its way out that another one has made, for threads that still run use it. The two functions of this file come
   before those of the C library. */
#include "myturn/myturn.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void *made_by[PTHREAD_KEYS_MAX]; // where the library lies

static void find(const char *name, void *function) {
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(function, &found, sizeof found);
}

static Dl_info library_of(void *code) {
    Dl_info info = {0};
    (void)dladdr(code, &info);
    return info;
}

__attribute__((visibility("default"))) int pthread_key_create(pthread_key_t *key, void (*destroy)(void *)) {
    int (*create)(pthread_key_t *, void (*)(void *));
    find("pthread_key_create", &create);
    int err = create(key, destroy);
    if (err == 0)
        made_by[*key] = library_of(__builtin_return_address(0)).dli_fbase;
    return err;
}

__attribute__((visibility("default"))) int pthread_key_delete(pthread_key_t key) {
    Dl_info library = library_of(__builtin_return_address(0));
    if (made_by[key] != library.dli_fbase) {
        (void)fprintf(stderr, "%s deletes key %u, which it has not made\n", library.dli_fname, key);
        _exit(1);
    }
    made_by[key] = NULL;
    int (*forget)(pthread_key_t);
    find("pthread_key_delete", &forget);
    return forget(key);
}

int main(void) {
    return myturn_version() == NULL;
}
