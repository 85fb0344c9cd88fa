/*
 * read, copy-out, write and verify: the disk against a file, piece by piece.
 *
 * A thread per queue takes the next piece; a pipe has one order only, so that
 * standard output gets one thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "frontend/command.h"
#include "frontend/verify.h"

#define PIECE_BYTES (1u << 20)

enum direction {
	DISK_TO_FILE,
	FILE_TO_DISK,
	COMPARE,
};

struct copy {
	struct front *front;
	const struct command_options *options;
	enum direction direction;
	int fd;
	bool stream;	       /* fd has no positions: one thread, in order */
	bool sparse;	       /* leave holes for zeroes */
	uint64_t start, bytes; /* on the disk; the file's offset 0 is start */
	_Atomic uint64_t next; /* piece */
	atomic_bool failed;    /* whose sentence was printed */
	atomic_bool differs;
};

struct copy_thread {
	struct copy *copy;
	unsigned int queue;
	pthread_t thread;
	uint8_t *data, *other;
};

static int fail(struct copy *copy, uint64_t offset, const char *what, int err)
{
	if (!atomic_exchange(&copy->failed, true))
		fprintf(stderr, "xenblk-front: %s at byte %llu: %s\n", what,
			(unsigned long long)offset, strerror(-err));
	return err;
}

static int file_read(struct copy *copy, uint8_t *data, size_t bytes,
		     uint64_t offset)
{
	for (size_t done = 0; done < bytes;) {
		ssize_t n = pread(copy->fd, data + done, bytes - done,
				  (off_t)(offset + done));

		if (n < 0)
			return fail(copy, offset + done,
				    "the file cannot be read", -errno);
		if (n == 0) { /* its last sector is filled up with zeroes */
			memset(data + done, 0, bytes - done);
			break;
		}
		done += (size_t)n;
	}
	return 0;
}

static bool is_zero(const uint8_t *data, size_t bytes)
{
	return data[0] == 0 && !memcmp(data, data + 1, bytes - 1);
}

static int file_write(struct copy *copy, const uint8_t *data, size_t bytes,
		      uint64_t offset)
{
	if (copy->sparse && is_zero(data, bytes))
		return 0;
	for (size_t done = 0; done < bytes;) {
		ssize_t n =
			copy->stream
				? write(copy->fd, data + done, bytes - done)
				: pwrite(copy->fd, data + done, bytes - done,
					 (off_t)(offset + done));

		if (n < 0)
			return fail(copy, offset + done,
				    "the output cannot be written", -errno);
		done += (size_t)n;
	}
	return 0;
}

static int disk(struct copy_thread *t, bool write, uint64_t offset,
		size_t bytes)
{
	struct copy *copy = t->copy;
	uint64_t at = copy->start + offset;
	int err = front_transfer(front_queue(copy->front, t->queue), write,
				 at / 512, t->data, bytes);

	if (err)
		return fail(copy, at,
			    write ? "the disk cannot be written"
				  : "the disk cannot be read",
			    err);
	return 0;
}

static int compare(struct copy_thread *t, uint64_t offset, size_t bytes)
{
	struct copy *copy = t->copy;
	size_t at;
	int err = disk(t, false, offset, bytes);

	if (!err)
		err = file_read(copy, t->other, bytes, offset);
	if (err)
		return err;
	at = verify_difference(t->data, t->other, bytes);
	if (at == bytes)
		return 0;
	if (!atomic_exchange(&copy->differs, true))
		fprintf(stderr,
			"xenblk-front: the disk differs from the file: byte "
			"%llu "
			"is 0x%02x on the disk, 0x%02x in the file\n",
			(unsigned long long)(copy->start + offset + at),
			t->data[at], t->other[at]);
	return -EILSEQ;
}

static int piece(struct copy_thread *t, uint64_t offset, size_t bytes)
{
	int err;

	switch (t->copy->direction) {
	case DISK_TO_FILE:
		err = disk(t, false, offset, bytes);
		return err ? err : file_write(t->copy, t->data, bytes, offset);
	case FILE_TO_DISK:
		err = file_read(t->copy, t->data, bytes, offset);
		return err ? err : disk(t, true, offset, bytes);
	case COMPARE:
	default:
		return compare(t, offset, bytes);
	}
}

