#pragma once
#include <stdbool.h>
#include <stddef.h>

/* One line of /proc/PID/mountinfo: proc_pid_mountinfo(5). Strings lie in the text that was parsed. */
struct mountinfo {
	int id, parent_id;
	char *device;	     /* MAJOR:MINOR of the file system */
	char *root;	     /* of the mount within the file system */
	char *target;	     /* relative to the process's root */
	char *options;	     /* per mount */
	bool is_shared, is_slave;
	char *type;	     /* "cgroup" */
	char *source;
	char *super_options; /* per file system: controllers of a v1 hierarchy */
};

/*
 * Parses the first line of *text, which is changed: fields are cut, octal escapes undone. *text is moved to the
 * next line. 1: ret is filled; 0: the end; -EINVAL: not a line of mountinfo (skipped).
 */
int mountinfo_next(char **text, struct mountinfo *ret);

/* Undoes \040 and the like in place. */
void mountinfo_unescape(char *text);
