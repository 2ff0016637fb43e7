#pragma once
struct start;

/* create and run: the exit status of the command. */
int oci_supervise(struct start *start);
/* exec: the same. */
int oci_exec(struct start *start);
