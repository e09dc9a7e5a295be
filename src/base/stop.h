/* stop.h - cooperative cancellation (SIGINT, SIGTERM, SIGHUP): long work looks at it between units, saves, and returns
 * VS_E_STOPPED. */
#ifndef VS_BASE_STOP_H
#define VS_BASE_STOP_H

#include <stdbool.h>

bool vs_stop_wanted(void);
void vs_stop_request(void); /* async-signal-safe */
void vs_stop_clear(void);
#endif
