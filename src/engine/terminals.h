#pragma once
#include "engine/console.h"

/*
 * The devpts instance of a container with the masters of its ttys and, when wants_pty, its console's pty. For an
 * ordinary user they are made in a child that is root of the container's user namespace. 0 or -errno with *err filled.
 */
int terminals_open(struct console *console, const struct spec *spec, bool wants_pty, struct error *err);
