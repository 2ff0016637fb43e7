/* Touches ARGUMENT MiB, ticks every millisecond, and keeps "TICKS LONGEST-GAP-IN-MS" in /gap. For bench/migrate. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
static long long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t); /* criu lets the others stand still too */
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}
int main(int argc, char **argv)
{
	size_t size = (size_t)atol(argv[argc > 1]) << 20;
	unsigned *memory = malloc(size), x = 1;
	for (size_t i = 0; i < size / 4; i++)
		memory[i] = x = x * 1664525 + 1013904223; /* does not shrink */
	int fd = open("/gap", O_RDWR | O_CREAT, 0644);
	long long last = now(), gap = 0;
	for (size_t n = 1;; n++) {
		char text[64];
		usleep(1000);
		long long t = now();
		gap = t - last > gap ? t - last : gap;
		last = t;
		memory[n * 7 * 1024 % (size / 4)]++;
		int length = snprintf(text, sizeof(text), "%zu %lld\n", n, gap);
		if (pwrite(fd, text, length, 0) < 0)
			return 1;
	}
}
