#include "liblxc/extra.h"

#include "base/file.h"
#include "dialect/openvz/ct.h"
#include "engine/oci.h"
#include "liblxc/internal.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int extra_start(struct lxc_container *c, const struct extra_start_options *options)
{
	struct error err = { 0 };
	struct start_result result = { 0 };
	struct start_options start = { .foreground = options->foreground, .replace_process = options->foreground,
		.command = options->command, .pidfile = options->pidfile, .close_all_fds = options->close_all_fds };
	auto_lock(c);
	int r = prepare_start(c, options->argv, options->application, &err);
	r = r < 0 ? r : engine_start(lxc_config_spec(self(c)->config), &start, &result, &err);
	if (r >= 0 && *result.warning.what)
		return container_fault(c, &result.warning, 1);
	return r < 0 ? container_fault(c, &err, r) : 0;
}

int extra_load_config(struct lxc_container *c, const char *file)
{
	struct error err = { 0 };
	auto_lock(c);
	auto_free char *whole = realpath(file, NULL);
	int r = lxc_config_load(self(c)->config, whole ?: file, &err);
	if (r < 0)
		return container_fault(c, &err, r);
	self(c)->has_config = true;
	c->lxc_conf = (struct lxc_conf *)self(c)->config;
	return text_replace(&lxc_config_spec(self(c)->config)->identity.config_file, whole ?: file);
}

int extra_define(struct lxc_container *c, const char *definition)
{
	struct error err = { 0 };
	auto_free char *key = strdup(definition);
	char *equal = key ? strchr(key, '=') : NULL;
	auto_lock(c);
	if (!equal) {
		(void)error_set_kind(&err, ERROR_USAGE, EINVAL, "%s is not KEY=VALUE", definition);
		return container_fault(c, &err, -EINVAL);
	}
	*equal = '\0';
	int r = lxc_config_set(self(c)->config, text_trim(key), text_trim(equal + 1), "command line", &err);
	if (r < 0)
		return container_fault(c, &err, r);
	self(c)->has_config = true;
	c->lxc_conf = (struct lxc_conf *)self(c)->config;
	return 0;
}

int extra_validate(struct lxc_container *c)
{
	struct error err = { 0 };
	auto_lock(c);
	int r = prepare_start(c, NULL, false, &err);
	r = r < 0 ? r : spec_validate(lxc_config_spec(self(c)->config), &err);
	return r < 0 ? container_fault(c, &err, r) : 0;
}

int extra_stats(struct lxc_container *c, struct extra_stats *ret_stats)
{
	struct error err = { 0 };
	struct engine_stats stats;
	struct container_id id = id_of(c);
	int r = engine_stats(&id, &stats, &err);
	if (r < 0) {
		return container_fault(c, &err, r);
	}
	*ret_stats = (struct extra_stats){ stats.memory_bytes, stats.kernel_memory_bytes, stats.cpu_ns,
		stats.block_io_bytes, stats.oom_kills, stats.memory_limit_hits, stats.pids };
	return 0;
}

int extra_add_address(struct lxc_container *c, const char *address)
{
	struct error err = { 0 };
	struct container_id id = id_of(c);
	int r = engine_add_address(&id, address, &err);
	return r < 0 ? container_fault(c, &err, r) : 0;
}

int extra_remove_address(struct lxc_container *c, const char *address)
{
	struct error err = { 0 };
	struct container_id id = id_of(c);
	int r = engine_remove_address(&id, address, &err);
	return r < 0 ? container_fault(c, &err, r) : 0;
}

int extra_links(struct lxc_container *c, struct extra_link *links, size_t max)
{
	struct engine_link found[16];
	struct container_id id = id_of(c);
	int count = engine_links(&id, found, max < 16 ? max : 16, NULL);
	for (int i = 0; i < count; i++) {
		/* the journal gives the last first; what the host received the container has sent */
		const struct engine_link *link = &found[count - 1 - i];
		(void)snprintf(links[i].host_name, sizeof(links[i].host_name), "%s", link->host_name);
		links[i].tx_bytes = link->rx_bytes;
		links[i].rx_bytes = link->tx_bytes;
	}
	return count < 0 ? 0 : count;
}

int extra_stop(struct lxc_container *c, int timeout_s)
{
	struct error err = { 0 };
	struct container_id id = id_of(c);
	int r = engine_kill(&id, timeout_s < 0 ? -1 : timeout_s * 1000, &err);
	return r < 0 ? container_fault(c, &err, r) : 0;
}

int extra_wait_states(struct lxc_container *c, uint32_t state_mask, int timeout_ms)
{
	struct container_id id = id_of(c);
	return engine_wait(&id, state_mask, timeout_ms, NULL);
}

