/* What is right, once in every form.  See seeds.h. */
#include "fuzz/seeds.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/checked.h"
#include "backend/base/link.h"
#include "fuzz/seed_makers.h"

struct slot_seed {
	const char *name;
	uint8_t packed, operation, segments;
};

static void request_seeds(const char *harness, struct seed_folder *to)
{
	static const struct slot_seed seeds[] = {
		{"read-one", 0, 0, 1},	  {"read-all", 0, 0, 11},
		{"write-two", 0, 1, 2},	  {"flush", 0, 3, 0},
		{"flush-data", 0, 3, 1},  {"discard", 0, 5, 0},
		{"read-one-32", 1, 0, 1}, {"write-all-32", 1, 1, 11},
		{"flush-32", 1, 3, 0},	  {"many-32", 1, 0, 12},
	};

	(void)harness;
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
		uint8_t bytes[114] = {seeds[i].packed, 0};
		uint8_t *slot = bytes + 2;
		size_t at = seeds[i].packed ? 20 : 24;

		slot[0] = seeds[i].operation;
		slot[1] = seeds[i].segments;
		slot[seeds[i].packed ? 4 : 8] = 0x42;
		slot[seeds[i].packed ? 12 : 16] = 8;
		for (size_t s = 0; s < 11; s++, at += 8) {
			slot[at] = (uint8_t)(9 + s);
			slot[at + 5] = 7;
		}
		seed_put(to, seeds[i].name, bytes, sizeof(bytes));
	}
}

static void handshake_seeds(const char *harness, struct seed_folder *to)
{
	static const char *const seeds[][2] = {
		{"linux", "multi-queue-num-queues=2\nring-page-order=1\n"
			  "protocol=x86_64-abi\nfeature-persistent=1\n"
			  "queue-0/ring-ref0=8\nqueue-0/ring-ref1=9\n"
			  "queue-0/event-channel=3\n"
			  "queue-1/ring-ref0=10\nqueue-1/ring-ref1=11\n"
			  "queue-1/event-channel=4\n"},
		{"plain", "ring-ref=8\nevent-channel=5\nprotocol=x86_32-abi\n"},
		{"bsd", "ring-page-order=0\nring-ref=8\nevent-channel=5\n"},
		{"pages", "num-ring-pages=4\nring-ref0=8\nring-ref1=9\n"
			  "ring-ref2=10\nring-ref3=4294967295\n"
			  "event-channel=1\n"},
		{"windows", "multi-queue-num-queues=1\nring-page-order=2\n"
			    "ring-ref0=1\nring-ref1=2\nring-ref2=3\n"
			    "ring-ref3=4\nevent-channel=6\n"
			    "feature-persistent=0\n"},
		{"wrong", "multi-queue-num-queues=4294967297\nring-ref=-1\n"
			  "event-channel=0x10\n"},
	};

	(void)harness;
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
		char text[512];
		int n = snprintf(text, sizeof(text), "\x0f\x04%s", seeds[i][1]);

		seed_put(to, seeds[i][0], text, (size_t)n);
	}
}

static void link_seed(struct seed_folder *to, const char *name, uint8_t fds,
		      const struct link_message *message)
{
	uint8_t bytes[2 + sizeof(*message)] = {fds, 0};

	memcpy(bytes + 2, message, sizeof(*message));
	seed_put(to, name, bytes, sizeof(bytes));
}

/* One word of a sound message is wrong. */
struct wrong_word {
	size_t at;
	uint32_t value;
};

static void wrong_seeds(struct seed_folder *to, const char *name, uint8_t fds,
			const struct link_message *sound,
			const struct wrong_word *wrong, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct link_message message = *sound;
		char which[40];

		memcpy((uint8_t *)&message + wrong[i].at, &wrong[i].value,
		       sizeof(wrong[i].value));
		snprintf(which, sizeof(which), "wrong-%s-%zu", name, i);
		link_seed(to, which, fds, &message);
	}
}

#define WRONG(member, number)                                                  \
	{                                                                      \
		offsetof(struct link_message, member), number                  \
	}

static void wrong_device_seeds(struct seed_folder *to)
{
	static const struct wrong_word wrong[] = {
		WRONG(device.readonly, 2),   WRONG(device.direct, 2),
		WRONG(device.sandbox, 2),    WRONG(device.record, 2),
		WRONG(device.staged, 2),     WRONG(device.log_level, 9),
		WRONG(device.block, 131072),
	};
	struct link_message message = {.kind = LINK_DEVICE};

	message.device.sectors = 2048;
	message.device.image = LINK_IMAGE_FILE;
	message.device.max_queues = 4;
	wrong_seeds(to, "device", 5, &message, wrong, ARRAY_SIZE(wrong));
	message.device.image = LINK_IMAGE_NBD;
	message.device.block = 4096;
	snprintf(message.device.uri, sizeof(message.device.uri), "nbd://a/b");
	link_seed(to, "device-store", 1, &message);
	message.device.direct = 1;
	link_seed(to, "wrong-device-store", 1, &message);
	message.device.direct = 0;
	message.device.image = LINK_IMAGE_RAM;
	link_seed(to, "wrong-device-memory", 1, &message);
	message.device.uri[0] = '\0';
	link_seed(to, "wrong-device-blocks", 1, &message);
}

