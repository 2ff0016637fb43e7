/* Owner, mode, attributes, ACLs and times of an unpacked file. */
#include "archive/metadata.h"

#include "base/cleanup.h"

#include <archive.h>
#include <archive_entry.h>
#include <endian.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define ACL_MAX 1000

/* As the kernel takes it: linux/posix_acl_xattr.h. */
struct acl_item {
	uint16_t tag, permissions;
	uint32_t id;
};

struct acl {
	uint32_t version;
	struct acl_item items[ACL_MAX];
};

static int compare_items(const void *a, const void *b)
{
	const struct acl_item *first = a, *second = b;
	return le16toh(first->tag) - le16toh(second->tag);
}

static uint16_t acl_tag(int tag)
{
	switch (tag) {
	case ARCHIVE_ENTRY_ACL_USER_OBJ:
		return 0x01;
	case ARCHIVE_ENTRY_ACL_USER:
		return 0x02;
	case ARCHIVE_ENTRY_ACL_GROUP_OBJ:
		return 0x04;
	case ARCHIVE_ENTRY_ACL_GROUP:
		return 0x08;
	case ARCHIVE_ENTRY_ACL_MASK:
		return 0x10;
	case ARCHIVE_ENTRY_ACL_OTHER:
		return 0x20;
	default:
		return 0;
	}
}

/* Number of items; -EINVAL: one that names nobody by number (names are those of another host). */
static int collect_acl(struct archive_entry *entry, int type, struct acl *acl)
{
	int count = 0, found_type, permissions, tag, id;
	const char *name;

	acl->version = htole32(2);
	if (archive_entry_acl_reset(entry, type) == 0)
		return 0;
	while (archive_entry_acl_next(entry, type, &found_type, &permissions, &tag, &id, &name) == 0) {
		bool has_id = tag == ARCHIVE_ENTRY_ACL_USER || tag == ARCHIVE_ENTRY_ACL_GROUP;
		if (count == ACL_MAX || acl_tag(tag) == 0 || (has_id && id < 0))
			return -EINVAL;
		acl->items[count++] = (struct acl_item){ .tag = htole16(acl_tag(tag)),
			.permissions = htole16((uint16_t)(permissions & 07)), .id = htole32(has_id ? (uint32_t)id : UINT32_MAX) };
	}
	qsort(acl->items, (size_t)count, sizeof(acl->items[0]), compare_items);
	return count;
}

/* May it be left out? The kernel's own labels, and what this caller or file system can not have. */
static bool is_harmless(int error)
{
	return error == EOPNOTSUPP || error == EPERM || error == EACCES || error == EINVAL;
}

static int apply_acl(const char *path, struct archive_entry *entry, int type, const char *attribute, bool *ret_skipped)
{
	struct acl acl;
	int count = collect_acl(entry, type, &acl);
	size_t size = sizeof(acl.version) + (size_t)(count > 0 ? count : 0) * sizeof(acl.items[0]);

	if (count == 0 || (count > 0 && lsetxattr(path, attribute, &acl, size, 0) == 0))
		return 0;
	if (count > 0 && !is_harmless(errno))
		return -errno;
	*ret_skipped = true;
	return 0;
}

static int apply_attributes(const char *path, struct archive_entry *entry, bool *ret_skipped)
{
	const char *name;
	const void *value;
	size_t size;

	archive_entry_xattr_reset(entry);
	while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
		if (lsetxattr(path, name, value, size, 0) == 0)
			continue;
		if (!is_harmless(errno))
			return -errno;
		*ret_skipped = true;
	}
	if (archive_entry_filetype(entry) == AE_IFLNK)
		return 0;
	int r = apply_acl(path, entry, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, "system.posix_acl_access", ret_skipped);
	if (r == 0 && archive_entry_filetype(entry) == AE_IFDIR)
		r = apply_acl(path, entry, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, "system.posix_acl_default", ret_skipped);
	return r;
}

static int apply_owner(int dir_fd, const char *name, struct archive_entry *entry)
{
	int64_t uid = archive_entry_uid(entry), gid = archive_entry_gid(entry);

	if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
		return -EOVERFLOW;
	if (fchownat(dir_fd, name, (uid_t)uid, (gid_t)gid, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return errno == EINVAL ? -EOVERFLOW : -errno; /* not in the user namespace's map */
}

/* As stat(2) has it: where there is an ACL, the bits of the group are its mask. libarchive has the owning group's there. */
static mode_t mode_of(struct archive_entry *entry)
{
	int type = ARCHIVE_ENTRY_ACL_TYPE_ACCESS, found_type, permissions, tag, id;
	mode_t mode = archive_entry_perm(entry);
	const char *name;

	if (archive_entry_acl_reset(entry, type) == 0)
		return mode;
	while (archive_entry_acl_next(entry, type, &found_type, &permissions, &tag, &id, &name) == 0)
		if (tag == ARCHIVE_ENTRY_ACL_MASK)
			mode = (mode & ~(mode_t)070) | (mode_t)(permissions & 07) << 3;
	return mode;
}

int metadata_apply(int dir_fd, const char *name, struct archive_entry *entry, bool keeps_owner, bool *ret_skipped)
{
	char path[PATH_MAX];
	mode_t mode = mode_of(entry) & (keeps_owner ? 07777 : 01777);
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_OMIT } };

	int r = keeps_owner ? apply_owner(dir_fd, name, entry) : 0;
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir_fd, name);
	r = apply_attributes(path, entry, ret_skipped);
	if (r < 0)
		return r;
	if (archive_entry_atime_is_set(entry))
		times[0] = (struct timespec){ archive_entry_atime(entry), archive_entry_atime_nsec(entry) };
	if (archive_entry_mtime_is_set(entry))
		times[1] = (struct timespec){ archive_entry_mtime(entry), archive_entry_mtime_nsec(entry) };
	if (utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	/*
	 * Last, as a directory may be closed to its owner, and chown(2) takes set-id bits away. No link: this program has
	 * just made it.
	 */
	return archive_entry_filetype(entry) != AE_IFLNK && fchmodat(dir_fd, name, mode, 0) < 0 ? -errno : 0;
}

uint64_t metadata_size(struct archive_entry *entry)
{
	const char *name;
	const void *value;
	size_t size;
	uint64_t sum = 0;

	archive_entry_xattr_reset(entry);
	while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK)
		sum += size + strlen(name);
	return sum;
}
