/* Until the engine has checkpoints: what needs them is refused. */
#include "engine/checkpoint.h"

#include <errno.h>

static int refuse(struct error *err)
{
	return error_set_kind(err, ERROR_UNSUPPORTED, EOPNOTSUPP, "checkpoints");
}

int checkpoint_probe(const char *criu, struct checkpoint_features *ret_features, struct error *err)
{
	(void)criu, (void)ret_features;
	return refuse(err);
}

int checkpoint_predump(const struct container_id *id, const struct checkpoint_dump *dump, struct checkpoint_times *ret_times,
	struct error *err)
{
	(void)id, (void)dump, (void)ret_times;
	return refuse(err);
}

int checkpoint_dump(const struct container_id *id, const struct checkpoint_dump *dump, struct checkpoint_times *ret_times,
	struct error *err)
{
	(void)id, (void)dump, (void)ret_times;
	return refuse(err);
}

int checkpoint_restore(const struct spec *spec, const struct start_options *options, const struct checkpoint_restore *restore,
	struct start_result *ret_result, struct error *err)
{
	(void)spec, (void)options, (void)restore, (void)ret_result;
	return refuse(err);
}
