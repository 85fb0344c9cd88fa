/*
 * The commands of the control socket that change a disk's size or medium.
 *
 * Called by report.c.  They begin what change.c does, and wait for nothing: the
 * command show tells how far it has come.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "backend/supervisor/host.h"

/** changes_command() - whether this command is one of them. */
bool changes_command(const char *command);

/**
 * changes_begin() - carry it out.
 * @request: with its command, and a disk that is there
 * @sentence: DEVICE_REASON_BYTES; why not
 *
 * Return: whether it is on its way.
 */
bool changes_begin(struct device *device, const json_t *request,
		   char *sentence);
