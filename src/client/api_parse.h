/* What the server's answers say. Pure: bytes in, values out; everything is checked, for a broken or hostile server must
 * not harm the client. */
#ifndef MT_CLIENT_API_PARSE_H
#define MT_CLIENT_API_PARSE_H

#include <json-glib/json-glib.h>

#include "base/slice.h"
#include "client/api.h"

#define MT_API_BODY_MAX 32768

/* The answer's object; NULL: not JSON, not an object, or nested too deep. g_object_unref the parser to free it. */
JsonObject *mt_api_parse_object(JsonParser *parser, mt_slice body);

/* Borrow from the object. false: a member is missing or wrong. */
bool mt_api_parse_login(JsonObject *o, mt_api_login_info *out, const char **token);
void mt_api_parse_info(JsonObject *o, char contact[256], bool *relay_only); /* o may be NULL; contact "": none */
bool mt_api_parse_stats(JsonObject *o, unsigned *ready, unsigned *online);
/* *waiting tells which of the two the answer is. */
bool mt_api_parse_turn(JsonObject *o, bool *waiting, mt_turn_draw *draw, unsigned *ready, unsigned *online);
/* The other way: MYTURN_GCM | … as the members of a JSON list. */
void mt_api_write_policies(unsigned policies, char out[32]);
/* The draw's servers; malformed ones are passed over. */
void mt_api_parse_ice(JsonObject *o, mt_ice_servers *out);
/* The lines of a phone's login, joined and cleaned for display; NULL: there are none. g_free. */
char *mt_api_parse_settings(JsonObject *o);
bool mt_api_parse_me(JsonObject *o, mt_turn_me *out);
/* o may be NULL. retry_after: the header, or NULL. */
/* *text is NULL where there is nothing yet. */
bool mt_api_parse_link(JsonObject *o, const char **text);
mt_fault mt_api_parse_fault(unsigned status, JsonObject *o, const char *retry_after);

#endif
