/* Messages in pieces through xenstore nodes: see channel.h. */
#include "conformance/lab/exec/channel.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/check.h"

/* A piece: number, kind, whether more follow, length, checksum, bytes. */
struct head {
	uint32_t number;
	uint8_t kind;
	uint8_t more;
	uint16_t length;
	uint32_t sum; /* of head with 0 here, and bytes */
};

static_assert(sizeof(struct head) == 12, "both sides agree on it");

#define PIECE_BYTES (STORE_VALUE_BYTES - sizeof(struct head))

struct piece {
	struct head head;
	uint8_t bytes[PIECE_BYTES];
};

/* CRC-32 as Ethernet has it, four bits at a time. */
static uint32_t checksum(const void *data, size_t length)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
	const uint8_t *bytes = data;
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < length; i++) {
		crc = table[(crc ^ bytes[i]) & 15] ^ (crc >> 4);
		crc = table[(crc ^ (uint32_t)(bytes[i] >> 4)) & 15] ^
		      (crc >> 4);
	}
	return ~crc;
}

static void node_of(const struct channel *channel, const char *direction,
		    const char *name, char *node)
{
	snprintf(node, STORE_PATH_BYTES, "%.79s/%.8s/%.16s", channel->session,
		 direction, name);
}

static void slot_of(const struct channel *channel, const char *direction,
		    uint32_t number, char *node)
{
	char name[16];

	snprintf(name, sizeof(name), "%u", number % CHANNEL_SLOTS);
	node_of(channel, direction, name, node);
}

void channel_join(struct channel *channel, struct store *store, const char *id)
{
	memset(channel, 0, sizeof(*channel));
	channel->store = store;
	channel->in = store->domid == STORE_INSIDE ? "down" : "up";
	channel->out = store->domid == STORE_INSIDE ? "up" : "down";
	snprintf(channel->session, sizeof(channel->session), "sessions/%.39s",
		 id);
}

int channel_create(struct channel *channel, struct store *store, const char *id)
{
	char node[STORE_PATH_BYTES];
	int result;

	channel_join(channel, store, id);
	snprintf(node, sizeof(node), "%s/id", channel->session);
	result = store_put(store, node, id, strlen(id));
	/* The watch needs no node, but the guest shall find both. */
	node_of(channel, "up", "ack", node);
	if (result == 0)
		result = store_put(store, node, "0", 1);
	node_of(channel, "down", "ack", node);
	if (result == 0)
		result = store_put(store, node, "0", 1);
	snprintf(store->guard, sizeof(store->guard), "%s/id", channel->session);
	return result;
}

int channel_watch(struct channel *channel)
{
	char node[STORE_PATH_BYTES];

	snprintf(node, sizeof(node), "%s/%s", channel->session, channel->in);
	return store_watch(channel->store, node);
}

bool channel_can_send(const struct channel *channel)
{
	return !channel->sending;
}

int channel_send(struct channel *channel, enum channel_kind kind,
		 const void *bytes, size_t length)
{
	CHECK(!channel->sending);
	CHECK(length <= CHANNEL_MESSAGE_BYTES);
	channel->outgoing.kind = kind;
	channel->outgoing.length = length;
	if (length > 0)
		memcpy(channel->outgoing.bytes, bytes, length);
	channel->sent = 0;
	channel->sending = true;
	return channel_turn(channel);
}

static int write_piece(struct channel *channel)
{
	const struct channel_message *message = &channel->outgoing;
	size_t left = message->length - channel->sent;
	size_t length = left < PIECE_BYTES ? left : PIECE_BYTES;
	struct piece piece = {.head = {.number = channel->written + 1,
				       .kind = (uint8_t)message->kind,
				       .more = left > length,
				       .length = (uint16_t)length}};
	char node[STORE_PATH_BYTES];
	int result;

	memcpy(piece.bytes, message->bytes + channel->sent, length);
	piece.head.sum = checksum(&piece, sizeof(piece.head) + length);
	slot_of(channel, channel->out, channel->written, node);
	result = store_put(channel->store, node, &piece,
			   sizeof(piece.head) + length);
	if (result != 0)
		return result;
	channel->written++;
	channel->sent += length;
	channel->sending = piece.head.more;
	return 0;
}

