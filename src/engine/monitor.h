#pragma once
#include "engine/engine.h"

/* Sends an event to everybody who watches containers of this dialect. Costs one failing open when nobody does. */
/* run_path: run directory of the container where the caller knows it, else NULL. */
void monitor_publish(const char *run_path, const struct container_id *id, uint32_t type, int32_t value);
