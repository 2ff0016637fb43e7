#pragma once
struct checkpoint_times;

/* Adds what criu says in its file stats-dump; nothing when it is not there. */
void checkpoint_stats_read(int dir_fd, struct checkpoint_times *times);
