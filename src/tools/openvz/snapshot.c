/*
 * Snapshots of containers in an image: beside it, snapshots/{UUID}.hds (a copy that shares its blocks where the file system
 * can), {UUID}.conf (the configuration) and {UUID}.info (name, date, parent). Files alone: what runs is not kept.
 */
#include "tools/openvz/snapshot.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "storage/storage.h"
#include "storage/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

static int take_arguments(const struct vz *vz, int fault, struct snapshot_arguments *ret)
{
	static const char *const ignored[] = { "--skip-suspend", "--skip-resume", NULL };
	*ret = (struct snapshot_arguments){ 0 };
	for (int i = 0; i < vz->argc; i++) {
		const char *word = vz->argv[i], *value = i + 1 < vz->argc ? vz->argv[i + 1] : NULL;
		const char **slot = strcmp(word, "--id") == 0 || strcmp(word, "--uuid") == 0 ? &ret->id :
				    strcmp(word, "--name") == 0				    ? &ret->name :
				    strcmp(word, "--description") == 0			    ? &ret->description :
				    strcmp(word, "--target") == 0			    ? &ret->target : NULL;
		if (slot && value) {
			*slot = value;
			i++;
		} else if (strcmp(word, "--skip-config") == 0) {
			ret->skips_config = true;
		} else if (strcmp(word, ignored[0]) != 0 && strcmp(word, ignored[1]) != 0) {
			return vz_fail(vz, strcmp(word, "--must-resume") == 0 ? fault : VZ_SYNTAX,
				strcmp(word, "--must-resume") == 0 ? "The snapshot has no running processes to resume (%s)" :
								     "Invalid extra arguments: %s", word);
		}
	}
	return VZ_OK;
}

/* "{UUID}", lower case, from what may lack the braces; false: no UUID. */
static bool normal_id(const char *text, char ret[UUID_SIZE])
{
	size_t length = strlen(text), from = *text == '{';
	if (length != 36 + 2 * from || (from && text[37] != '}') || strspn(text + from, "0123456789abcdefABCDEF-") != 36)
		return false;
	(void)snprintf(ret, UUID_SIZE, "{%.36s}", text + from);
	return true;
}

static int new_id(char ret[UUID_SIZE])
{
	unsigned char b[16];
	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		return -EIO;
	(void)snprintf(ret, UUID_SIZE, "{%02x%02x%02x%02x-%02x%02x-4%01x%02x-8%01x%02x-%02x%02x%02x%02x%02x%02x}", b[0], b[1], b[2], b[3], b[4],
		b[5], b[6] & 15, b[7], b[8] & 15, b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
	return 0;
}

/* The arguments, the image, and (needs_id) the snapshot that is named. */
static int begin(struct vz *vz, int fault, bool needs_id, struct snapshot_job *job)
{
	int status = take_arguments(vz, fault, &job->arguments);
	struct stat info;
	if (status != VZ_OK)
		return status;
	if (!vz_ct_is_ploop(&vz->ct, &job->image))
		return vz_fail(vz, fault, "Snapshots are for ploop-based containers only (see vzctl convert)");
	const char *slash = strrchr(job->image, '/');
	if (text_format(&job->directory, "%.*s/snapshots", (int)(slash - job->image), job->image) < 0)
		return VZ_SYSTEM;
	if (job->arguments.id && !normal_id(job->arguments.id, job->id))
		return vz_fail(vz, VZ_BAD_VALUE, "Bad parameter for --id: %s", job->arguments.id);
	if (needs_id && !job->arguments.id)
		return vz_fail(vz, VZ_SYNTAX, "Snapshot id is not given (--id)");
	if (!*job->id && new_id(job->id) < 0)
		return VZ_SYSTEM;
	int r = text_format(&job->copy, "%s/%s.hds", job->directory, job->id);
	r = r ?: text_format(&job->conf, "%s/%s.conf", job->directory, job->id);
	r = r ?: text_format(&job->info, "%s/%s.info", job->directory, job->id);
	r = r ?: text_format(&job->current, "%s/current", job->directory);
	if (r < 0)
		return VZ_SYSTEM;
	return needs_id && stat(job->copy, &info) < 0 ? vz_fail(vz, fault, "Snapshot %s is not found", job->id) : VZ_OK;
}

static void end(struct snapshot_job *job)
{
	char *all[] = { job->image, job->directory, job->copy, job->conf, job->info, job->current };
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		free(all[i]);
}

static void read_current(const struct snapshot_job *job, char ret[UUID_SIZE])
{
	auto_free char *text = NULL;
	size_t length;
	*ret = '\0';
	if (file_read(-1, job->current, 128, &text, &length) == 0)
		(void)snprintf(ret, UUID_SIZE, "%.*s", (int)strcspn(text, "\n"), text);
}

/* ---- making one ---- */

static int write_info(const struct snapshot_job *job, struct error *err)
{
	struct vz_conf info = { 0 };
	char date[32] = "", parent[UUID_SIZE];
	struct tm fields;
	time_t now = time(NULL);
	if (localtime_r(&now, &fields))
		(void)strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &fields);
	read_current(job, parent);
	int r = vz_conf_set(&info, "DATE", date);
	r = r ?: vz_conf_set(&info, "PARENT", parent);
	r = r ?: vz_conf_set(&info, "NAME", job->arguments.name ?: "");
	r = r ?: vz_conf_set(&info, "DESCRIPTION", job->arguments.description ?: "");
	r = r < 0 ? error_set(err, r, "write %s", job->info) : vz_conf_write(&info, job->info, err);
	vz_conf_clear(&info);
	return r;
}

