/* Interfaces of an ordinary user's container: lxc-user-nic makes them, as far as lxc-usernet allows, and deletes them. */
#include "base/cleanup.h"
#include "base/paths.h"
#include "base/talk.h"
#include "base/text.h"
#include "network/internal.h"

#include <string.h>

#define MAX_ANSWER 1024

int helper_run(char *const *argv, char *answer, size_t size)
{
	struct talk talk;
	int r = talk_open(&talk);
	r = r ?: talk_run(&talk, argv, NULL);
	if (r >= 0)
		talk_line(&talk, r == 0 ? 1 : 2, answer, size);
	talk_close(&talk);
	return r > 0 || r == -EIO ? -EPERM : r; /* killed: it made nothing that counts */
}

/* "INSIDE:INDEX:HOST:INDEX" */
static int take_host_name(char *answer, char name[IFNAMSIZ])
{
	struct string_list words = { 0 };
	int r = text_split(answer, ":", &words);
	if (r == 0 && (words.count != 4 || strlen(words.items[2]) >= IFNAMSIZ))
		r = -EBADMSG;
	if (r == 0)
		(void)snprintf(name, IFNAMSIZ, "%s", words.items[2]);
	string_list_clear(&words);
	return r;
}

/* The helper chooses the name of the host's end, so the journal is written after: until then the namespace's end undoes it. */
int helper_create(const struct network *network, struct planned_link *link, pid_t init_pid, struct error *err)
{
	const struct spec *spec = network->spec;
	const char *bridge = link->spec->link ?: "none";
	char pid[16], answer[MAX_ANSWER] = "", text[64];
	(void)snprintf(pid, sizeof(pid), "%d", (int)init_pid);
	char *argv[] = { (char *)LXC_USER_NIC, (char *)"create", (char *)"-", spec->identity.name, pid, (char *)"veth",
		(char *)bridge, link->inside_name, NULL };
	int r = helper_run(argv, answer, sizeof(answer));
	if (r == -EPERM && *answer) {
		const char *colon = strchr(answer, ' ');
		(void)spec_error(err, 0, spec, &link->spec->origin, "make interface %s: %s", link->inside_name,
			colon ? colon + 1 : answer);
		if (err)
			err->kind = ERROR_PERMISSION;
		error_hint(err, "ask the administrator for a line in /etc/lxc/lxc-usernet");
		return r;
	}
	r = r ?: take_host_name(answer, link->host_name);
	if (r < 0)
		return spec_error(err, r, spec, &link->spec->origin, "make interface %s with " LXC_USER_NIC, link->inside_name);
	(void)snprintf(text, sizeof(text), "%s %s", link->host_name, bridge);
	r = network->journal(network->journal_data, "NIC", text);
	return r < 0 ? error_set(err, r, "write the journal") : 0;
}

/* argument: "HOST BRIDGE". A link that has gone with its namespace is no error: the helper has counted it off by itself. */
int helper_undo(const char *argument, int netns_fd, struct error *err)
{
	char host[64], answer[MAX_ANSWER];
	(void)netns_fd;
	(void)snprintf(host, sizeof(host), "%s", argument);
	char *bridge = strchr(host, ' ');
	if (!bridge)
		return error_set(err, EINVAL, "undo interface %s", argument);
	*bridge++ = '\0';
	char *argv[] = { (char *)LXC_USER_NIC, (char *)"delete", (char *)"-", (char *)"-", (char *)"-", (char *)"veth", bridge,
		host, NULL };
	int r = helper_run(argv, answer, sizeof(answer));
	return r == -EPERM ? 0 : r;
}
