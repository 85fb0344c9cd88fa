/* The file of a recording and who writes into it.  See recording.h. */
#include "backend/supervisor/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/supervisor/conf.h"
#include "backend/supervisor/tape.h"

/* While something comes, and while nothing does. */
#define BUSY_NS 10000000u
#define IDLE_NS 50000000u

#define BUFFER_BYTES (256u << 10)

/* What one queue may bring in one step: a queue that never rests must not keep
 * the supervisor from its other work. */
#define STEP_READS (LIMIT_RECORD_RING_BYTES / BUFFER_BYTES + 1u)

struct recording {
	int fd;
	bool stopped; /* full, or the file took no more */
	uint64_t start_ns;
	uint64_t next_ns;
	uint64_t bytes;
	uint64_t max_bytes;
	unsigned int tapes;
	struct tape *tape[LIMIT_DEVICES];
	char path[CONF_PATH_BYTES];
	_Alignas(8) unsigned char buffer[BUFFER_BYTES];
};

_Static_assert(BUFFER_BYTES >= TAPE_ROOM_MIN, "any record fits");

/* --- the file --- */

static int begin_file(const char *path, char *error)
{
	char old[CONF_PATH_BYTES + 8];
	struct stat status;
	int fd;

	if (lstat(path, &status) == 0) {
		if (!S_ISREG(status.st_mode)) {
			snprintf(error, RECORDING_ERROR_BYTES,
				 "the recording %s is there, but is no file: "
				 "name another with --record",
				 path);
			return -EEXIST;
		}
		snprintf(old, sizeof(old), "%s.old", path);
		if (rename(path, old) < 0)
			log_line(LOG_WARNING, "%s cannot be kept as %s: %s",
				 path, old, strerror(errno));
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		  0600);
	if (fd >= 0)
		return fd;
	fd = -errno;
	snprintf(error, RECORDING_ERROR_BYTES,
		 "the recording %s cannot be made: %s", path, strerror(-fd));
	return fd;
}

static void stop(struct recording *r)
{
	r->stopped = true;
	for (unsigned int i = 0; i < r->tapes; i++)
		tape_stop(r->tape[i]);
}

/* All of it or nothing: a record that is cut stands at the end of a file only.
 */
static void write_out(struct recording *r, const void *data, size_t bytes)
{
	const unsigned char *from = data;
	size_t done = 0;

	while (done < bytes) {
		ssize_t n = write(r->fd, from + done, bytes - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			log_line(LOG_ERROR,
				 "the recording %s ends: it cannot be written "
				 "(%s); the disks are served on",
				 r->path, strerror(n < 0 ? errno : EIO));
			stop(r);
			if (ftruncate(r->fd, (off_t)r->bytes) < 0)
				log_line(LOG_DEBUG, "%s: %s", r->path,
					 strerror(errno));
			return;
		}
		done += (size_t)n;
	}
	r->bytes += bytes;
}

static uint64_t elapsed_ns(const struct recording *r)
{
	return clock_now_ns() - r->start_ns;
}

/* How many bytes of whole records fit into so many bytes. */
static size_t whole_records(const unsigned char *data, size_t bytes,
			    uint64_t room)
{
	size_t at = 0;

	while (at < bytes) {
		struct record_header header;

		memcpy(&header, data + at, sizeof(header));
		if (at + header.bytes > room)
			break;
		at += header.bytes;
	}
	return at;
}

/* Records, as long as there is room for them and for the last one. */
static void append(struct recording *r, const unsigned char *data, size_t bytes)
{
	struct record_header full = {.bytes = sizeof(full),
				     .kind = RECORD_FULL,
				     .queue = RECORD_NO_QUEUE};
	const uint64_t room = r->max_bytes - r->bytes - sizeof(full);
	size_t fits = bytes;

	if (r->stopped)
		return;
	if (bytes > room)
		fits = whole_records(data, bytes, room);
	if (fits > 0)
		write_out(r, data, fits);
	if (fits == bytes || r->stopped)
		return;
	full.time_ns = elapsed_ns(r);
	write_out(r, &full, sizeof(full));
	stop(r);
	log_line(LOG_WARNING,
		 "the recording %s has reached its bound of %llu bytes and "
		 "ends; the disks are served on",
		 r->path, (unsigned long long)r->max_bytes);
}

int recording_open(const char *path, uint64_t max_bytes,
		   struct recording **recording, char *error)
{
	struct record_file header = {.magic = RECORD_MAGIC,
				     .version = RECORD_VERSION,
				     .bytes = sizeof(header),
				     .max_bytes = max_bytes};
	struct recording *r = calloc(1, sizeof(*r));
	struct timespec wall;

	CHECK(max_bytes >= LIMIT_RECORD_FILE_MIN);
	if (r == NULL)
		return -ENOMEM;
	r->fd = begin_file(path, error);
	if (r->fd < 0) {
		int result = r->fd;

		free(r);
		return result;
	}
	snprintf(r->path, sizeof(r->path), "%s", path);
	clock_gettime(CLOCK_REALTIME, &wall);
	header.wall_ns =
		(uint64_t)wall.tv_sec * 1000000000u + (uint64_t)wall.tv_nsec;
	r->max_bytes = max_bytes;
	r->start_ns = clock_now_ns();
	write_out(r, &header, sizeof(header));
	*recording = r;
	return 0;
}

/* --- the workers --- */

static bool take_queue(struct recording *r, struct tape *tape,
		       unsigned int queue)
{
	bool any = false;

	for (unsigned int i = 0; i < STEP_READS && !r->stopped; i++) {
		size_t n = tape_read(tape, queue, r->buffer, sizeof(r->buffer));

		if (n == 0)
			break;
		append(r, r->buffer, n);
		any = true;
	}
	return any;
}