static int set_current(const struct snapshot_job *job, const char *id, struct error *err)
{
	int r = file_write_atomic(-1, job->current, 0644, id, strlen(id));
	return r < 0 ? error_set(err, r, "write %s", job->current) : 0;
}

/* The copy is of one moment: nothing in the container runs meanwhile, and what it wrote is in the image. */
static int copy_image(struct vz *vz, const struct snapshot_job *job, struct error *err)
{
	struct container_id id = vz_id(vz);
	auto_free char *root = vz_ct_path(&vz->ct, "VE_ROOT");
	bool runs = vz_is_running(vz);
	int r = runs ? engine_freeze(&id, err) : 0;
	if (r < 0)
		return r;
	auto_close int root_fd = root && vz_is_mounted(vz) ? open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (root_fd >= 0 && syncfs(root_fd) < 0)
		r = error_set(err, errno, "write out %s", root);
	r = r ?: storage_copy_file(job->image, job->copy, err);
	if (runs)
		(void)engine_unfreeze(&id, NULL);
	return r;
}

int vz_command_snapshot(struct vz *vz)
{
	struct snapshot_job job = { 0 };
	struct error err = { 0 };
	struct stat info;
	int status = begin(vz, VZ_SNAPSHOT_CREATE, false, &job);
	if (status == VZ_OK && stat(job.copy, &info) == 0)
		status = vz_fail(vz, VZ_SNAPSHOT_CREATE, "Snapshot %s exists already", job.id);
	if (status == VZ_OK) {
		vz_say(vz, "Creating snapshot %s", job.id);
		int r = mkdir_parents(job.directory, 0700);
		r = r < 0 ? error_set(&err, r, "make %s", job.directory) : 0;
		r = r ?: write_info(&job, &err);
		r = r ?: vz_conf_write(&vz->ct.own, job.conf, &err);
		r = r ?: copy_image(vz, &job, &err);
		r = r ?: set_current(&job, job.id, &err);
		if (r < 0) {
			(void)unlink(job.copy);
			(void)unlink(job.conf);
			(void)unlink(job.info);
			status = vz_fail_error(vz, VZ_SNAPSHOT_CREATE, &err);
		}
	}
	if (status == VZ_OK)
		vz_say(vz, "Snapshot %s has been successfully created", job.id);
	end(&job);
	return status;
}

