#include "client/api_parse.h"

#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/text.h"

enum { DEPTH_MAX = 8, RETRY_AFTER_MAX_S = 30 * 86400, NAME_POINTS_MAX = 32 };

/* json-glib recurses: what is nested too deep is refused before it is parsed. */
static bool is_shallow(mt_slice body) {
    unsigned depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < body.len; i++) {
        char c = body.p[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
            continue;
        }
        if (c == '"')
            in_string = true;
        else if ((c == '{' || c == '[') && ++depth > DEPTH_MAX)
            return false;
        else if ((c == '}' || c == ']') && depth-- == 0)
            return false;
    }
    return true;
}

JsonObject *mt_api_parse_object(JsonParser *parser, mt_slice body) {
    if (body.len == 0 || body.len > MT_API_BODY_MAX || !mt_text_is_utf8(body) || !is_shallow(body))
        return NULL;
    if (!json_parser_load_from_data(parser, body.p, (gssize)body.len, NULL))
        return NULL;
    JsonNode *root = json_parser_get_root(parser);
    return root != NULL && JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root) : NULL;
}

static const char *get_string(JsonObject *o, const char *key) {
    JsonNode *n = o != NULL ? json_object_get_member(o, key) : NULL;
    if (n == NULL || !JSON_NODE_HOLDS_VALUE(n) || json_node_get_value_type(n) != G_TYPE_STRING)
        return NULL;
    return json_node_get_string(n);
}

static JsonObject *get_object(JsonObject *o, const char *key) {
    JsonNode *n = json_object_get_member(o, key);
    return n != NULL && JSON_NODE_HOLDS_OBJECT(n) ? json_node_get_object(n) : NULL;
}

static bool get_bool(JsonObject *o, const char *key) {
    JsonNode *n = json_object_get_member(o, key);
    return n != NULL && JSON_NODE_HOLDS_VALUE(n) && json_node_get_value_type(n) == G_TYPE_BOOLEAN &&
           json_node_get_boolean(n);
}

/* 0 where the member is missing or out of range. */
static unsigned get_uint(JsonObject *o, const char *key, unsigned max) {
    JsonNode *n = json_object_get_member(o, key);
    if (n == NULL || !JSON_NODE_HOLDS_VALUE(n) || json_node_get_value_type(n) != G_TYPE_INT64)
        return 0;
    gint64 v = json_node_get_int(n);
    return v < 0 || v > (gint64)max ? 0 : (unsigned)v;
}

static uint32_t get_exten(JsonObject *o) {
    const char *text = get_string(o, "exten");
    uint64_t exten = 0;
    if (text == NULL || mt_slice_to_u64(mt_slice_of(text), UINT32_MAX, &exten) != MT_OK)
        return 0;
    return (uint32_t)exten;
}

static bool is_address(const char *text) {
    mt_addr a;
    return mt_addr_parse(mt_slice_of(text), &a) == MT_OK;
}

/* What is put into SIP headers must not break out of them. */
static bool is_header_safe(const char *text) {
    if (text == NULL || text[0] == '\0' || strlen(text) > 1024)
        return false;
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == '"' || *c == '<' || *c == '>' || *c == '\\' || *c == 127)
            return false;
    return true;
}

static bool is_name(const char *name) {
    return name != NULL && name[0] != '\0' && strlen(name) < MT_TURN_NAME_BYTES;
}

static bool is_name_ascii(uint32_t c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '_' ||
           c == '-';
}

/* The own name as the server wrote it. Beyond ASCII the server knows better which letters there are. */
static bool is_own_name(const char *name) {
    if (!is_name(name))
        return false;
    for (const unsigned char *c = (const unsigned char *)name; *c != '\0'; c++)
        if (*c < 0x80 && !is_name_ascii(*c))
            return false;
    return true;
}

bool mt_api_parse_login(JsonObject *o, mt_api_login_info *out, const char **token) {
    JsonObject *sip = get_object(o, "sip");
    *token = get_string(o, "token");
    if (sip == NULL || !is_header_safe(*token))
        return false;
    *out = (mt_api_login_info){
        .name = get_string(o, "name"),
        .exten = get_exten(o),
        .sip_uri = get_string(sip, "uri"),
        .sip_username = get_string(sip, "username"),
        .sip_realm = get_string(sip, "realm"),
        .sip_password = get_string(sip, "password"),
        .sip_udp = get_string(sip, "udp"),
        .sip_tcp = get_string(sip, "tcp"),
        .sip_tls = get_string(sip, "tls"),
        .relay_only = get_bool(o, "relay_only"),
        .asterisk = g_strcmp0(get_string(sip, "mode"), "asterisk") == 0,
    };
    bool safe = is_header_safe(out->sip_uri) && is_header_safe(out->sip_username) && is_header_safe(out->sip_realm) &&
                is_header_safe(out->sip_password);
    bool reachable = (out->sip_udp == NULL || is_address(out->sip_udp)) &&
                     (out->sip_tcp == NULL || is_address(out->sip_tcp)) &&
                     (out->sip_tls == NULL || is_address(out->sip_tls)) &&
                     (out->sip_udp != NULL || out->sip_tcp != NULL || out->sip_tls != NULL);
    return safe && reachable && is_own_name(out->name) && out->exten != 0 && strncmp(out->sip_uri, "sip:", 4) == 0 &&
           strchr(out->sip_uri, '@') != NULL;
}