static void *copy_thread(void *context)
{
	struct copy_thread *t = context;
	struct copy *copy = t->copy;

	while (!atomic_load(&copy->failed) && !atomic_load(&copy->differs) &&
	       !atomic_load(&command_stop)) {
		uint64_t offset =
			atomic_fetch_add(&copy->next, 1) * PIECE_BYTES;
		uint64_t left;

		if (offset >= copy->bytes)
			break;
		left = copy->bytes - offset;
		piece(t, offset, left < PIECE_BYTES ? left : PIECE_BYTES);
	}
	return NULL;
}

static int run_threads(struct copy *copy)
{
	struct copy_thread thread[FRONT_MAX_QUEUES] = {0};
	unsigned int queues = copy->stream ? 1 : front_queues(copy->front);
	unsigned int started = 0;
	int err = 0;

	for (unsigned int i = 0; i < queues; i++) {
		thread[i].copy = copy;
		thread[i].queue = i;
		thread[i].data = malloc(PIECE_BYTES);
		thread[i].other = malloc(PIECE_BYTES);
		if (!thread[i].data || !thread[i].other)
			err = -ENOMEM;
	}
	while (!err && started < queues) {
		err = -pthread_create(&thread[started].thread, NULL,
				      copy_thread, &thread[started]);
		started += !err;
	}
	for (unsigned int i = 0; i < queues; i++) {
		if (i < started)
			pthread_join(thread[i].thread, NULL);
		free(thread[i].data);
		free(thread[i].other);
	}
	return err ? fail(copy, 0, "cannot start threads", err) : 0;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void report(const struct copy *copy, double seconds)
{
	const char *command = copy->options->command;
	bool same = !atomic_load(&copy->differs);
	json_t *document;

	if (!copy->options->json) {
		fprintf(stderr, "%s: %llu bytes in %.2f s, %.0f MiB/s%s\n",
			command, (unsigned long long)copy->bytes, seconds,
			(double)copy->bytes / seconds / 1048576,
			copy->direction != COMPARE ? ""
			: same			   ? ", identical"
						   : ", different");
		return;
	}
	document = json_pack("{s:s, s:I, s:f, s:b}", "command", command,
			     "bytes", (json_int_t)copy->bytes, "seconds",
			     seconds, "identical", same);
	/* With the data on standard output, the document would spoil it. */
	json_dumpf(document, copy->stream ? stderr : stdout, JSON_INDENT(1));
	fputc('\n', copy->stream ? stderr : stdout);
	json_decref(document);
}

/* The part of the disk that the options name; 0 or an exit code. */
static int choose_range(struct copy *copy)
{
	uint64_t disk_bytes = front_properties(copy->front)->sectors * 512;
	const struct command_options *o = copy->options;

	copy->start = o->offset;
	copy->bytes = o->length;
	if (o->offset <= disk_bytes && !o->length)
		copy->bytes = disk_bytes - o->offset;
	if (o->offset <= disk_bytes && copy->bytes <= disk_bytes - o->offset)
		return 0;
	fprintf(stderr, "xenblk-front: bytes %llu to %llu: the disk has %llu\n",
		(unsigned long long)o->offset,
		(unsigned long long)(o->offset + copy->bytes),
		(unsigned long long)disk_bytes);
	return EXIT_USAGE;
}

static int run(struct copy *copy)
{
	double start = now();

	if (run_threads(copy))
		return EXIT_BROKEN;
	if (atomic_load(&command_stop)) {
		fprintf(stderr, "xenblk-front: interrupted, not finished\n");
		return EXIT_BROKEN;
	}
	if (atomic_load(&copy->failed))
		return EXIT_FAILED;
	report(copy, now() - start);
	return atomic_load(&copy->differs) ? EXIT_FAILED : EXIT_OKAY;
}

static int open_file(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0666);

	if (fd < 0)
		fprintf(stderr, "xenblk-front: cannot open %s: %s\n", path,
			strerror(errno));
	return fd;
}

