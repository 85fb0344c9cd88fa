/*
 * The commands resize, eject and insert.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/** change_command() - whether it is one of them, with so many arguments. */
bool change_command(const char *command, int count);

/**
 * change_request() - what stands behind the disk, into a request.
 * @argument: NULL if there is none
 *
 * Return: NULL, or a sentence about what is wrong.
 */
const char *change_request(const char *command, const char *argument,
			   json_t *request);

/**
 * change_wait() - until a disk is what it was asked to become.
 * @answer: the daemon's to the command
 *
 * Return: its last answer about the disk, the caller's to decref; NULL when the
 * daemon hung up, or does not get there in time.
 */
json_t *change_wait(int fd, const json_t *request, json_t *answer);

/** change_print() - what the disk is now. */
void change_print(const json_t *disk);
