#pragma once
#include <stdint.h>

/*
 * Memory in criu's images. A process has two files: pagemap-PID.img, two magic numbers and then messages of protobuf, each
 * behind its length (32 bit, little-endian): first the number N of pages-N.img (field 1), then ranges of pages (criu:
 * images/pagemap.proto: address 1, pages in 32 bits 2, flags 4, pages in 64 bits 5, which older versions do not know), in
 * the order of their addresses. pages-N.img has the pages of the ranges with IMAGE_PRESENT, one behind the other.
 */
#define IMAGE_PAGEMAP_MAGIC 0x56084025
#define IMAGE_COMMON_MAGIC 0x54564319
enum image_pagemap_field { IMAGE_FIELD_NUMBER = 1, IMAGE_FIELD_ADDRESS = 1, IMAGE_FIELD_PAGES_32 = 2, IMAGE_FIELD_FLAGS = 4,
	IMAGE_FIELD_PAGES = 5 };
enum image_flags {
	IMAGE_PARENT = 1,  /* as in the directory that the link "parent" leads to */
	IMAGE_LAZY = 2,	   /* may be brought after the restore */
	IMAGE_PRESENT = 4, /* in this one */
};

/* The link in a directory to the one before. */
#define MEMORY_PARENT "parent"

enum { MEMORY_PAGE = 4096, MEMORY_CHUNK = 64 /* pages that are handled at once */ };