/* How far the other side has read, in its own directory. */
static int read_ack(struct channel *channel)
{
	char node[STORE_PATH_BYTES], text[16] = "";
	unsigned int number;
	ssize_t got;

	node_of(channel, channel->in, "ack", node);
	got = store_get(channel->store, node, text, sizeof(text) - 1);
	if (got < 0)
		return got == -ENOENT ? -EPIPE : (int)got;
	if (sscanf(text, "%u", &number) != 1 ||
	    channel->written - number > CHANNEL_SLOTS)
		return -EBADMSG;
	channel->acked = number;
	return 0;
}

int channel_turn(struct channel *channel)
{
	int result = 0;

	while (result == 0 && channel->sending) {
		if (channel->written - channel->acked == CHANNEL_SLOTS)
			result = read_ack(channel);
		if (channel->written - channel->acked == CHANNEL_SLOTS)
			return result;
		if (result == 0)
			result = write_piece(channel);
	}
	return result;
}

static int tell_taken(struct channel *channel)
{
	char node[STORE_PATH_BYTES], text[16];

	channel->told = channel->taken;
	snprintf(text, sizeof(text), "%u", channel->taken);
	node_of(channel, channel->out, "ack", node);
	return store_put(channel->store, node, text, strlen(text));
}

/* Whether the piece holds together and goes on with the message. */
static bool piece_fits(const struct channel *channel, struct piece *piece,
		       size_t bytes)
{
	const struct channel_message *message = &channel->incoming;
	uint32_t sum = piece->head.sum;

	if (bytes != sizeof(piece->head) + piece->head.length)
		return false;
	piece->head.sum = 0;
	if (checksum(piece, bytes) != sum || piece->head.kind >= CHANNEL_KINDS)
		return false;
	return message->length + piece->head.length <= CHANNEL_MESSAGE_BYTES;
}

/* 1 when the next piece is there, 0 when it is not yet. */
static int read_piece(struct channel *channel, struct piece *piece)
{
	char node[STORE_PATH_BYTES];
	ssize_t got;

	slot_of(channel, channel->in, channel->taken, node);
	got = store_get(channel->store, node, piece, sizeof(*piece));
	if (got == -ENOENT) {
		/* not written yet, or is the session no more? */
		snprintf(node, sizeof(node), "%s/id", channel->session);
		got = store_get(channel->store, node, piece, sizeof(*piece));
		if (got < 0)
			return got == -ENOENT ? -EPIPE : (int)got;
		return 0;
	}
	if (got < 0)
		return (int)got;
	if (got > (ssize_t)sizeof(*piece) || got < (ssize_t)sizeof(piece->head))
		return -EBADMSG;
	if (piece->head.number != channel->taken + 1)
		return 0;
	return piece_fits(channel, piece, (size_t)got) ? 1 : -EBADMSG;
}

int channel_receive(struct channel *channel)
{
	struct channel_message *message = &channel->incoming;
	struct piece piece;
	int result;

	if (channel->whole)
		message->length = 0;
	channel->whole = false;
	for (;;) {
		result = read_piece(channel, &piece);
		if (result <= 0)
			return result;
		memcpy(message->bytes + message->length, piece.bytes,
		       piece.head.length);
		message->length += piece.head.length;
		message->kind = (enum channel_kind)piece.head.kind;
		channel->taken++;
		result = 0;
		if (channel->taken - channel->told >= CHANNEL_SLOTS / 2)
			result = tell_taken(channel);
		if (result != 0)
			return result;
		channel->whole = !piece.head.more;
		if (channel->whole)
			return 1;
	}
}

int channel_beat(struct channel *channel)
{
	char node[STORE_PATH_BYTES], text[16];

	snprintf(text, sizeof(text), "%u", ++channel->beats);
	node_of(channel, channel->out, "alive", node);
	return store_put(channel->store, node, text, strlen(text));
}
