/*
 * Every bound that we set on what a guest can make us hold or do.  A loop over
 * guest-controlled numbers names one of these in its header.
 */
#pragma once

#include <assert.h>

#define XEN_PAGE_BYTES 4096u
#define SECTOR_BYTES   512u
#define PAGE_SECTORS   (XEN_PAGE_BYTES / SECTOR_BYTES)

/* xen.h: the numbers from DOMID_FIRST_RESERVED on are nobody's domain. */
#define LIMIT_DOMID 0x7fefu

/* blkif.h: direct segments of one request. */
#define LIMIT_SEGMENTS 11u

/* blkif.h: pages of descriptors of one indirect request, and what they hold. */
#define LIMIT_DESCRIPTOR_PAGES	8u
#define LIMIT_DESCRIPTORS	(XEN_PAGE_BYTES / 8u) /* of one page */
#define LIMIT_INDIRECT_SEGMENTS (LIMIT_DESCRIPTOR_PAGES * LIMIT_DESCRIPTORS)

/* Segments of all indirect requests of one queue that are under way; one that
 * would be more stays in the ring. */
#define LIMIT_INDIRECT_UNDER_WAY 16384u

/* Shape of the transport (design: order 0 to 4, up to 16 queues). */
#define LIMIT_RING_ORDER 4u
#define LIMIT_RING_PAGES (1u << LIMIT_RING_ORDER)
#define LIMIT_RING_SLOTS 512u
#define LIMIT_QUEUES	 16u

/* Persistent grants of one queue: the number that Linux allows per ring. */
#define LIMIT_PERSISTENT 1056u
/* How long one that was used stays in a full cache, whatever else is asked for:
 * a guest that goes round more pages than fit would map and unmap for ever. */
#define LIMIT_PERSISTENT_STAY_NS 1000000000u

/* Pages of one queue's pool of bounce pages; more only if the longest request
 * that was offered needs more. */
#define LIMIT_POOL_PAGES   1024u
#define LIMIT_POOL_SHRINK  64u /* pages given back in one batch */
#define LIMIT_POOL_IDLE_MS 1000u

/* One turn of a queue takes at most so many requests, then looks around. */
#define LIMIT_TURN_REQUESTS 64u

/* The longest that a queue spins before it sleeps. */
#define LIMIT_POLL_NS 50000u

/* A disk whose worker died gets a new one so often in a window; then its
 * connection ends.  The setting may not exceed this. */
#define LIMIT_RESCUES	       6000u
#define LIMIT_RESCUE_WINDOW_NS 60000000000u

/* How long a new worker waits for what the kernel still does for the old one,
 * and how often it looks.  Longer than a worker may take to drain. */
#define LIMIT_SETTLE_NS	      40000000000u
#define LIMIT_SETTLE_FIRST_NS 1000000u
#define LIMIT_SETTLE_LAST_NS  50000000u

/* A new worker that ended before it served: the next one not at once, and not
 * for ever. */
#define LIMIT_RESCUE_AGAIN_NS 200000000u
#define LIMIT_RESCUE_NS	      120000000000u

/* A worker that was asked and has not answered, or was told to end and has not,
 * is killed: its disk goes on. */
#define LIMIT_ANSWER_NS 30000000000u

/* A store behind a socket: how long the supervisor asks it what it is; how long
 * it may leave a request without an answer, and how often that is looked at;
 * the longest command, which every server takes (the protocol asks for 32 MiB). */
#define LIMIT_EXPORT_NS	      3000000000u
#define LIMIT_STORE_SILENT_NS 60000000000u
#define LIMIT_STORE_TICK_NS   5000000000u
#define LIMIT_STORE_COMMAND   1048576u

/* A store that takes whole blocks only: the longest block; and the pieces of
 * memory in which a queue puts sectors into blocks, and their size, if a block is
 * not longer. */
#define LIMIT_STORE_BLOCK      65536u
#define LIMIT_BLOCK_ROOMS      32u
#define LIMIT_BLOCK_ROOM_BYTES 65536u

/* Events about nothing that a queue hears at once; then it pauses before it
 * listens again, longer each time. */
#define LIMIT_VAIN_EVENTS	  64u
#define LIMIT_VAIN_PAUSE_FIRST_MS 1u
#define LIMIT_VAIN_PAUSE_LAST_MS  16u

/* Of a discard so much is asked for at once; and so many pieces of it of a store
 * behind a socket: what lies behind them is kept, as it may be (K7). */
#define LIMIT_DISCARD_BYTES  (UINT64_C(1) << 30)
#define LIMIT_DISCARD_PIECES 64u

/* Limits of a disk: units per second (requests, or sectors), and how much of an
 * unused rate is saved up. */
#define LIMIT_RATE	      (1u << 31)
#define LIMIT_BURST_FIRST_MS  10u
#define LIMIT_BURST_MS	      8000u
#define LIMIT_BANDWIDTH_FIRST XEN_PAGE_BYTES /* bytes per second, if any */

/* Guest-caused log lines: so many at once, then so many per minute. */
#define LIMIT_LOG_BURST	     10u
#define LIMIT_LOG_PER_MINUTE 20u

/* A line about what a store failed, of each disk: one in so many seconds. */
#define LIMIT_FAILURE_SECONDS 60u

/* xenstore: longest value that we look at (XENSTORE_PAYLOAD_MAX is 4096). */
#define LIMIT_NODE_BYTES 256u
#define LIMIT_DEVICES	 1024u

/* Recording: memory of one queue between its thread and the supervisor, the
 * longest record, the smallest file that is worth opening. */
#define LIMIT_RECORD_RING_BYTES (4u << 20)
#define LIMIT_RECORD_BYTES	8192u
#define LIMIT_RECORD_FILE_MIN	65536u

/* ... and so many entries of a list are one record at most. */
#define LIMIT_RECORD_ENTRIES (LIMIT_TURN_REQUESTS * LIMIT_SEGMENTS)

static_assert(LIMIT_RING_PAGES * XEN_PAGE_BYTES / LIMIT_RING_SLOTS >= 108,
	      "the largest ring holds its slots");
static_assert(LIMIT_POOL_PAGES >= LIMIT_SEGMENTS,
	      "one request must always fit into the pool");
static_assert(LIMIT_INDIRECT_UNDER_WAY >= 2 * LIMIT_INDIRECT_SEGMENTS,
	      "while one is carried out, the next is read");
static_assert(LIMIT_RECORD_BYTES * 4 <= LIMIT_RECORD_RING_BYTES,
	      "the longest record fits into a ring beside others");
