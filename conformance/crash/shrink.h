/* Makes a history that breaks a rule shorter, for whoever has to read it. */
#pragma once

#include "conformance/crash/play.h"

/**
 * shrink_history() - leave out steps as long as some rule breaks.
 * @outcome: of what is left
 *
 * Return: 0, -ENOENT when it does not break at all, another -errno.
 */
int shrink_history(struct history *history, struct played *outcome);
