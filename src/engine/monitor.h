#pragma once
#include "engine/engine.h"

/* Sends an event to everybody who watches containers of this dialect. Costs one failing open when nobody does. */
void monitor_publish(const struct container_id *id, uint32_t type, int32_t value);
