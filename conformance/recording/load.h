/* A recording's file in memory: for the programs; the reader itself is pure. */
#pragma once

#include <stddef.h>

/**
 * load_file() - all of a file as it is now; what is added meanwhile is left.
 * @data: freed by the caller
 *
 * Return: 0, -EISDIR when it is no regular file, or -errno.
 */
int load_file(const char *path, unsigned char **data, size_t *bytes);
