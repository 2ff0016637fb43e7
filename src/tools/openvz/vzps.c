/* vzps, vztop: ps and top with a column that says the container of each process (-E), or those of one container alone. */
#include "tools/openvz/vz.h"

#include "base/cleanup.h"
#include "base/process.h"
#include "base/text.h"

#include <ctype.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>

struct filter {
	bool has_column;
	char container[64]; /* "": all */
	int pid_word;	    /* which word of a line is the process's number; -1: no header yet */
};

/* ---- lines ---- */

/* The word number index of a line, and its length. */
static const char *find_word(const char *line, int index, size_t *ret_length)
{
	for (;; index--) {
		line += strspn(line, " ");
		*ret_length = strcspn(line, " \n");
		if (index == 0 || *ret_length == 0)
			return line;
		line += *ret_length;
	}
}

static int find_pid_column(const char *line)
{
	size_t length;
	for (int i = 0;; i++) {
		const char *word = find_word(line, i, &length);
		if (length == 0)
			return -1;
		if (length == 3 && strncmp(word, "PID", 3) == 0)
			return i;
	}
}

/* The line as it is shown in out; false: it is of another container. */
static bool filter_line(struct filter *filter, const char *line, FILE *out)
{
	size_t length;
	char pid[16];
	int column = find_pid_column(line);
	if (column >= 0) {
		filter->pid_word = column;
		fprintf(out, filter->has_column ? "%10s %s" : "%s%s", filter->has_column ? "CTID" : "", line);
		return true;
	}
	const char *word = filter->pid_word < 0 ? line : find_word(line, filter->pid_word, &length);
	if (filter->pid_word < 0 || length == 0 || length >= sizeof(pid) || !isdigit((unsigned char)*word)) {
		fputs(line, out);
		return true;
	}
	(void)snprintf(pid, sizeof(pid), "%.*s", (int)length, word);
	auto_free char *container = vz_container_of(pid);
	if (*filter->container && !text_equal(container, filter->container))
		return false;
	if (filter->has_column)
		fprintf(out, "%10s ", container ?: "-"); /* it has ended meanwhile */
	fputs(line, out);
	return true;
}

/* ---- options ---- */

/* -E, -E CTID, -ECTID, --veid, --veid=CTID, --veid CTID: how many words that are; 0: it is none of them. */
static int take_option(struct filter *filter, char *const *words)
{
	const char *value = NULL;
	int count = 1;
	if (strcmp(words[0], "-E") == 0 || strcmp(words[0], "--veid") == 0) {
		const char *next = words[1];
		bool is_container = next && (next[strspn(next, "0123456789")] == '\0' || (*next != '-' && vz_find(next)));
		value = is_container ? next : NULL;
		count += is_container;
	} else if (text_starts(words[0], "--veid=")) {
		value = words[0] + strlen("--veid=");
	} else if (text_starts(words[0], "-E")) {
		value = words[0] + 2;
	} else {
		return 0;
	}
	uint32_t id = value ? vz_find(value) : 0;
	filter->has_column = true;
	if (id)
		(void)snprintf(filter->container, sizeof(filter->container), "%u", id);
	else if (value)
		(void)snprintf(filter->container, sizeof(filter->container), "%s", value);
	return count;
}

/* Does a word of ps choose processes, or is it about how they are shown? */
static bool is_selection(const char *word)
{
	return *word != '-' || word[strspn(word, "-fFljyHwo")] != '\0';
}

static int make_command(const char *program, int argc, char **argv, struct filter *filter, struct string_list *command)
{
	bool selects = false;
	int r = string_list_add(command, program);
	for (int i = 1; r == 0 && i < argc;) {
		int count = take_option(filter, argv + i);
		if (count == 0) {
			bool has_value = strcmp(argv[i], "-o") == 0 && i + 1 < argc;
			selects |= is_selection(argv[i]) && !text_starts(argv[i], "--sort") && strcmp(argv[i], "--forest") != 0;
			r = string_list_add(command, argv[i]);
			if (r == 0 && has_value)
				r = string_list_add(command, argv[i + 1]);
			count = 1 + has_value;
		}
		i += count;
	}
	if (r == 0 && !selects && *filter->container && strcmp(program, "ps") == 0)
		r = string_list_add(command, "-e"); /* not those of this terminal alone */
	return r;
}

/* The program with its output in *ret_fd. */
static int spawn(struct string_list *command, int *ret_fd, pid_t *ret_pid)
{
	int pipe_fds[2], fds[3];
	struct winsize size;
	char columns[16];
	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20) {
		(void)snprintf(columns, sizeof(columns), "%d", size.ws_col - 11); /* the container's column is in front */
		(void)setenv("COLUMNS", columns, 1);
	}
	if (!vector_add(command))
		return -ENOMEM;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	fds[0] = STDIN_FILENO;
	fds[1] = pipe_fds[1];
	fds[2] = STDERR_FILENO;
	int r = process_spawn(command->items, NULL, fds, ret_pid);
	close(pipe_fds[1]);
	if (r < 0)
		close(pipe_fds[0]);
	else
		*ret_fd = pipe_fds[0];
	return r;
}

static int tell_missing(const char *program, int r)
{
	fprintf(stderr, "vz%s: %s can not be run: %s (it is in the package procps)\n", program, program, strerror(-r));
	return 1;
}