/* ---- going back ---- */

static int restore(struct vz *vz, const struct snapshot_job *job, struct error *err)
{
	auto_free char *new = NULL;
	struct vz_conf conf = { 0 };
	if (text_format(&new, "%s.new", job->image) < 0)
		return error_set(err, ENOMEM, "restore %s", job->id);
	(void)unlink(new); /* of a call that was killed: the lock is ours */
	int r = storage_copy_file(job->copy, new, err);
	if (r == 0 && !job->arguments.skips_config) {
		r = vz_conf_load(&conf, job->conf, err);
		r = r ?: vz_conf_write(&conf, vz->ct.conf_path, err);
		vz_conf_clear(&conf);
	}
	if (r == 0 && rename(new, job->image) < 0)
		r = error_set(err, errno, "replace %s", job->image);
	if (r < 0)
		(void)unlink(new);
	return r ?: set_current(job, job->id, err);
}

int vz_command_snapshot_switch(struct vz *vz)
{
	struct snapshot_job job = { 0 };
	struct error err = { 0 };
	int status = begin(vz, VZ_SNAPSHOT_SWITCH, true, &job);
	if (status == VZ_OK && vz_is_running(vz))
		status = vz_stop(vz, true, false);
	if (status == VZ_OK && vz_is_mounted(vz))
		status = vz_umount(vz);
	if (status == VZ_OK && restore(vz, &job, &err) < 0)
		status = vz_fail_error(vz, VZ_SNAPSHOT_SWITCH, &err);
	if (status == VZ_OK)
		vz_say(vz, "Container has been successfully switched to another snapshot");
	end(&job);
	return status;
}

/* ---- the list ---- */

