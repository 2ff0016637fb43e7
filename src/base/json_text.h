#pragma once
#include <stdio.h>

/* text as a JSON string, with its quotes; a byte that is no UTF-8 becomes U+FFFD. */
void json_put_string(FILE *out, const char *text);
