/*
 * wabe-unpack: a tar archive of anybody's below a directory, for the templates. With libarchive, which is why it is a
 * program of its own.
 */
#include "archive/unpack.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static const char usage[] =
	"Usage: wabe-unpack [OPTION]... DIRECTORY [<ARCHIVE]\n\n"
	"  -f, --file=FILE          the archive (default: standard input)\n"
	"      --whiteouts          files .wh.NAME remove NAME, as in layers of images\n"
	"      --no-devices         leave device nodes out\n"
	"      --only=PATTERN       only these names and what is below them\n"
	"      --exclude=PATTERN    not these names and what is below them\n"
	"      --exclude-from=FILE  the same, a pattern in each line\n"
	"      --max-size=SIZE      give up after so many bytes (default: nine tenths of what is free)\n"
	"      --max-entries=N      give up after so many entries (default: 10000000)\n"
	"  -h, --help               show this help\n";

enum { KEY_WHITEOUTS = 256, KEY_NO_DEVICES, KEY_ONLY, KEY_EXCLUDE, KEY_EXCLUDE_FROM, KEY_MAX_SIZE, KEY_MAX_ENTRIES };

static const struct option long_options[] = {
	{ "file", required_argument, NULL, 'f' },
	{ "whiteouts", no_argument, NULL, KEY_WHITEOUTS },
	{ "no-devices", no_argument, NULL, KEY_NO_DEVICES },
	{ "only", required_argument, NULL, KEY_ONLY },
	{ "exclude", required_argument, NULL, KEY_EXCLUDE },
	{ "exclude-from", required_argument, NULL, KEY_EXCLUDE_FROM },
	{ "max-size", required_argument, NULL, KEY_MAX_SIZE },
	{ "max-entries", required_argument, NULL, KEY_MAX_ENTRIES },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

struct job {
	struct unpack_options options;
	const char *file;
};

static int read_patterns(const char *file, struct string_list *ret)
{
	auto_free char *text = NULL;
	size_t length;
	int r = file_read(-1, file, 1 << 20, &text, &length);

	return r ?: text_split(text, "\n", ret);
}

static int take_option(struct job *job, int key)
{
	switch (key) {
	case 'f':
		job->file = optarg;
		return 0;
	case KEY_WHITEOUTS:
		job->options.whiteouts = true;
		return 0;
	case KEY_NO_DEVICES:
		job->options.no_devices = true;
		return 0;
	case KEY_ONLY:
		return string_list_add(&job->options.only, optarg);
	case KEY_EXCLUDE:
		return string_list_add(&job->options.exclude, optarg);
	case KEY_EXCLUDE_FROM:
		return read_patterns(optarg, &job->options.exclude);
	case KEY_MAX_SIZE:
		return text_to_bytes(optarg, &job->options.max_bytes);
	default:
		return text_to_u64(optarg, &job->options.max_entries);
	}
}

static void warn(const struct unpack_report *report)
{
	if (report->devices)
		fprintf(stderr, "wabe-unpack: %llu device nodes left out, only the host's root can make them (first: %s)\n",
			(unsigned long long)report->devices, report->first_device);
	if (report->attributes)
		fprintf(stderr, "wabe-unpack: attributes of %llu files left out, not allowed here (first: %s)\n",
			(unsigned long long)report->attributes, report->first_attribute);
}

static int unpack(const struct job *job, const char *directory)
{
	struct error err = { 0 };
	struct unpack_report report;
	char line[1024];
	auto_close int archive_fd = job->file ? open(job->file, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	auto_close int root_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (archive_fd < 0 || root_fd < 0) {
		fprintf(stderr, "wabe-unpack: open %s: %s\n", root_fd < 0 ? directory : job->file, strerror(errno));
		return EXIT_FAILURE;
	}
	int r = unpack_archive(archive_fd, root_fd, &job->options, &report, &err);
	warn(&report);
	if (r == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "wabe-unpack: %s: %s\n", job->file ?: "standard input", error_render(&err, line, sizeof(line)));
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct job job = { 0 };
	struct rlimit limit;

	/* names in UTF-8 come out as they are, whatever the caller's language */
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	(void)umask(022);
	/* a directory held open for each level that is removed */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	for (int key; (key = getopt_long(argc, argv, "f:h", long_options, NULL)) >= 0;) {
		if (key == 'h') {
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		}
		if (key == '?')
			return EXIT_FAILURE;
		int r = take_option(&job, key);
		if (r < 0) {
			fprintf(stderr, "wabe-unpack: option %s: %s\n", optarg, strerror(-r));
			return EXIT_FAILURE;
		}
	}
	if (optind != argc - 1) {
		fputs(usage, stderr);
		return EXIT_FAILURE;
	}
	return unpack(&job, argv[optind]);
}
