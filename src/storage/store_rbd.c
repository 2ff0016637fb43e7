/* An image of a Ceph cluster as a block device. Source: /dev/rbd/POOL/IMAGE. rbd(8). */
#include "base/text.h"
#include "storage/stores.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define DEVICES "/dev/rbd/"

static bool detect(const char *source)
{
	return store_is_device_below(source, DEVICES) || store_is_device_below(source, "/dev/rbd");
}

/* "POOL/IMAGE" of a source; NULL: it is another device. */
static const char *image_of(const char *source)
{
	return text_starts(source, DEVICES) ? source + sizeof(DEVICES) - 1 : NULL;
}

static bool exists(const char *source)
{
	return image_of(source) && store_run(NULL, "rbd", "info", image_of(source), NULL) == 0;
}

static int name(const struct store_request *request, char **ret)
{
	if (request->beside)
		return store_name_beside(request, ret);
	return text_format(ret, DEVICES "%s/%s", request->rbd_pool ?: "lxc", request->rbd_name ?: request->name);
}

static int destroy(const char *source, struct error *err)
{
	const char *image = image_of(source);
	if (!image)
		return error_set_kind(err, ERROR_CONFIG, EINVAL, "%s is not " DEVICES "POOL/IMAGE", source);
	int r = access(source, F_OK) == 0 ? store_run(err, "rbd", "unmap", source, NULL) : 0;
	return r ?: store_run(err, "rbd", "rm", image, NULL);
}

static int create(const char *source, const struct store_request *request, struct error *err)
{
	const char *image = image_of(source), *user = request->rbd_user ?: "admin";
	char size[32];
	(void)snprintf(size, sizeof(size), "%lluB", (unsigned long long)(request->size ?: STORE_SIZE_DEFAULT));
	int r = store_run(err, "rbd", "create", "--id", user, "--size", size, image, NULL);
	if (r < 0)
		return r;
	r = store_run(err, "rbd", "map", "--id", user, image, NULL);
	r = r ?: store_make_file_system(request, source, err);
	if (r < 0)
		(void)destroy(source, NULL);
	return r;
}

static int open_image(const char *source, const char *options, struct error *err)
{
	if (access(source, F_OK) < 0 && image_of(source)) { /* nobody has mapped it since the machine's start */
		int r = store_run(err, "rbd", "map", image_of(source), NULL);
		if (r < 0)
			return r;
	}
	return store_open_device(source, options, false, err);
}

const struct store store_rbd = {
	.name = "rbd",
	.detect = detect,
	.name_source = name,
	.exists = exists,
	.create = create,
	.destroy = destroy,
	.mount = open_image,
};