static bool take_tape(struct recording *r, struct tape *tape)
{
	bool any = false;

	for (unsigned int q = 0; q < tape_queues(tape); q++)
		any |= take_queue(r, tape, q);
	return any;
}

uint64_t recording_step(struct recording *recording, uint64_t now_ns)
{
	bool any = false;

	if (recording == NULL || recording->stopped || recording->tapes == 0)
		return UINT64_MAX;
	if (now_ns < recording->next_ns)
		return recording->next_ns;
	for (unsigned int i = 0; i < recording->tapes; i++)
		any |= take_tape(recording, recording->tape[i]);
	recording->next_ns = now_ns + (any ? BUSY_NS : IDLE_NS);
	return recording->next_ns;
}

static void append_lost(struct recording *r, const struct tape *tape,
			unsigned int queue)
{
	const struct device_key key = tape_key(tape);
	struct {
		struct record_header header;
		struct record_number number;
	} record = {
		.header = {.bytes = sizeof(record),
			   .kind = RECORD_LOST,
			   .queue = (uint16_t)queue,
			   .time_ns = elapsed_ns(r),
			   .domid = key.domid,
			   .devid = key.devid},
		.number = {tape_lost(tape, queue)},
	};

	if (record.number.number > 0)
		append(r, (const unsigned char *)&record, sizeof(record));
}

static void end_tape(struct recording *r, unsigned int i)
{
	struct tape *tape = r->tape[i];

	CHECK(i < r->tapes);
	take_tape(r, tape);
	for (unsigned int q = 0; q < tape_queues(tape); q++)
		append_lost(r, tape, q);
	tape_destroy(tape);
	r->tape[i] = r->tape[--r->tapes];
}

void recording_worker_ends(struct recording *recording, struct device_key key)
{
	if (recording == NULL)
		return;
	for (unsigned int i = recording->tapes; i-- > 0;)
		if (device_key_pack(tape_key(recording->tape[i])) ==
		    device_key_pack(key))
			end_tape(recording, i);
}

int recording_worker_begins(struct recording *recording, struct device_key key,
			    unsigned int queues)
{
	struct recording *r = recording;
	int fd = -1, error;

	if (r == NULL || r->stopped)
		return -1;
	recording_worker_ends(r, key);
	if (r->tapes == LIMIT_DEVICES)
		return -1;
	error = tape_create(key, queues, r->start_ns, &r->tape[r->tapes], &fd);
	if (error == 0) {
		r->tapes++;
		return fd;
	}
	log_line(LOG_WARNING, "vbd %u/%u is served, but not recorded: %s",
		 key.domid, key.devid, strerror(-error));
	return -1;
}

void recording_close(struct recording *recording)
{
	if (recording == NULL)
		return;
	while (recording->tapes > 0)
		end_tape(recording, recording->tapes - 1);
	close(recording->fd);
	free(recording);
}

/* --- the supervisor's own records --- */

static struct record_header own_header(const struct recording *r,
				       struct device_key key,
				       enum record_kind kind, size_t bytes)
{
	return (struct record_header){.bytes = (uint32_t)bytes,
				      .kind = (uint16_t)kind,
				      .queue = RECORD_NO_QUEUE,
				      .time_ns = elapsed_ns(r),
				      .domid = key.domid,
				      .devid = key.devid};
}

void recording_number(struct recording *recording, struct device_key key,
		      enum record_kind kind, uint64_t number)
{
	struct {
		struct record_header header;
		struct record_number number;
	} record;

	if (recording == NULL)
		return;
	record.header = own_header(recording, key, kind, sizeof(record));
	record.number.number = number;
	append(recording, (const unsigned char *)&record, sizeof(record));
}

void recording_mark(struct recording *recording, struct device_key key,
		    enum record_kind kind)
{
	struct record_header header;

	if (recording == NULL)
		return;
	header = own_header(recording, key, kind, sizeof(header));
	append(recording, (const unsigned char *)&header, sizeof(header));
}

void recording_node(struct recording *recording, struct device_key key,
		    enum record_kind kind, const struct recording_node *node)
{
	const size_t name_bytes = strlen(node->name);
	const size_t value_bytes = node->value == NULL ? 0 : node->bytes;
	struct record_header header;
	struct record_node fixed = {.key_bytes = (uint16_t)name_bytes,
				    .value_bytes = (uint16_t)value_bytes};
	unsigned char record[sizeof(header) + sizeof(fixed) + 2048] = {0};
	unsigned char *at = record + sizeof(header) + sizeof(fixed);
	size_t bytes;

	if (recording == NULL)
		return;
	CHECK(name_bytes + value_bytes <= 2048);
	if (node->value == NULL)
		fixed.value_bytes = RECORD_ABSENT;
	bytes = record_padded(sizeof(header) + sizeof(fixed) + name_bytes +
			      value_bytes);
	header = own_header(recording, key, kind, bytes);
	memcpy(record, &header, sizeof(header));
	memcpy(record + sizeof(header), &fixed, sizeof(fixed));
	memcpy(at, node->name, name_bytes);
	if (value_bytes > 0)
		memcpy(at + name_bytes, node->value, value_bytes);
	append(recording, record, bytes);
}

void recording_text(struct recording *recording, struct device_key key,
		    enum record_kind kind, const char *name, const char *value)
{
	const struct recording_node node = {
		.name = name, .value = value, .bytes = strlen(value)};

	recording_node(recording, key, kind, &node);
}
