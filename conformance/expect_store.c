/*
 * What a backend shows in xenstore: its state, its nodes, its errors.  See
 * expect.h.
 *
 * What may come a little later is waited for; what must be there as soon as
 * something else is, is looked at once.
 */
#include "conformance/expect.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "conformance/guest.h"

void expect_backend_state_is(struct guest *g, unsigned int state)
{
	char expected[64];
	unsigned int now = front_backend_state(g->front);

	for (unsigned int i = 0; now != state && i < EXPECT_WAKEUPS; i++) {
		if (!guest_wait(g))
			break;
		now = front_backend_state(g->front);
	}
	now = front_backend_state(g->front);
	if (now == state)
		return;
	snprintf(expected, sizeof(expected), "the backend goes to state %u",
		 state);
	guest_fail(g, expected, "it is in state %u", now);
}

void expect_error_node_set(struct guest *g)
{
	CLEANUP(free_string) char *error = guest_backend_error(g);

	if (error == NULL || error[0] == '\0')
		guest_fail(g, "an error node that says what was wrong",
			   "there is none");
}

void expect_connection_refused(struct guest *g)
{
	unsigned int now = front_backend_state(g->front);

	for (unsigned int i = 0;
	     now < XenbusStateConnected && i < EXPECT_WAKEUPS; i++) {
		if (!guest_wait(g))
			break;
		now = front_backend_state(g->front);
	}
	if (now == XenbusStateConnected && g->connected) {
		expect_backend_state_is(g, XenbusStateClosing);
		now = XenbusStateClosing;
	}
	if (now != XenbusStateClosing && now != XenbusStateClosed)
		guest_fail(g, "the connection is refused: state Closing (5)",
			   "the backend is in state %u", now);
	expect_error_node_set(g);
}

uint64_t expect_number_between(struct guest *g, const char *key, uint64_t low,
			       uint64_t high)
{
	char expected[GUEST_TEXT_BYTES];
	CLEANUP(free_string) char *value = front_backend_read(g->front, key);
	uint64_t number = 0;
	char rebuilt[32];

	snprintf(expected, sizeof(expected),
		 "node %s is a decimal number from %" PRIu64 " to %" PRIu64,
		 key, low, high);
	if (value == NULL)
		guest_fail(g, expected, "it is not there");
	number = strtoull(value, NULL, 10);
	snprintf(rebuilt, sizeof(rebuilt), "%" PRIu64, number);
	if (strcmp(rebuilt, value) != 0 || number < low || number > high) {
		char got[GUEST_TEXT_BYTES];

		snprintf(got, sizeof(got), "it is \"%.100s\"", value);
		guest_fail(g, expected, "%s", got);
	}
	return number;
}

void expect_size_told(struct guest *g, uint64_t sectors)
{
	bool told = front_told(g->front), goes_on = true;

	while ((!told || guest_properties(g)->sectors != sectors) && goes_on) {
		/* Answers that nobody takes would end every wait at once. */
		guest_collect(g);
		goes_on = guest_wait(g);
		told = front_told(g->front);
	}
	if (told && guest_properties(g)->sectors == sectors)
		return;
	guest_fail(g, "the backend tells of another capacity",
		   "it has told of %llu sectors, not of %llu",
		   (unsigned long long)guest_properties(g)->sectors,
		   (unsigned long long)sectors);
}

void expect_node_holds(struct guest *g, const char *key, const char *text)
{
	char expected[GUEST_TEXT_BYTES];
	CLEANUP(free_string) char *value = front_backend_read(g->front, key);

	if (value != NULL && strcmp(value, text) == 0)
		return;
	snprintf(expected, sizeof(expected), "node %s is \"%s\"", key, text);
	guest_fail(g, expected, "it is %.100s", value ? value : "not there");
}

void expect_node_absent(struct guest *g, const char *key)
{
	char expected[GUEST_TEXT_BYTES];
	CLEANUP(free_string) char *value = front_backend_read(g->front, key);

	if (value == NULL)
		return;
	snprintf(expected, sizeof(expected), "the backend has no node %s", key);
	guest_fail(g, expected, "it is \"%.100s\"", value);
}

/* A backend that connects may take it away before or after it says so. */
void expect_error_node_gone(struct guest *g)
{
	char got[GUEST_TEXT_BYTES];

	for (unsigned int i = 0; i < 20; i++) {
		CLEANUP(free_string) char *error = guest_backend_error(g);

		if (error == NULL || error[0] == '\0')
			return;
		snprintf(got, sizeof(got), "it says \"%s\"", error);
		(void)front_wait(g->front, g->world->timeout_ms / 20);
	}
	guest_end(g, GUEST_FAILED, "no error node any more", got);
}

void expect_error_naming(struct guest *g, const char *word)
{
	char expected[GUEST_TEXT_BYTES], got[GUEST_TEXT_BYTES];
	CLEANUP(free_string) char *error = guest_backend_error(g);

	if (error != NULL && strstr(error, word) != NULL)
		return;
	snprintf(expected, sizeof(expected), "an error node that names %s",
		 word);
	snprintf(got, sizeof(got), "%s", error == NULL ? "none" : error);
	guest_end(g, GUEST_FAILED, expected, got);
}

void expect_key_refused(struct guest *g, const char *key, const char *value)
{
	guest_prepare(g);
	guest_node(g, key, "%s", value);
	guest_set_state(g, XenbusStateInitialised);
	expect_connection_refused(g);
	expect_error_naming(g, key);
}
