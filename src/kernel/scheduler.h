#pragma once

/* Gives the caller a core scheduling cookie of its own (5.14). 0 or -errno; -ENODEV: no such hardware. */
int scheduler_new_core_cookie(void);
