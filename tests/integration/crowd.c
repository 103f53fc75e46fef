/* A crowd of impatient users in one process: each presses at random what his page offers, against the real daemon.
 * Afterwards everybody still works.
 *
 *     crowd URL USERS SECONDS SEED [restart]
 *
 * restart: the daemon will go away and come back meanwhile: server_unreachable may be told, and to who was just logging
 * in sip_failed; each user must have a talk in the last third of the time, or within 20 s on a busy machine.
 *
 * Checked: no state lasts longer than it may, both partners see the same words, a message comes from the partner of
 * this talk, no error is told, everybody gets into talks, and all log out within 3 s. Prints what happened; exit status
 * 0 if all held. */
#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "myturn/myturn.h"

enum { USERS_MAX = 32, CHECK_MS = 500 };

typedef struct user {
    myturn_client *client;
    char name[16], partner[64], words[128];
    bool caller, leaving, in;
    myturn_state state;
    gint64 since_us, late_us; /* late_us: what it was in all then */
    unsigned talks, late_talks, ends, lives, untold;
} user;

static user users[USERS_MAX];
static int user_count;
static GRand *dice;
static const char *url;
static bool closing, restart, last_third;
static unsigned draws, secures, texts, sent, errors, equal_words;
static unsigned ends[16];
static const char *end_names[16];
static gint64 setup_us[100000];
static gint64 late_us; /* how long the machine took the time for others */

static void broken(const user *u, const char *what, const char *more) {
    printf("broken: %s: %s %s (state %s)\n", u->name, what, more, myturn_state_str(u->state));
    errors++;
}

static void begin_state(user *u) {
    u->since_us = g_get_monotonic_time();
    u->late_us = late_us;
}

static user *by_name(const char *name) {
    for (int i = 0; i < user_count; i++)
        if (strcmp(users[i].name, name) == 0)
            return &users[i];
    return NULL;
}

static void on_secure(user *u, const myturn_event *e) {
    if (secures < G_N_ELEMENTS(setup_us))
        setup_us[secures] = e->setup_us;
    secures++;
    u->talks++;
    u->late_talks += last_third;
    (void)g_snprintf(u->words, sizeof u->words, "%s %s %s %s", e->words[0], e->words[1], e->words[2], e->words[3]);
    user *p = by_name(u->partner);
    if (p == NULL || strcmp(p->partner, u->name) != 0 || p->words[0] == '\0')
        return;
    /* The partner may be in the next talk with the same user already; then his role or time differs. Only a talk in
     * common is compared. */
    if (p->caller != u->caller && ABS(p->since_us - u->since_us) < 50 * 1000) {
        if (strcmp(p->words, u->words) == 0)
            equal_words++;
        else
            broken(u, "words differ from the partner's:", p->words);
    }
}

static void count_end(const char *reason) {
    int i = 0;
    while (end_names[i] != NULL && strcmp(end_names[i], reason) != 0)
        i++;
    end_names[i] = reason;
    ends[i]++;
}

/* A first login whose REGISTER comes to the next daemon is one that it never knew. */
static bool is_of_restart(const user *u, const char *code) {
    return restart && (strcmp(code, "server_unreachable") == 0 ||
                       (u->state == MYTURN_LOGGING_IN && strcmp(code, "sip_failed") == 0));
}

static void on_event(void *ctx, const myturn_event *e) {
    user *u = ctx;
    switch (e->kind) {
    case MYTURN_EV_STATE:
        u->state = e->state;
        begin_state(u);
        break;
    case MYTURN_EV_LOGGED_IN:
        u->in = true;
        break;
    case MYTURN_EV_LOGGED_OUT:
        u->in = false;
        break;
    case MYTURN_EV_DRAWN:
        draws++;
        u->caller = e->caller;
        u->words[0] = '\0';
        (void)g_strlcpy(u->partner, e->name, sizeof u->partner);
        if (strcmp(e->name, u->name) == 0)
            broken(u, "drawn for himself", "");
        break;
    case MYTURN_EV_SECURE:
        on_secure(u, e);
        break;
    case MYTURN_EV_TEXT:
        texts++;
        if (strcmp(e->name, u->partner) != 0 || !g_str_has_prefix(e->text, u->partner))
            broken(u, "a message of a stranger:", e->text);
        break;
    case MYTURN_EV_ENDED:
        u->ends++;
        u->words[0] = '\0';
        count_end(e->reason);
        break;
    case MYTURN_EV_ERROR:
        if (!u->leaving && !is_of_restart(u, e->code))
            broken(u, e->code, e->text);
        break;
    default:
        break;
    }
}

