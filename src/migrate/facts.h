#pragma once
#include "migrate/migrate.h"

#define MIGRATE_PROTOCOL 1
/* What lies in the container's directory while it moves. */
#define MIGRATE_MEMORY "migration.memory"

/* What this host is: protocol, version, kernel, machine, cpu, controllers, and with criu its version and abilities. */
int facts_of_host(struct pairs *facts, bool with_criu, const char *criu);
/* What the container here needs: bytes and entries of its root, memory in use. root_fd: -1, not moved. */
int facts_of_container(struct pairs *facts, const struct migrate_request *request, const struct container_id *id, int root_fd);

/*
 * Target: what source (its hello) wants and this host, a place in which the container's directory would be, has not:
 * lines "missing" and "note" of answer.
 */
int facts_compare(const struct pairs *source, const struct pairs *here, const struct migrate_place *place, struct pairs *answer);
