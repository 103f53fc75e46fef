/* The servers that help to find a path, as a draw's answer names them: a list of RTCIceServer objects (W3C WebRTC,
 * 4.2.4). What is malformed or not served is passed over: where no relay is left and one is needed, the link says so.
 */
#include "client/api_parse.h"

enum { URLS_MAX = 8 }; /* of one object */

static const char *text_of(JsonNode *n) {
    bool text = n != NULL && JSON_NODE_HOLDS_VALUE(n) && json_node_get_value_type(n) == G_TYPE_STRING;
    return text ? json_node_get_string(n) : NULL;
}

static void add_url(JsonObject *o, const char *url, mt_ice_servers *out) {
    mt_ice_server s;
    if (url == NULL || mt_ice_server_parse(mt_slice_of(url), &s) != MT_OK)
        return;
    const char *user = text_of(json_object_get_member(o, "username"));
    const char *password = text_of(json_object_get_member(o, "credential"));
    if (s.kind != MT_ICE_STUN && (user == NULL || password == NULL ||
                                  mt_ice_server_credentials(&s, mt_slice_of(user), mt_slice_of(password)) != MT_OK))
        return;
    (void)!mt_ice_servers_add(out, &s); /* those beyond the limit are not needed */
}

static void add_server(JsonObject *o, mt_ice_servers *out) {
    JsonNode *urls = json_object_get_member(o, "urls");
    if (urls == NULL || !JSON_NODE_HOLDS_ARRAY(urls)) {
        add_url(o, text_of(urls), out);
        return;
    }
    JsonArray *list = json_node_get_array(urls);
    for (guint i = 0; i < json_array_get_length(list) && i < URLS_MAX; i++)
        add_url(o, text_of(json_array_get_element(list, i)), out);
}

void mt_api_parse_ice(JsonObject *o, mt_ice_servers *out) {
    out->count = 0;
    JsonNode *n = json_object_get_member(o, "ice_servers");
    JsonArray *list = n != NULL && JSON_NODE_HOLDS_ARRAY(n) ? json_node_get_array(n) : NULL;
    for (guint i = 0; list != NULL && i < json_array_get_length(list) && i < MT_ICE_SERVERS_MAX; i++) {
        JsonNode *server = json_array_get_element(list, i);
        if (JSON_NODE_HOLDS_OBJECT(server))
            add_server(json_node_get_object(server), out);
    }
}
