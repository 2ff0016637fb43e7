#pragma once
#include "engine/start.h"

/* The supervisor's part in the filters of the container's interfaces. */

/* Makes those again that somebody has deleted. */
void addresses_restore_filters(struct start *start);
/* The same when network_open_filter_events' fd can be read. */
void addresses_serve(struct start *start, int events_fd);
