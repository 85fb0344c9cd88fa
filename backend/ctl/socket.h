/*
 * One conversation with a daemon over its control socket.
 *
 * A request is a line with a JSON object, and so is its answer.  Called by the
 * commands; a daemon that does not answer in time is taken for stuck.
 */
#pragma once

#include <jansson.h>

/* A daemon that does not answer within this time is stuck. */
#define SOCKET_ANSWER_SECONDS 10

/** socket_open() - connect to the daemon; a descriptor or -errno. */
int socket_open(const char *path);

/**
 * socket_ask() - send a request and read its answer.
 *
 * May be called again with the same descriptor.  Return: the caller's to
 * decref; NULL when the daemon hung up, did not answer in time, or did not
 * answer with JSON.
 */
json_t *socket_ask(int fd, const json_t *request);

/** socket_refusal() - why the daemon said no; never NULL. */
const char *socket_refusal(const json_t *answer);
