/* The quota of a ZFS dataset: refquota, of what is in the dataset itself, without its snapshots. zfsprops(7). */
#include "storage/limit_internal.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "storage/stores.h"

#include <inttypes.h>
#include <string.h>

int dataset_set(const char *dataset, uint64_t bytes, struct error *err)
{
	auto_free char *property = NULL;

	int r = bytes ? text_format(&property, "refquota=%" PRIu64, bytes) : text_replace(&property, "refquota=none");
	if (r < 0)
		return error_set(err, ENOMEM, "limit dataset %s", dataset);
	return store_run(err, "zfs", "set", property, dataset, NULL);
}

int dataset_get(const char *dataset, struct storage_usage *ret, struct error *err)
{
	auto_free char *values = NULL;
	int r = store_run_output(&values, err, "zfs", "get", "-Hp", "-o", "value", "referenced,refquota", dataset, NULL);

	if (r < 0)
		return r;
	char *second = strchr(values, '\n');
	if (second)
		*second++ = '\0';
	if (!second || text_to_u64(values, &ret->bytes) < 0 || text_to_u64(second, &ret->bytes_limit) < 0)
		return error_set_kind(err, ERROR_KERNEL, EBADMSG, "zfs tells no use of dataset %s", dataset);
	return 0;
}
