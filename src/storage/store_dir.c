/* A plain directory. What makes, copies and removes it works as the container's ids: liblxc/owned.h. */
#include "storage/stores.h"

const struct store store_dir = { .name = "dir", .is_directory = true };