int extra_list_running(const char *lxcpath, char ***ret_names)
{
	struct string_list list = { 0 };
	int r = engine_list_active("lxc", lxcpath, &list, NULL);
	if (r < 0)
		return r;
	*ret_names = list.items;
	return (int)list.count;
}

int extra_others(struct extra_other **ret)
{
	struct vz_ids ids = { 0 };
	*ret = NULL;
	int count = vz_list(&ids);
	struct extra_other *list = count > 0 ? calloc((size_t)count, sizeof(*list)) : NULL;
	for (int i = 0; list && i < count; i++) {
		struct vz_ct ct;
		(void)snprintf(list[i].name, sizeof(list[i].name), "%u", ids.items[i]);
		if (vz_ct_open_with(&ct, ids.items[i], NULL, NULL) == 0) {
			list[i].starts_with_host = vz_ct_is(&ct, "ONBOOT", false);
			list[i].has_own_ids = vz_ct_uid_base(&ct) > 0;
		}
		vz_ct_clear_own(&ct);
	}
	free(ids.items);
	*ret = list;
	return list ? count : 0;
}

static void describe_oci(const char *root, const char *name, struct extra_oci *ret)
{
	static const enum container_state states[] = { STATE_STARTING, STATE_STARTING, STATE_RUNNING, STATE_FROZEN, STATE_STOPPED };
	struct oci_container container;
	struct error ignored;

	(void)snprintf(ret->name, sizeof(ret->name), "%s", name);
	ret->state = STATE_STOPPED;
	ret->init_pid = -1;
	if (oci_load(root, name, 0, &container, &ignored) == 0) {
		ret->state = (int)states[container.status];
		ret->init_pid = container.status == OCI_STOPPED ? -1 : container.state.init_pid;
	}
	oci_clear(&container);
}

int extra_oci_list(const char *root, struct extra_oci **ret)
{
	struct string_list names = { 0 };
	struct error ignored;
	char buffer[PATH_MAX];
	int count = 0;

	*ret = NULL;
	if ((root ? rundir_root(root, false, buffer, sizeof(buffer)) : rundir_parent("oci", buffer, sizeof(buffer))) < 0)
		return 0;
	root = buffer;
	struct extra_oci *list = oci_list(root, &names, &ignored) == 0 && names.count ? calloc(names.count, sizeof(*list)) : NULL;
	for (size_t i = 0; list && i < names.count; i++)
		describe_oci(root, names.items[i], &list[count++]);
	string_list_clear(&names);
	*ret = list;
	return count;
}

int extra_status(const char *lxcpath, const char *name, struct extra_status *ret_status)
{
	struct container_id id = { .dialect = "lxc", .base_path = lxcpath, .name = name };
	char directory[512];
	struct status status;
	if (!lxcpath) {
		vz_conf_directory(directory, sizeof(directory));
		id.dialect = VZ_DIALECT;
		id.base_path = directory;
	}
	int r = engine_status(&id, &status, NULL);
	if (r < 0)
		return r;
	*ret_status = (struct extra_status){ (int)status.state, status.init_pid, status.supervisor_pid };
	return 0;
}

const char *extra_state_name(int state)
{
	return state_name((enum container_state)state);
}

int extra_state_from_name(const char *name)
{
	return state_from_name(name);
}

/* ---- monitor ---- */

struct extra_monitor {
	struct engine_monitor *engine;
};

int extra_monitor_open(struct extra_monitor **ret_monitor)
{
	struct extra_monitor *monitor = calloc(1, sizeof(*monitor));
	if (!monitor)
		return -ENOMEM;
	int r = engine_monitor_open("lxc", &monitor->engine, NULL);
	if (r < 0) {
		free(monitor);
		return r;
	}
	*ret_monitor = monitor;
	return 0;
}

int extra_monitor_read(struct extra_monitor *monitor, struct extra_event *ret_event)
{
	struct monitor_event event;
	ssize_t length = recv(engine_monitor_fd(monitor->engine), &event, sizeof(event), 0);
	if (length < 0)
		return errno == EINTR ? 0 : -errno;
	if (length != sizeof(event) || event.version != 1)
		return 0;
	*ret_event = (struct extra_event){ .type = (int)event.type, .value = event.value };
	(void)snprintf(ret_event->name, sizeof(ret_event->name), "%.255s", event.name);
	(void)snprintf(ret_event->base_path, sizeof(ret_event->base_path), "%.511s", event.base_path);
	return 1;
}

void extra_monitor_close(struct extra_monitor *monitor)
{
	if (!monitor)
		return;
	engine_monitor_close(monitor->engine);
	free(monitor);
}

/* ---- configuration ---- */

int extra_update_config(const char *text, const char *file, char **ret_text, char *message, size_t size)
{
	struct error err = { 0 };
	int r = lxc_config_update_text(text, file, ret_text, &err);
	if (r < 0)
		(void)error_render(&err, message, size);
	return r;
}

