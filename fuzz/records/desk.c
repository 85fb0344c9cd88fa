/* What the records of the harness do to a recording and its workers.  See desk.h. */
#include "fuzz/records/desk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/supervisor/recording.h"
#include "fuzz/oracle/oracle.h"
#include "fuzz/records/file.h"
#include "sim/sim.h"

#define DISKS  4u
#define QUEUES 2u
#define BURST  600u

static struct {
	struct recording *recording;
	struct record_region *worker[DISKS]; /* as it sees its memory */
	uint64_t max_bytes, now_ns;
} w;

static struct device_key key_of(unsigned int disk)
{
	return (struct device_key){.domid = 5 + disk, .devid = 51712};
}

static void put(struct record_ring *ring, const void *bytes, size_t count)
{
	const uint64_t head = atomic_load(&ring->head);

	for (size_t i = 0; i < count; i++)
		ring->byte[(head + i) % LIMIT_RECORD_RING_BYTES] =
			((const uint8_t *)bytes)[i];
	atomic_store(&ring->head, head + count);
}

/* Some that are not a worker's, and all that are; from SCRIPT_ODD on also those
 * that come after them, however many there will be. */
static uint16_t kind_of(uint8_t value)
{
	return value < SCRIPT_ODD
		       ? (uint16_t)(RECORD_ATTACH - 4u + value % 18)
		       : (uint16_t)(RECORD_ATTACH + value - SCRIPT_ODD);
}

static void put_records(struct record_ring *ring, const struct script_record *r)
{
	static const uint8_t zeroes[LIMIT_RECORD_BYTES];
	const unsigned int many =
		1u + script_u8(r, 3) * (script_u8(r, 3) / 64u);
	struct record_header header = {
		.bytes = (uint32_t)(sizeof(header) + script_u8(r, 4) * 8u),
		.kind = kind_of(script_u8(r, 2)),
		.queue = script_u8(r, 5),
		.domid = script_u8(r, 6),
		.time_ns = w.now_ns,
	};

	for (unsigned int i = 0; i < many && i < BURST; i++) {
		put(ring, &header, sizeof(header));
		put(ring, zeroes, header.bytes - sizeof(header));
	}
}

/* What a worker that was taken over does to its own memory. */
static void worker_writes(struct record_ring *ring,
			  const struct script_record *r)
{
	switch (script_u8(r, 0) % DESK_KIND_COUNT) {
	case DESK_BYTES:
		put(ring, &r->byte[4], 1u + script_u8(r, 2) % 12);
		break;
	case DESK_HEAD:
		atomic_store(&ring->head,
			     atomic_load(&ring->head) + script_u32(r, 8) +
				     ((uint64_t)script_u8(r, 7) << 56));
		break;
	case DESK_LOST:
		atomic_store(&ring->lost, script_u8(r, 2));
		break;
	default:
		put_records(ring, r);
		break;
	}
}

static void begin_worker(unsigned int disk)
{
	const int fd =
		recording_worker_begins(w.recording, key_of(disk), QUEUES);

	record_region_unmap(w.worker[disk], QUEUES);
	w.worker[disk] = NULL;
	if (fd < 0)
		return;
	if (record_region_map(fd, QUEUES + 1, &w.worker[disk]) != -EINVAL ||
	    record_region_map(fd, QUEUES, &w.worker[disk]) != 0)
		oracle_fail(ORACLE_RECORDS, "its memory has another size");
	close(fd);
}

static void end_worker(unsigned int disk)
{
	recording_worker_ends(w.recording, key_of(disk));
	record_region_unmap(w.worker[disk], QUEUES);
	w.worker[disk] = NULL;
}

static void say(unsigned int disk, const struct script_record *r)
{
	static char text[2049];
	const struct device_key key = key_of(disk);
	const size_t bytes = script_u8(r, 3) * 8u;

	memset(text, script_u8(r, 4) | 1, sizeof(text) - 1);
	text[bytes] = '\0';
	switch (script_u8(r, 2) % 5) {
	case 0:
		recording_number(w.recording, key, RECORD_BACK_STATE, 4);
		break;
	case 1:
		recording_mark(w.recording, key, RECORD_GUEST_GONE);
		break;
	case 2:
		recording_text(w.recording, key, RECORD_ERROR, "", text);
		break;
	case 3:
		recording_node(w.recording, key, RECORD_FRONT_KEY,
			       &(struct recording_node){.name = "state"});
		break;
	default:
		recording_node(w.recording, key, RECORD_FRONT_KEY,
			       &(struct recording_node){
				       .name = "x",
				       .value = text,
				       .bytes = bytes > 2000 ? 2000 : bytes});
		break;
	}
}

/* As main.c opens it: a place that cannot be one is said and nothing recorded. */
static void open_again(void)
{
	char error[RECORDING_ERROR_BYTES] = "";

	for (unsigned int i = 0; i < DISKS; i++)
		end_worker(i);
	recording_close(w.recording);
	w.recording = NULL;
	if (recording_open(FILE_NAME, w.max_bytes, &w.recording, error) < 0 &&
	    strstr(error, FILE_NAME) == NULL)
		oracle_fail(ORACLE_RECORDS, "a refusal without its name");
}

void desk_begin(const struct script_record *device)
{
	memset(&w, 0, sizeof(w));
	sim_reset(1);
	w.max_bytes = LIMIT_RECORD_FILE_MIN + script_u8(device, 1) % 4 * 8u;
	file_begin(script_u8(device, 0));
	file_plan(script_u8(device, 2) % 4, script_u8(device, 3));
	open_again();
}

void desk_act(const struct script_record *r)
{
	const unsigned int disk = script_u8(r, 1) % DISKS;
	struct record_region *worker = w.worker[disk];
	struct record_ring *ring =
		worker != NULL ? &worker->ring[script_u8(r, 1) / DISKS % QUEUES]
			       : NULL;

	switch (script_u8(r, 0) % DESK_KIND_COUNT) {
	case DESK_BEGIN:
		begin_worker(disk);
		break;
	case DESK_END:
		end_worker(disk);
		break;
	case DESK_STEP:
		sim_clock_advance(script_u16(r, 2) * UINT64_C(100000));
		w.now_ns += script_u16(r, 2) * UINT64_C(100000);
		(void)recording_step(w.recording, w.now_ns);
		break;
	case DESK_SAY:
		say(disk, r);
		break;
	case DESK_PLAN:
		file_plan(1 + script_u8(r, 2) % 8, script_u8(r, 3));
		break;
	case DESK_REOPEN:
		file_end();
		file_begin(script_u8(r, 2));
		open_again();
		break;
	default:
		if (ring != NULL)
			worker_writes(ring, r);
		break;
	}
}

void desk_check(void)
{
	(void)file_check(w.max_bytes);
}

uint64_t desk_end(uint64_t *records)
{
	uint64_t hash;

	recording_close(w.recording);
	for (unsigned int i = 0; i < DISKS; i++)
		record_region_unmap(w.worker[i], QUEUES);
	hash = file_check(w.max_bytes);
	*records = file_records();
	file_end();
	return hash;
}