static void wrong_others_seeds(struct seed_folder *to)
{
	static const struct wrong_word attach[] = {
		WRONG(attach.queues, LIMIT_QUEUES + 1),
		WRONG(attach.ring_order, LIMIT_RING_ORDER + 1),
		WRONG(attach.abi, LINK_ABI_COUNT),
		WRONG(attach.persistent, 2),
		WRONG(attach.resume, 2),
		WRONG(attach.barrier, 2),
		WRONG(attach.discard, 2),
		WRONG(attach.indirect, LIMIT_INDIRECT_SEGMENTS + 1),
	};
	static const struct wrong_word limits[] = {
		WRONG(limits.iops, LIMIT_RATE + 1u),
		WRONG(limits.sectors, LIMIT_RATE + 1u),
	};
	static const struct wrong_word refused[] = {
		WRONG(refused.refusal, REFUSAL_COUNT),
		WRONG(refused.refusal, REFUSAL_NONE),
		WRONG(refused.queue, LIMIT_QUEUES),
	};
	struct link_message message = {.kind = LINK_ATTACH};

	message.attach.queues = 2;
	message.attach.abi = LINK_ABI_X86_64;
	wrong_seeds(to, "attach", 0, &message, attach, ARRAY_SIZE(attach));
	memset(&message, 0, sizeof(message));
	message.kind = LINK_LIMITS;
	wrong_seeds(to, "limits", 0, &message, limits, ARRAY_SIZE(limits));
	message.limits.burst_ns = UINT64_MAX;
	link_seed(to, "wrong-limits-burst", 0, &message);
	memset(&message, 0, sizeof(message));
	message.kind = LINK_BROKEN;
	message.refused.refusal = REFUSE_RING_OVERFLOW;
	wrong_seeds(to, "refused", 0, &message, refused, ARRAY_SIZE(refused));
}

static void link_seeds(const char *harness, struct seed_folder *to)
{
	static const char *const plain[LINK_KIND_COUNT] = {
		[LINK_READY] = "ready",	  [LINK_ATTACHED] = "attached",
		[LINK_DETACH] = "detach", [LINK_DETACHED] = "detached",
		[LINK_STOP] = "stop",
	};
	struct link_message message = {.kind = LINK_DEVICE};

	(void)harness;
	message.device.sectors = 2048;
	message.device.image = LINK_IMAGE_FILE;
	message.device.max_queues = 4;
	message.device.persistent_cap = LIMIT_PERSISTENT;
	link_seed(to, "device-file", 5, &message);
	message.device.block = 4096;
	link_seed(to, "device-blocks", 5, &message);
	message.device.sectors = 2047;
	link_seed(to, "device-part-of-a-block", 5, &message);
	message.device.sectors = 2048;
	message.device.block = 5000;
	link_seed(to, "device-odd-blocks", 5, &message);
	message.device.block = 0;
	message.device.image = LINK_IMAGE_RAM;
	link_seed(to, "device-ram", 1, &message);
	memset(&message, 0, sizeof(message));
	message.kind = LINK_ATTACH;
	message.attach.queues = 2;
	message.attach.ring_order = 4;
	message.attach.abi = LINK_ABI_X86_32;
	link_seed(to, "attach", 0, &message);
	memset(&message, 0, sizeof(message));
	message.kind = LINK_BROKEN;
	message.refused.refusal = REFUSE_RING_OVERFLOW;
	link_seed(to, "broken", 0, &message);
	memset(&message, 0, sizeof(message));
	message.kind = LINK_LIMITS;
	message.limits.iops = 1000;
	message.limits.sectors = LIMIT_RATE;
	message.limits.burst_ns = 100000000;
	link_seed(to, "limits", 0, &message);
	wrong_device_seeds(to);
	wrong_others_seeds(to);
	memset(&message, 0, sizeof(message));
	for (uint32_t k = 0; k < LINK_KIND_COUNT; k++) {
		message.kind = k;
		if (plain[k] != NULL)
			link_seed(to, plain[k], 0, &message);
	}
}

static const struct {
	const char *harness;
	seed_maker *make;
} makers[] = {
	{"request_decode", request_seeds},
	{"handshake_parse", handshake_seeds},
	{"link", link_seeds},
	{"settings", settings_seeds},
	{"control", settings_seeds},
	{"lifecycle", life_seeds},
	{"handshake", front_seeds},
	{"daemon", daemon_seeds},
	{"worker", step_seeds},
	{"records", step_seeds},
	{"nbd", store_seeds},
	{"blocks", block_seeds},
	{"metrics", visit_seeds},
};

int seeds_write(const char *harness, const char *folder)
{
	struct seed_folder to = {.path = folder};
	seed_maker *make = script_seeds;

	for (size_t i = 0; i < ARRAY_SIZE(makers); i++)
		if (strcmp(makers[i].harness, harness) == 0)
			make = makers[i].make;
	make(harness, &to);
	return to.error;
}
