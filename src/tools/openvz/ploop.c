#include "tools/openvz/ploop.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#define SECTOR	    512U
#define HEADER_SIZE 64U
#define MAX_CLUSTER (64U << 20)

struct ploop {
	int fd;
	uint64_t file_size, size; /* bytes; size: of the disk */
	uint32_t cluster;	  /* bytes */
	uint32_t count;		  /* of entries in the table */
	uint32_t unit;		  /* bytes that an entry counts in */
	uint32_t *table;
};

static uint32_t number(const unsigned char *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static int read_at(int fd, void *data, size_t length, uint64_t offset)
{
	ssize_t got = pread(fd, data, length, (off_t)offset);
	return got < 0 ? -errno : (size_t)got < length ? -ENODATA : 0;
}

bool ploop_is_image(const char *path)
{
	char magic[16];
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read_at(fd, magic, sizeof(magic), 0) == 0 &&
	       (memcmp(magic, "WithoutFreeSpace", 16) == 0 || memcmp(magic, "WithouFreSpacExt", 16) == 0);
}

static int open_table(struct ploop *ploop)
{
	unsigned char header[HEADER_SIZE];
	struct stat info;
	int r = read_at(ploop->fd, header, sizeof(header), 0);
	if (r < 0 || fstat(ploop->fd, &info) < 0)
		return r ?: -errno;
	uint64_t sectors = number(header + 28);
	ploop->count = number(header + 32);
	ploop->size = (number(header + 36) | (uint64_t)number(header + 40) << 32) * SECTOR;
	ploop->file_size = (uint64_t)info.st_size;
	if (memcmp(header, "WithoutFreeSpace", 16) == 0)
		ploop->size = (uint64_t)number(header + 36) * SECTOR;
	if (sectors == 0 || sectors * SECTOR > MAX_CLUSTER || ploop->size == 0 || ploop->size >> 50 ||
		(uint64_t)ploop->count * 4 + HEADER_SIZE > ploop->file_size)
		return -EBADMSG;
	ploop->cluster = (uint32_t)sectors * SECTOR;
	ploop->unit = memcmp(header, "WithoutFreeSpace", 16) == 0 ? SECTOR : ploop->cluster;
	ploop->table = malloc((size_t)ploop->count * 4 + 4);
	return ploop->table ? read_at(ploop->fd, ploop->table, (size_t)ploop->count * 4, HEADER_SIZE) : -ENOMEM;
}

/* Where cluster number index lies in the file; 0: nowhere, it is empty. */
static uint64_t place_of(const struct ploop *ploop, uint64_t index)
{
	return index < ploop->count ? (uint64_t)number((const unsigned char *)&ploop->table[index]) * ploop->unit : 0;
}

/* length bytes of the disk, not over the end of a cluster. */
static int read_disk(const struct ploop *ploop, uint64_t offset, void *data, size_t length)
{
	uint64_t place = place_of(ploop, offset / ploop->cluster);
	memset(data, 0, length);
	return place == 0 ? 0 : read_at(ploop->fd, data, length, place + offset % ploop->cluster);
}

/* The bytes from start on that are the file system: the first partition of a GPT, or all. */
static int find_file_system(const struct ploop *ploop, uint64_t *ret_start, uint64_t *ret_size)
{
	unsigned char gpt[SECTOR], entry[SECTOR];
	*ret_start = 0;
	*ret_size = ploop->size;
	int r = read_disk(ploop, SECTOR, gpt, sizeof(gpt));
	if (r < 0 || memcmp(gpt, "EFI PART", 8) != 0)
		return r;
	uint64_t entries = (number(gpt + 72) | (uint64_t)number(gpt + 76) << 32) * SECTOR;
	r = read_disk(ploop, entries, entry, sizeof(entry));
	uint64_t first = number(entry + 32) | (uint64_t)number(entry + 36) << 32;
	uint64_t last = number(entry + 40) | (uint64_t)number(entry + 44) << 32;
	if (r < 0 || first == 0 || last < first || last >= ploop->size / SECTOR)
		return r < 0 ? r : -EBADMSG;
	*ret_start = first * SECTOR;
	*ret_size = (last - first + 1) * SECTOR;
	return 0;
}

static int copy_clusters(const struct ploop *ploop, int target_fd, uint64_t start, uint64_t size)
{
	auto_free char *data = malloc(ploop->cluster);
	if (!data)
		return -ENOMEM;
	if (ftruncate(target_fd, (off_t)size) < 0)
		return -errno;
	for (uint64_t at = start; at < start + size;) {
		uint64_t length = ploop->cluster - at % ploop->cluster;
		if (length > start + size - at)
			length = start + size - at;
		if (place_of(ploop, at / ploop->cluster)) {
			int r = read_disk(ploop, at, data, (size_t)length);
			if (r < 0)
				return r;
			if (lseek(target_fd, (off_t)(at - start), SEEK_SET) < 0 || (r = write_full(target_fd, data, (size_t)length)) < 0)
				return r ?: -errno;
		}
		at += length;
	}
	return fsync(target_fd) < 0 ? -errno : 0;
}

int ploop_expand(const char *path, const char *target, struct error *err)
{
	struct ploop ploop = { .fd = open(path, O_RDONLY | O_CLOEXEC) };
	uint64_t start, size;
	if (ploop.fd < 0)
		return error_set(err, errno, "open %s", path);
	int r = open_table(&ploop);
	r = r ?: find_file_system(&ploop, &start, &size);
	auto_close int target_fd = r < 0 ? -1 : open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (r == 0 && target_fd < 0)
		r = -errno;
	r = r ?: copy_clusters(&ploop, target_fd, start, size);
	if (r < 0) {
		r = error_set(err, r, "read the ploop image %s", path);
		if (target_fd >= 0)
			(void)unlink(target);
	}
	free(ploop.table);
	close(ploop.fd);
	return r;
}