static bool asks_help(const char *program, int argc, char **argv)
{
	if (argc != 2 || strcmp(argv[1], "--help") != 0)
		return false;
	printf("Usage: vz%s [-E [CTID|NAME]] [OPTION OF %s]...\n"
	       "The same as %s, with the container of each process; -E CTID: those of this container alone (0: the host's).\n",
		program, program, program);
	return true;
}

/* ---- ps ---- */

int vzps_main(int argc, char **argv)
{
	struct filter filter = { .pid_word = -1 };
	struct string_list command = { 0 };
	int fd = -1, status = 0;
	size_t size = 0;
	auto_free char *line = NULL;
	pid_t pid;
	if (asks_help("ps", argc, argv))
		return 0;
	int r = make_command("ps", argc, argv, &filter, &command);
	r = r ?: spawn(&command, &fd, &pid);
	string_list_clear(&command);
	if (r < 0)
		return tell_missing("ps", r);
	auto_fclose FILE *in = fdopen(fd, "re");
	for (int number = 0; in && getline(&line, &size, in) > 0; number++) {
		(void)filter_line(&filter, line, stdout);
		if (number == 0 && filter.pid_word < 0 && filter.has_column) {
			fprintf(stderr, "vzps: without the column PID containers can not be told\n");
			(void)kill(pid, SIGTERM);
			status = 1;
			break;
		}
	}
	int wait_status = 0;
	(void)process_wait(pid, &wait_status); /* it was told what is wrong */
	return status ?: vz_exit_status(wait_status);
}

/* ---- top ---- */

struct screen {
	bool is_used;
	struct termios saved;
	char frame[65536];
	size_t length;
};

static void draw(struct screen *screen)
{
	struct winsize size;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0)
		size = (struct winsize){ .ws_row = 25, .ws_col = 80 }; /* a terminal that nobody has told its size */
	fputs("\033[H\033[J", stdout);
	char *next = screen->frame;
	screen->frame[screen->length] = '\0';
	for (int row = 0; row + 1 < size.ws_row && next && *next; row++)
		printf("%.*s\r\n", (int)size.ws_col, strsep(&next, "\n"));
	fflush(stdout);
	screen->length = 0;
}

/* A line of a batch of top: to the screen's frame, or out. */
static void show_line(struct filter *filter, struct screen *screen, const char *line)
{
	char shown[4096];
	FILE *out = screen->is_used ? fmemopen(shown, sizeof(shown), "w") : stdout;
	if (!out)
		return;
	if (text_starts(line, "top - "))
		filter->pid_word = -1; /* a new frame: its first lines are about the host */
	bool is_shown = filter_line(filter, line, out);
	if (!screen->is_used)
		return;
	(void)fclose(out);
	size_t length = strnlen(shown, sizeof(shown) - 1);
	if (is_shown && screen->length + length < sizeof(screen->frame) - 1) {
		memcpy(screen->frame + screen->length, shown, length);
		screen->length += length;
	}
}

/* Lines until top ends; with a screen until q is pressed too. */
static void relay_top(int fd, struct filter *filter, struct screen *screen)
{
	char text[8192], key;
	size_t length = 0;
	struct pollfd fds[2] = { { .fd = fd, .events = POLLIN }, { .fd = screen->is_used ? STDIN_FILENO : -1, .events = POLLIN } };
	for (;;) {
		int ready = poll(fds, 2, screen->length ? 100 : -1); /* when nothing more comes a frame is complete */
		if (ready == 0) {
			draw(screen);
			continue;
		}
		if (fds[1].revents && (read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 3 || key == 4))
			return;
		if (!fds[0].revents)
			continue;
		ssize_t got = read(fd, text + length, sizeof(text) - 1 - length);
		if (got <= 0)
			return;
		length += (size_t)got;
		char *start = text, *end;
		text[length] = '\0';
		while ((end = strchr(start, '\n'))) {
			char line[4096];
			(void)snprintf(line, sizeof(line), "%.*s\n", (int)(end - start), start);
			show_line(filter, screen, line);
			start = end + 1;
		}
		length = start == text && length == sizeof(text) - 1 ? 0 : (size_t)(text + length - start);
		memmove(text, start, length);
		if (!screen->is_used)
			fflush(stdout);
	}
}

int vztop_main(int argc, char **argv)
{
	struct filter filter = { .pid_word = -1 };
	struct string_list command = { 0 };
	auto_free struct screen *screen = calloc(1, sizeof(*screen));
	int fd = -1, wait_status = 0;
	bool is_batch = false;
	pid_t pid;
	if (!screen || asks_help("top", argc, argv))
		return screen ? 0 : 1;
	int r = make_command("top", argc, argv, &filter, &command);
	for (size_t i = 1; i < command.count; i++)
		is_batch |= *command.items[i] == '-' && command.items[i][1] != '-' && strchr(command.items[i], 'b');
	screen->is_used = !is_batch && isatty(STDOUT_FILENO) && tcgetattr(STDIN_FILENO, &screen->saved) == 0;
	if (r == 0 && !is_batch)
		r = string_list_add(&command, "-b");
	r = r ?: spawn(&command, &fd, &pid);
	string_list_clear(&command);
	if (r < 0)
		return tell_missing("top", r);
	if (screen->is_used) {
		struct termios raw = screen->saved;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	relay_top(fd, &filter, screen);
	if (screen->is_used) {
		draw(screen);
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &screen->saved);
		(void)kill(pid, SIGTERM);
	}
	close(fd);
	(void)process_wait(pid, &wait_status); /* it was told what is wrong */
	return screen->is_used ? 0 : vz_exit_status(wait_status);
}