/* Calls each for the id of every snapshot. */
static int for_all(const struct snapshot_job *job, int (*each)(const struct snapshot_job *job, const char *id, struct vz_conf *info, void *data),
	void *data)
{
	auto_closedir DIR *dir = opendir(job->directory);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		struct vz_conf info = { 0 };
		auto_free char *path = NULL;
		char id[UUID_SIZE];
		if (!text_ends(entry->d_name, ".info") || strlen(entry->d_name) != UUID_SIZE - 1 + 5)
			continue;
		(void)snprintf(id, sizeof(id), "%.38s", entry->d_name);
		int r = text_format(&path, "%s/%s", job->directory, entry->d_name);
		r = r ?: vz_conf_load(&info, path, NULL);
		r = r ?: each(job, id, &info, data);
		vz_conf_clear(&info);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What had the removed one as its parent gets the parent's. */
static int adopt(const struct snapshot_job *job, const char *id, struct vz_conf *info, void *data)
{
	auto_free char *path = NULL;
	if (!text_equal(vz_conf_get(info, "PARENT"), job->id) || text_format(&path, "%s/%s.info", job->directory, id) < 0)
		return 0;
	return vz_conf_set(info, "PARENT", data) ?: vz_conf_write(info, path, NULL);
}

int vz_command_snapshot_delete(struct vz *vz)
{
	struct snapshot_job job = { 0 };
	struct vz_conf info = { 0 };
	struct error err = { 0 };
	char current[UUID_SIZE];
	int status = begin(vz, VZ_SNAPSHOT_DELETE, true, &job);
	if (status == VZ_OK) {
		(void)vz_conf_load(&info, job.info, NULL); /* without it there is no parent */
		const char *parent = vz_conf_get(&info, "PARENT") ?: "";
		(void)for_all(&job, adopt, (void *)parent);
		read_current(&job, current);
		int r = strcmp(current, job.id) == 0 ? set_current(&job, parent, &err) : 0;
		if (r == 0 && unlink(job.copy) < 0)
			r = error_set(&err, errno, "remove %s", job.copy);
		(void)unlink(job.conf);
		(void)unlink(job.info);
		status = r < 0 ? vz_fail_error(vz, VZ_SNAPSHOT_DELETE, &err) : VZ_OK;
	}
	if (status == VZ_OK)
		vz_say(vz, "Snapshot %s has been successfully deleted", job.id);
	vz_conf_clear(&info);
	end(&job);
	return status;
}

static const struct {
	const char *name, *header;
	int width;
} columns[] = {
	{ "parent_uuid", "PARENT_UUID", 38 }, { "parent_id", "PARENT_UUID", 38 }, { "current", "C", 1 }, { "uuid", "UUID", 38 },
	{ "id", "UUID", 38 }, { "date", "DATE", 19 }, { "name", "NAME", 32 }, { "desc", "DESC", 32 }, { "device", "DEVICE", 16 }, { "size", "SIZE", 10 },
};
enum { COLUMNS = sizeof(columns) / sizeof(*columns) };

struct listing {
	struct string_list lines; /* date first, for the order */
	struct string_list fields;
	const char *only;
};

static int find_column(const char *name)
{
	for (int i = 0; i < COLUMNS; i++)
		if (strcmp(columns[i].name, name) == 0)
			return i;
	return -EINVAL;
}

static void print_field(FILE *out, const struct snapshot_job *job, const char *field, const char *id, const struct vz_conf *info)
{
	int column = find_column(field);
	char current[UUID_SIZE], size[24] = "", path[600];
	struct stat stat_info;
	read_current(job, current);
	(void)snprintf(path, sizeof(path), "%s/%s.hds", job->directory, id);
	if (stat(path, &stat_info) == 0)
		(void)snprintf(size, sizeof(size), "%lld", (long long)stat_info.st_blocks / 2);
	const char *value = text_starts(field, "parent") ? vz_conf_get(info, "PARENT") :
			    strcmp(field, "current") == 0 ? (strcmp(current, id) == 0 ? "*" : " ") :
			    strcmp(field, "date") == 0	  ? vz_conf_get(info, "DATE") :
			    strcmp(field, "name") == 0	  ? vz_conf_get(info, "NAME") :
			    strcmp(field, "desc") == 0	  ? vz_conf_get(info, "DESCRIPTION") :
			    strcmp(field, "size") == 0	  ? size :
			    strcmp(field, "device") == 0  ? "" : id;
	fprintf(out, "%-*s ", columns[column].width, value ?: "");
}

static int add_line(const struct snapshot_job *job, const char *id, struct vz_conf *info, void *data)
{
	struct listing *listing = data;
	char *line = NULL;
	size_t size;
	if (listing->only && strcmp(listing->only, id) != 0)
		return 0;
	FILE *out = open_memstream(&line, &size);
	if (!out)
		return -ENOMEM;
	fprintf(out, "%-19.19s ", vz_conf_get(info, "DATE") ?: "");
	for (size_t i = 0; i < listing->fields.count; i++)
		print_field(out, job, listing->fields.items[i], id, info);
	int r = fclose(out) == 0 ? string_list_add(&listing->lines, line) : -ENOMEM;
	free(line);
	return r;
}

static void print_listing(const struct listing *listing, bool has_header)
{
	for (size_t i = 0; has_header && i < listing->fields.count; i++)
		printf("%-*s%s", columns[find_column(listing->fields.items[i])].width, columns[find_column(listing->fields.items[i])].header,
			i + 1 < listing->fields.count ? " " : "\n");
	for (size_t i = 0; i < listing->lines.count; i++) {
		char *line = listing->lines.items[i] + 20;
		for (size_t length = strlen(line); length > 0 && line[length - 1] == ' ';)
			line[--length] = '\0';
		puts(line);
	}
}

int vz_command_snapshot_list(struct vz *vz)
{
	struct snapshot_job job = { 0 };
	struct listing listing = { 0 };
	bool has_header = true;
	const char *fields = "parent_uuid,current,uuid,date,name", *id = NULL;
	int status = VZ_OK;
	for (int i = 0; status == VZ_OK && i < vz->argc; i++) {
		const char *word = vz->argv[i], *value = i + 1 < vz->argc ? vz->argv[i + 1] : NULL;
		if (strcmp(word, "-L") == 0) {
			for (int k = 0; k < COLUMNS; k++)
				puts(columns[k].name);
			return VZ_OK;
		}
		if (strcmp(word, "-H") == 0 || strcmp(word, "--no-header") == 0)
			has_header = false;
		else if ((strcmp(word, "-o") == 0 || strcmp(word, "--output") == 0) && value)
			fields = vz->argv[++i];
		else if ((strcmp(word, "--id") == 0 || strcmp(word, "--uuid") == 0) && value)
			id = vz->argv[++i];
		else
			status = vz_fail(vz, VZ_SYNTAX, "Invalid extra arguments: %s", word);
	}
	vz->argc = 0;
	status = status ?: begin(vz, VZ_SNAPSHOT_LIST, false, &job);
	if (status == VZ_OK && id && !normal_id(id, job.id))
		status = vz_fail(vz, VZ_BAD_VALUE, "Bad parameter for --id: %s", id);
	listing.only = id ? job.id : NULL;
	(void)text_split(fields, ",", &listing.fields);
	for (size_t i = 0; status == VZ_OK && i < listing.fields.count; i++)
		if (find_column(listing.fields.items[i]) < 0)
			status = vz_fail(vz, VZ_SYNTAX, "Unknown field: %s", listing.fields.items[i]);
	if (status == VZ_OK && for_all(&job, add_line, &listing) == 0) {
		string_list_sort(&listing.lines);
		print_listing(&listing, has_header);
	}
	string_list_clear(&listing.lines);
	string_list_clear(&listing.fields);
	end(&job);
	return status;
}

/* ---- looking into one ---- */

int vz_command_snapshot_mount(struct vz *vz)
{
	struct snapshot_job job = { 0 };
	struct error err = { 0 };
	int status = begin(vz, VZ_SNAPSHOT_MOUNT, true, &job);
	if (status == VZ_OK && !job.arguments.target)
		status = vz_fail(vz, VZ_SYNTAX, "Mount point is not given (--target)");
	if (status == VZ_OK) {
		auto_close int tree_fd = store_find("loop")->mount(job.copy, "ro,noload", &err);
		int r = tree_fd < 0 ? tree_fd : storage_attach(tree_fd, job.arguments.target);
		if (tree_fd >= 0 && r < 0)
			(void)error_set(&err, r, "mount %s on %s", job.copy, job.arguments.target);
		/* where it is: for snapshot-umount */
		auto_free char *note = NULL;
		if (r == 0 && text_format(&note, "%s/%s.target", job.directory, job.id) == 0)
			(void)file_write_atomic(-1, note, 0644, job.arguments.target, strlen(job.arguments.target));
		status = r < 0 ? vz_fail_error(vz, VZ_SNAPSHOT_MOUNT, &err) : VZ_OK;
	}
	end(&job);
	return status;
}

int vz_command_snapshot_umount(struct vz *vz)
{
	struct snapshot_job job = { 0 };
	auto_free char *note = NULL, *target = NULL;
	size_t length;
	int status = begin(vz, VZ_SNAPSHOT_UMOUNT, true, &job);
	if (status == VZ_OK && (text_format(&note, "%s/%s.target", job.directory, job.id) < 0 || file_read(-1, note, 4096, &target, &length) < 0))
		status = vz_fail(vz, VZ_SNAPSHOT_UMOUNT, "Snapshot %s is not mounted", job.id);
	if (status == VZ_OK && umount2(target, 0) < 0)
		status = vz_fail(vz, VZ_SNAPSHOT_UMOUNT, "Can't umount %s: %s", target, strerror(errno));
	if (status == VZ_OK)
		(void)unlink(note);
	end(&job);
	return status;
}
