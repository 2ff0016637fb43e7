#include "base/random.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/types.h>

int random_letters(char *buffer, size_t count)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	unsigned char random[32];

	if (count > sizeof(random) || getrandom(random, count, 0) != (ssize_t)count)
		return -EIO;
	for (size_t i = 0; i < count; i++)
		buffer[i] = letters[random[i] % (sizeof(letters) - 1)];
	return 0;
}
