/*
 * All counters of all disks as text for Prometheus (exposition format 0.0.4).
 *
 * Called by metrics.c.  Names, units and labels are those of xenblkd(8); no
 * label holds anything that a guest or a toolstack wrote.
 */
#pragma once

#include <stddef.h>

struct host;

/**
 * exposition_text() - the page; the caller's to free.
 * @length: of the text, which ends with a zero byte as well
 *
 * Return: NULL when memory is short.
 */
char *exposition_text(const struct host *host, size_t *length);
