#include "match/state.h"

mt_status mt_user_set_status(mt_match *m, mt_user *u, mt_status status) {
    mt_status was = u->status;
    m->ready += status == MT_READY;
    m->ready -= was == MT_READY;
    u->status = (uint8_t)status;
    return was;
}

void mt_user_report(mt_match *m, mt_user *u, mt_status was) {
    if (u->status == was || m->events.status == NULL)
        return;
    m->reporting = true;
    m->events.status(m->ctx, u, was);
    m->reporting = false;
}

mt_slice mt_user_name(const mt_user *u) {
    return u->name;
}

mt_slice mt_user_key(const mt_user *u) {
    return u->by_key.key;
}

uint32_t mt_user_exten(const mt_user *u) {
    return u->exten;
}

mt_status mt_user_status(const mt_user *u) {
    return u->status;
}

bool mt_user_is_phone(const mt_user *u) {
    return u->phone;
}

mt_pair *mt_user_pair(const mt_user *u) {
    return u->pair;
}

mt_user *mt_user_partner(const mt_user *u) {
    if (u->pair == NULL)
        return NULL;
    return u->pair->caller == u ? u->pair->callee : u->pair->caller;
}

int64_t mt_user_wait_since_ms(const mt_user *u) {
    return u->wait_since_ms;
}

int64_t mt_user_barred_until_ms(const mt_user *u) {
    return u->barred_until_ms;
}

bool mt_match_is_barred(const mt_user *u, int64_t now_ms) {
    return u->barred_until_ms > now_ms;
}

void mt_user_set_ctx(mt_user *u, void *ctx) {
    u->ctx = ctx;
}

void *mt_user_ctx(const mt_user *u) {
    return u->ctx;
}
