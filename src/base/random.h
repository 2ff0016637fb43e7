#pragma once
#include <stddef.h>

/* Fills buffer with count (up to 32) random letters and digits of ASCII; no NUL. 0, or -EIO: buffer is as it was. */
int random_letters(char *buffer, size_t count);