/* In place, never longer: letters, marks, digits, '.', '_', '-', as the server's rule for names has it. A partner whom
 * a hostile server calls "The four words" would else write what looks like the program's own line. */
static void make_name(char *name) {
    const mt_slice s = mt_slice_of(name);
    size_t to = 0;
    unsigned points = 0;
    for (size_t at = 0; at < s.len && points < NAME_POINTS_MAX; points++) {
        size_t from = at;
        uint32_t cp;
        if (mt_text_next(s, &at, &cp) != MT_OK)
            break;
        if (cp < 0x80 ? is_name_ascii(cp) : g_unichar_isalnum(cp) || g_unichar_ismark(cp)) {
            memmove(name + to, name + from, at - from);
            to += at - from;
        } else {
            name[to++] = '_';
        }
    }
    name[to] = '\0';
}

static bool clean_name(const char *name, char out[MT_TURN_NAME_BYTES]) {
    if (!is_name(name))
        return false;
    mt_buf b;
    mt_buf_init(&b, MT_TURN_NAME_BYTES - 1);
    mt_text_clean(&b, mt_slice_of(name), false);
    bool ok = mt_buf_err(&b) == MT_OK && b.len > 0;
    if (ok)
        memcpy(out, b.p, b.len + 1);
    mt_buf_deinit(&b);
    if (ok)
        make_name(out);
    return ok;
}

static bool parse_pair_id(const char *text, uint8_t out[MT_TURN_PAIR_BYTES]) {
    return text != NULL && mt_text_hex_decode(mt_slice_of(text), out, MT_TURN_PAIR_BYTES) == MT_OK;
}

/* Where the server does not say there is only one. */
static bool parse_policy(const char *link, mt_link_policy *out) {
    static const mt_link_policy all[] = {MT_POLICY_GCM, MT_POLICY_CBC, MT_POLICY_RTP};
    for (size_t i = 0; link != NULL && i < G_N_ELEMENTS(all); i++) {
        if (strcmp(link, mt_link_policy_str(all[i])) == 0) {
            *out = all[i];
            return true;
        }
    }
    *out = MT_POLICY_GCM;
    return link == NULL;
}

void mt_api_write_policies(unsigned policies, char out[32]) {
    static const struct {
        unsigned bit;
        const char *name;
    } known[] = {{MYTURN_GCM, "\"gcm\""}, {MYTURN_CBC, "\"cbc\""}, {MYTURN_RTP, "\"rtp\""}};
    out[0] = '\0';
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
        if ((policies & known[i].bit) == 0)
            continue;
        (void)g_strlcat(out, out[0] != '\0' ? "," : "", 32);
        (void)g_strlcat(out, known[i].name, 32);
    }
}

static bool parse_draw(JsonObject *o, mt_turn_draw *d) {
    const char *role = get_string(o, "role");
    JsonObject *partner = get_object(o, "partner");
    memset(d, 0, sizeof *d);
    if (role == NULL || partner == NULL || !parse_pair_id(get_string(o, "pair"), d->pair))
        return false;
    d->caller = strcmp(role, "caller") == 0;
    if (!d->caller && strcmp(role, "callee") != 0)
        return false;
    d->exten = get_exten(partner);
    d->connect_s = get_uint(o, "connect_s", 120);
    d->relay_only = get_bool(o, "relay_only");
    mt_api_parse_ice(o, &d->servers);
    if (!parse_policy(get_string(o, "link"), &d->policy))
        return false;
    if (d->caller && d->exten == 0)
        return false; /* nothing to dial */
    return clean_name(get_string(partner, "name"), d->name);
}

static void copy_clean(char *out, size_t cap, const char *text) {
    mt_buf b;
    mt_buf_init(&b, cap - 1);
    mt_text_clean(&b, mt_slice_of(text), false);
    if (mt_buf_err(&b) == MT_OK && b.len > 0)
        memcpy(out, b.p, b.len + 1);
    mt_buf_deinit(&b);
}

