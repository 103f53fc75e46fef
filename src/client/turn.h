/* The conversation as a machine without I/O: logged out, logging in, idle, waiting, connecting, talking, reconnecting, ending.
 *
 * It is handed what happened (user's wishes, API answers, SIP and link events, time) and appends actions for the shell (send this API request, dial, answer,
 * hang up, create or destroy the link, report to the application). It knows when it wants to be woken. The module that owns it defines the exact events and actions
 * in this header; what it guarantees: every path out of a talk ends SIP, link and voice together; no action belongs to a pair that is over; losing the server never ends
 * a running talk. */
