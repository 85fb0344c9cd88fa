/* Seeds of what the daemon is told, not by guests.  See seed_makers.h. */
#include "fuzz/seed_makers.h"

#include <stdint.h>
#include <string.h>

#include "backend/base/checked.h"

static const char *const settings[][2] = {
	{"all", "# everything\ndirectory = vbd3\nworker=/usr/bin/worker\n"
		"control = /run/x\nrecord = /tmp/r\nrecord-bytes = 64K\n"
		"allow-path = /srv/\nallow-path = /\nsandbox = no\n"
		"foreground = yes\ndirect = off\nstaging = on\n"
		"log-level = debug\n"},
	{"numbers", "persistent-grants = 0\nmax-queues = 16\n"
		    "max-ring-page-order = 4\npoll-us = 1000\n"
		    "max-rescues = 6000\nlimit-iops = 9\n"
		    "limit-bandwidth = 4K\nlimit-burst-ms = 10\n"
		    "metrics = [::1]:9100\nmetrics = unix:/m\n"
		    "metrics = 127.0.0.1:1\n"},
	{"lowest", "persistent-grants = 0\nmax-queues = 1\n"
		   "max-ring-page-order = 0\npoll-us = 0\nmax-rescues = 0\n"},
	{"wrong", "max-queues = 17\n"},
	{"no-form", "\t banana\t\r\n"},
	{"unknown", "colour = blue\n"},
	{"params", "null:1T\nram:16777216\nfile:/srv/a\naio:/b\nraw:c\n/d\n"},
	{"sizes", "ram:9223372036854775807\nram:9223372036854775808\n"
		  "null:8388607T\nnull:8388608T\nnull:18446744073709551616\n"
		  "ram:0\nram:K\nram:-1\nram:1k\n"},
};

static void settings_all(struct seed_folder *to)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		seed_put(to, settings[i][0], settings[i][1],
			 strlen(settings[i][1]));
}

/* Other sizes and other media, asked for by one client. */
static void control_changes(struct seed_folder *to)
{
#define DISK "\"domid\":5,\"devid\":51712"
	static const char *const lines[] = {
		"{\"command\":\"resize\"," DISK ",\"bytes\":1048576}\n",
		"{\"command\":\"resize\"," DISK ",\"bytes\":511}\n",
		"{\"command\":\"resize\"," DISK "}\n",
		"{\"command\":\"insert\"," DISK ",\"params\":\"ram:1M\"}\n",
		"{\"command\":\"eject\"," DISK "}\n",
	};
#undef DISK
	uint8_t bytes[512] = "null:2M\n";
	size_t at = 8;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		const size_t length = strlen(lines[i]);

		bytes[at++] = 0;
		bytes[at++] = (uint8_t)length;
		memcpy(bytes + at, lines[i], length);
		at += length;
		bytes[at++] = 0;
		bytes[at++] = 0xf0; /* hear */
	}
	seed_put(to, "changes", bytes, at);
}

/* A call that fails before each of many requests; other daemons meanwhile. */
static void control_troubles(struct seed_folder *to)
{
	uint8_t bytes[512] = "null:1M\n";
	size_t at = 8;

	for (uint8_t i = 0; i < 24; i++) {
		bytes[at++] = i < 8 ? i : 0x78u + i;
		bytes[at++] = 0xff;
		bytes[at++] = i % 5;
		bytes[at++] = 0xe0 + i % 8; /* a well-formed request */
		bytes[at++] = i % 5;
		bytes[at++] = 0xf0; /* hear */
		bytes[at++] = i % 5;
		bytes[at++] = 0xfc; /* wait */
	}
	seed_put(to, "troubles", bytes, at);
}

/* Each request once, by three clients in turn; then in pieces; then many. */
static void control_all(struct seed_folder *to)
{
	static const char piece[] = "{\"command\":\"list\"}\n";
	uint8_t bytes[512] = "ram:2M\n";
	size_t at = 7;

	for (uint8_t i = 0; i < 16; i++) {
		bytes[at++] = i % 3;
		bytes[at++] = 0xe0 + i; /* a well-formed request */
		bytes[at++] = i % 3;
		bytes[at++] = 0xf0; /* hear */
	}
	seed_put(to, "asked", bytes, at);
	for (uint8_t i = 0; i < sizeof(piece) - 1; i++) {
		bytes[at++] = i % 2;
		bytes[at++] = 1; /* a byte that follows */
		bytes[at++] = (uint8_t)piece[i / 2 * 2];
	}
	seed_put(to, "pieces", bytes, at);
	at = 0;
	memcpy(bytes, "file:/\xff\n", 8);
	for (at = 8; at < 88;) {
		bytes[at] = (uint8_t)(at / 2);
		bytes[at + 1] = at % 4 == 0 ? 0xe4 : 0xf4; /* ask, shut */
		at += 2;
	}
	seed_put(to, "many", bytes, at);
	control_changes(to);
	control_troubles(to);
}

void settings_seeds(const char *harness, struct seed_folder *to)
{
	if (strcmp(harness, "control") == 0)
		control_all(to);
	else
		settings_all(to);
}
