/*
 * The command top: what every disk and queue does, once a second.
 */
#pragma once

#include <stdbool.h>

struct top_options {
	unsigned int interval_ms;
	bool once; /* one table after one interval, then the end */
};

enum top_end {
	TOP_DONE,
	TOP_REFUSED,   /* the daemon said why; so was the user */
	TOP_HUNG_UP,   /* it is gone, or does not answer */
	TOP_NO_SCREEN, /* standard output or input is no terminal */
};

/**
 * top_run() - show until the user quits.
 * @fd: of socket_open()
 */
enum top_end top_run(int fd, const struct top_options *options);