void mt_api_parse_info(JsonObject *o, char contact[256], bool *relay_only) {
    const char *text = o != NULL ? get_string(o, "contact") : NULL;
    contact[0] = '\0';
    if (text != NULL)
        copy_clean(contact, 256, text);
    *relay_only = o != NULL && get_bool(o, "relay_only");
}

bool mt_api_parse_stats(JsonObject *o, unsigned *ready, unsigned *online) {
    if (!json_object_has_member(o, "waiting") || !json_object_has_member(o, "online"))
        return false;
    *ready = get_uint(o, "waiting", UINT32_MAX / 2);
    *online = get_uint(o, "online", UINT32_MAX / 2);
    return true;
}

bool mt_api_parse_turn(JsonObject *o, bool *waiting, mt_turn_draw *draw, unsigned *ready, unsigned *online) {
    const char *state = get_string(o, "state");
    if (state == NULL)
        return false;
    *waiting = strcmp(state, "waiting") == 0;
    if (!*waiting)
        return strcmp(state, "paired") == 0 && parse_draw(o, draw);
    *ready = get_uint(o, "ready", UINT32_MAX / 2);
    *online = get_uint(o, "online", UINT32_MAX / 2);
    return true;
}

enum { SETTINGS_MAX = 16, SETTING_BYTES_MAX = 300 };

char *mt_api_parse_settings(JsonObject *o) {
    JsonNode *n = json_object_get_member(o, "settings");
    JsonArray *lines = n != NULL && JSON_NODE_HOLDS_ARRAY(n) ? json_node_get_array(n) : NULL;
    if (lines == NULL || json_array_get_length(lines) > SETTINGS_MAX)
        return NULL;
    GString *out = g_string_new(NULL);
    for (guint i = 0; i < json_array_get_length(lines); i++) {
        JsonNode *line = json_array_get_element(lines, i);
        if (!JSON_NODE_HOLDS_VALUE(line) || json_node_get_value_type(line) != G_TYPE_STRING)
            continue;
        mt_buf b;
        mt_buf_init(&b, SETTING_BYTES_MAX);
        mt_text_clean(&b, mt_slice_of(json_node_get_string(line)), false);
        if (mt_buf_err(&b) == MT_OK && b.len > 0)
            g_string_append_printf(out, "%s%s", out->len > 0 ? "\n" : "", b.p);
        mt_buf_deinit(&b);
    }
    return g_string_free(out, FALSE);
}

bool mt_api_parse_me(JsonObject *o, mt_turn_me *out) {
    JsonNode *pair = json_object_get_member(o, "pair");
    if (get_string(o, "name") == NULL || pair == NULL)
        return false;
    *out = (mt_turn_me){.registered = get_bool(o, "registered"), .talking = get_bool(o, "talking")};
    out->paired = !JSON_NODE_HOLDS_NULL(pair);
    return !out->paired || parse_pair_id(get_string(o, "pair"), out->pair);
}

bool mt_api_parse_link(JsonObject *o, const char **text) {
    JsonNode *n = json_object_get_member(o, "link");
    if (n == NULL)
        return false;
    *text = get_string(o, "link");
    return *text != NULL || JSON_NODE_HOLDS_NULL(n);
}

mt_fault mt_api_parse_fault(unsigned status, JsonObject *o, const char *retry_after) {
    mt_fault f = {.kind = MT_FAULT_REFUSED, .status = status};
    const char *code = get_string(o, "code"), *title = get_string(o, "detail");
    if (title == NULL)
        title = get_string(o, "title");
    if (code != NULL)
        copy_clean(f.code, sizeof f.code, code);
    if (title != NULL)
        copy_clean(f.text, sizeof f.text, title);
    if (f.text[0] == '\0')
        (void)snprintf(f.text, sizeof f.text, "HTTP %u", status);
    uint64_t wait_s = 0;
    if (retry_after != NULL)
        (void)!mt_slice_to_u64(mt_slice_of(retry_after), RETRY_AFTER_MAX_S, &wait_s);
    f.retry_after_s = wait_s > 0 ? (unsigned)wait_s : 1;
    f.has_pair = strcmp(f.code, "paired") == 0 && parse_pair_id(get_string(o, "pair"), f.pair);
    if (status == 401)
        f.kind = MT_FAULT_UNAUTHORIZED;
    else if (status == 429)
        f.kind = MT_FAULT_SLOW_DOWN;
    else if (status >= 500)
        f.kind = MT_FAULT_UNREACHABLE;
    else if (status < 400)
        f.kind = MT_FAULT_MALFORMED;
    return f;
}