static void say(user *u) {
    char *text = g_strdup_printf("%s says hello, %s", u->name, u->partner);
    if (myturn_text(u->client, text) == MYTURN_OK)
        sent++;
    g_free(text);
}

static void make(user *u);

/* One press. What has become impossible meanwhile is refused by the library with MYTURN_ERR_STATE, which is fine. */
static void press(user *u) {
    int d = g_rand_int_range(dice, 0, 100);
    if (!restart && g_rand_int_range(dice, 0, 400) == 0) { /* the application crashes, or nearly so */
        myturn_destroy(u->client);
        make(u);
    }
    myturn_state s = myturn_get_state(u->client);
    if (s == MYTURN_LOGGED_OUT)
        (void)!myturn_login(u->client, u->name);
    else if (s == MYTURN_IDLE)
        (void)!(d < 95 ? myturn_ready(u->client) : myturn_logout(u->client));
    else if (s == MYTURN_WAITING && d < 5)
        (void)!myturn_cancel(u->client);
    else if (s == MYTURN_CONNECTING && d < 6)
        (void)!(d < 3 ? myturn_hangup(u->client) : myturn_next(u->client));
    else if (s == MYTURN_TALKING && d < 60)
        say(u);
    else if (s == MYTURN_TALKING)
        (void)!(d < 85 ? myturn_next(u->client) : d < 98 ? myturn_hangup(u->client) : myturn_logout(u->client));
}

static gboolean on_press(gpointer data) {
    user *u = data;
    if (closing)
        return G_SOURCE_REMOVE;
    press(u);
    (void)g_timeout_add((guint)g_rand_int_range(dice, 5, 200), on_press, u);
    return G_SOURCE_REMOVE;
}

static void make(user *u) {
    myturn_options o;
    myturn_options_default(&o);
    o.server = url;
    o.mic = o.speaker = "none";
    o.transport = (u - users) % 2 == 0 ? MYTURN_TCP : MYTURN_UDP;
    (void)g_snprintf(u->name, sizeof u->name, "user%c%u", (char)('a' + (u - users)), u->lives++);
    u->partner[0] = u->words[0] = '\0';
    u->state = MYTURN_LOGGED_OUT;
    begin_state(u);
    if (myturn_create(&o, on_event, u, &u->client) != MYTURN_OK)
        exit(1);
}

static void check_time(user *u) {
    static const int limit_s[] = {
        [MYTURN_LOGGED_OUT] = 1000, [MYTURN_LOGGING_IN] = 5, [MYTURN_IDLE] = 1000,      [MYTURN_WAITING] = 1000,
        [MYTURN_CONNECTING] = 17,   [MYTURN_TALKING] = 1000, [MYTURN_RECONNECTING] = 1, [MYTURN_ENDING] = 3};
    gint64 for_us = g_get_monotonic_time() - u->since_us - (late_us - u->late_us);
    if (for_us > (gint64)(limit_s[u->state] + (restart ? 15 : 0)) * G_USEC_PER_SEC) {
        broken(u, "stuck in one state", "");
        begin_state(u);
    }
    u->untold = u->state != myturn_get_state(u->client) ? u->untold + 1 : 0;
    if (u->untold == 4) /* checks in a row: what is told of may be due in this very turn */
        broken(u, "was not told of a state:", myturn_state_str(myturn_get_state(u->client)));
}