int command_copy_out(struct front *front, const struct command_options *o)
{
	const char *path = o->operand ? o->operand : o->output;
	struct copy copy = {
		.front = front,
		.options = o,
		.direction = DISK_TO_FILE,
		.fd = STDOUT_FILENO,
		.stream = !path,
		.sparse = !strcmp(o->command, "copy-out"),
	};
	int end = choose_range(&copy);

	if (end)
		return end;
	if (path)
		copy.fd = open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
	if (copy.fd < 0)
		return EXIT_BROKEN;
	end = run(&copy);
	if (path && ftruncate(copy.fd, (off_t)copy.bytes))
		end = EXIT_BROKEN;
	if (path && close(copy.fd))
		end = EXIT_BROKEN;
	if (end == EXIT_BROKEN && path)
		fprintf(stderr, "xenblk-front: %s is incomplete\n", path);
	return end;
}

/* The file decides how much, rounded up to a sector. */
static int choose_file_range(struct copy *copy, const char *path)
{
	struct stat status;
	int end = choose_range(copy);

	if (end)
		return end;
	copy->fd = open_file(path, O_RDONLY);
	if (copy->fd < 0)
		return EXIT_BROKEN;
	status.st_size = lseek(copy->fd, 0, SEEK_END);
	if (status.st_size <= 0) {
		fprintf(stderr, "xenblk-front: %s is empty or has no size\n",
			path);
		return EXIT_USAGE;
	}
	if (copy->options->length)
		return 0;
	if (((uint64_t)status.st_size + 511) / 512 * 512 > copy->bytes) {
		fprintf(stderr,
			"xenblk-front: %s has %lld bytes, the disk only %llu "
			"from there; choose a part with --length\n",
			path, (long long)status.st_size,
			(unsigned long long)copy->bytes);
		return EXIT_USAGE;
	}
	copy->bytes = ((uint64_t)status.st_size + 511) / 512 * 512;
	return 0;
}

static int with_file(struct copy *copy, const char *path)
{
	int end;

	if (!path) {
		fprintf(stderr, "xenblk-front: %s needs a file\n",
			copy->options->command);
		return EXIT_USAGE;
	}
	end = choose_file_range(copy, path);
	if (!end)
		end = run(copy);
	if (copy->fd >= 0)
		close(copy->fd);
	return end;
}

int command_write(struct front *front, const struct command_options *o)
{
	struct copy copy = {
		.front = front,
		.options = o,
		.direction = FILE_TO_DISK,
		.fd = -1,
	};
	int end = with_file(&copy, o->input ? o->input : o->operand);
	int err;

	if (end || !front_properties(front)->feature_flush)
		return end;
	err = front_flush(front_queue(front, 0));
	if (err)
		fprintf(stderr, "xenblk-front: the flush failed: %s\n",
			strerror(-err));
	return err ? EXIT_FAILED : EXIT_OKAY;
}

int command_verify(struct front *front, const struct command_options *o)
{
	struct copy copy = {
		.front = front,
		.options = o,
		.direction = COMPARE,
		.fd = -1,
	};

	return with_file(&copy, o->operand ? o->operand : o->input);
}

int command_discard(struct front *front, const struct command_options *o)
{
	struct copy copy = {.front = front, .options = o, .fd = -1};
	int end = choose_range(&copy);
	int err;

	if (end)
		return end;
	err = front_discard(front_queue(front, 0), o->offset / 512,
			    copy.bytes / 512);
	if (err == -EOPNOTSUPP)
		fprintf(stderr, "xenblk-front: the backend does not offer "
				"discard, or its store cannot do it\n");
	else if (err)
		fprintf(stderr, "xenblk-front: the discard failed: %s\n",
			strerror(-err));
	return err ? EXIT_FAILED : EXIT_OKAY;
}
