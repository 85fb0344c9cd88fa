/*
 * The store ring, guest's side (proxy.h): 1024 bytes each way in one shared
 * page, indices that run freely, a notification for each movement.
 */
#include "sim/broker/proxy.h"

#include <stdbool.h>
#include <string.h>

uint32_t proxy_partial_wants(const struct proxy_partial *partial)
{
	const uint32_t header = sizeof(partial->message.header);

	if (partial->have < header)
		return header - partial->have;
	return header + partial->message.header.len - partial->have;
}

/* Moves what fits; true when anything moved. */
static bool fill_ring(struct proxy *proxy)
{
	struct xenstore_domain_interface *ring = proxy->options.ring;
	struct bytes *bytes = &proxy->to_ring;
	uint32_t produced = ring->req_prod;
	/* Pairs with the daemon's barrier before it moves req_cons. */
	uint32_t consumed = __atomic_load_n(&ring->req_cons, __ATOMIC_ACQUIRE);
	uint32_t room = XENSTORE_RING_SIZE - (produced - consumed);
	uint32_t count = 0;

	if (room > XENSTORE_RING_SIZE)
		return false;
	while (count < room && bytes_waiting(bytes) > 0) {
		ring->req[MASK_XENSTORE_IDX(produced + count)] =
			bytes->data[bytes->start++];
		count++;
	}
	__atomic_store_n(&ring->req_prod, produced + count, __ATOMIC_RELEASE);
	return count > 0;
}

/* Takes bytes for the message under way; how many. */
static uint32_t take_bytes(struct proxy *proxy, uint32_t wanted)
{
	struct xenstore_domain_interface *ring = proxy->options.ring;
	struct proxy_partial *partial = &proxy->from_ring;
	char *to = (char *)&partial->message + partial->have;
	uint32_t consumed = ring->rsp_cons;
	uint32_t produced = __atomic_load_n(&ring->rsp_prod, __ATOMIC_ACQUIRE);
	uint32_t count = produced - consumed;

	if (count > XENSTORE_RING_SIZE)
		return 0;
	if (count > wanted)
		count = wanted;
	for (uint32_t i = 0; i < count; i++)
		to[i] = ring->rsp[MASK_XENSTORE_IDX(consumed + i)];
	partial->have += count;
	__atomic_store_n(&ring->rsp_cons, consumed + count, __ATOMIC_RELEASE);
	return count;
}

/* Takes all that is there; true when anything moved. */
static bool drain_ring(struct proxy *proxy)
{
	struct proxy_partial *partial = &proxy->from_ring;
	bool moved = false;

	for (;;) {
		uint32_t wanted = proxy_partial_wants(partial);

		if (wanted > 0) {
			if (take_bytes(proxy, wanted) == 0)
				return moved;
			moved = true;
			if (partial->message.header.len > XENSTORE_PAYLOAD_MAX)
				partial->message.header.len = 0;
			continue;
		}
		partial->have = 0;
		partial->message.payload[partial->message.header.len] = '\0';
		proxy_reply(proxy, &partial->message);
	}
}

void proxy_ring_event(struct proxy *proxy)
{
	bool moved = drain_ring(proxy);

	if (fill_ring(proxy) || moved)
		proxy->options.notify(proxy->options.context);
}

void proxy_ring_send(struct proxy *proxy, const struct xsd_sockmsg *header,
		     const void *payload)
{
	bytes_append(&proxy->to_ring, header, sizeof(*header));
	bytes_append(&proxy->to_ring, payload, header->len);
	if (fill_ring(proxy))
		proxy->options.notify(proxy->options.context);
}
