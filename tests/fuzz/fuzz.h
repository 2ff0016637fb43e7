#pragma once
#include <stddef.h>
#include <stdint.h>

/*
 * What a target is: fuzz_NAME.c, with these two. tests/fuzz/run finds it by its name. A line "fuzz-link: WORDS" in it
 * adds sources and libraries to the link; "fuzz-seed: FILES" names inputs besides tests/fuzz/corpus/NAME.
 */

/* One input. A fault is abort(), or what a sanitizer says. Nothing may be left: memory, descriptors, files. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Words of the language that are put in; NULL ends them. May be left out. */
extern const char *const fuzz_words[];