/* While the machine takes the time for others, nobody is stuck. */
static gboolean on_check(gpointer data) {
    static gint64 due_us;
    gint64 now_us = g_get_monotonic_time();
    if (due_us > 0 && now_us > due_us)
        late_us += now_us - due_us;
    due_us = now_us + CHECK_MS * 1000;
    for (int i = 0; i < user_count; i++)
        check_time(&users[i]);
    return G_SOURCE_CONTINUE;
}

static gboolean on_end(gpointer data) {
    *(bool *)data = true;
    return G_SOURCE_REMOVE;
}

static bool anybody_in(void) {
    for (int i = 0; i < user_count; i++)
        if (myturn_get_state(users[i].client) != MYTURN_LOGGED_OUT)
            return true;
    return false;
}

static bool anybody_is_left_out(void) {
    for (int i = 0; i < user_count; i++)
        if (users[i].talks == 0 || (restart && users[i].late_talks == 0))
            return true;
    return false;
}

static void run_until(bool (*go_on)(void), unsigned limit_ms) {
    bool late = false;
    guint id = g_timeout_add(limit_ms, on_end, &late);
    while (!late && (go_on == NULL || go_on()))
        (void)g_main_context_iteration(NULL, TRUE);
    if (!late)
        (void)g_source_remove(id);
}

static int compare(const void *a, const void *b) {
    gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;
    return x < y ? -1 : x > y;
}

static void summary(void) {
    unsigned n = MIN(secures, (unsigned)G_N_ELEMENTS(setup_us));
    qsort(setup_us, n, sizeof setup_us[0], compare);
    printf("%d users: %u draws told, %u secure, %u words compared, %u messages sent, %u received\n", user_count, draws,
           secures, equal_words, sent, texts);
    if (n > 0)
        printf("setup ms: median %.0f, p95 %.0f, max %.0f\n", (double)setup_us[n / 2] / 1000,
               (double)setup_us[n * 95 / 100] / 1000, (double)setup_us[n - 1] / 1000);
    for (int i = 0; i < 16 && end_names[i] != NULL; i++)
        printf("ended %s: %u\n", end_names[i], ends[i]);
    for (int i = 0; i < user_count; i++)
        if (users[i].talks == 0)
            broken(&users[i], "had no talk at all", "");
        else if (restart && users[i].late_talks == 0)
            broken(&users[i], "had no talk after the restart", "");
    printf("%u broken\n", errors);
}

int main(int argc, char **argv) {
    restart = argc == 6 && strcmp(argv[5], "restart") == 0;
    if (argc != 5 && !restart) {
        fprintf(stderr, "crowd URL USERS SECONDS SEED [restart]\n");
        return 2;
    }
    user_count = CLAMP((int)strtol(argv[2], NULL, 10), 2, USERS_MAX);
    dice = g_rand_new_with_seed((guint32)strtol(argv[4], NULL, 10));
    if (g_getenv("CROWD_LOG") != NULL)
        (void)!myturn_log(2, g_getenv("CROWD_LOG"), true);
    url = argv[1];
    for (int i = 0; i < user_count; i++) {
        user *u = &users[i];
        make(u);
        (void)g_timeout_add(1, on_press, u);
    }
    guint check = g_timeout_add(CHECK_MS, on_check, NULL);
    unsigned time_ms = (unsigned)strtol(argv[3], NULL, 10) * 1000;
    run_until(NULL, time_ms * 2 / 3);
    last_third = true;
    run_until(NULL, time_ms / 3);
    run_until(anybody_is_left_out, 20000);
    closing = true;
    for (int i = 0; i < user_count; i++) {
        users[i].leaving = true;
        (void)!myturn_logout(users[i].client);
    }
    run_until(anybody_in, 3000);
    for (int i = 0; i < user_count; i++)
        if (myturn_get_state(users[i].client) != MYTURN_LOGGED_OUT)
            broken(&users[i], "did not get out", "");
    summary();
    (void)g_source_remove(check);
    for (int i = 0; i < user_count; i++)
        myturn_destroy(users[i].client);
    run_until(NULL, 1500); /* what says good-bye in the background */
    g_rand_free(dice);
    return errors == 0 ? 0 : 1;
}
