/* One call of xenblkctl.  See run.h. */
#include "fuzz/ctl/run.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCKS_MAX 65536u

/* main() and the memory of backend/ctl, by the hand of its CMakeLists.txt. */
int ctl_main(int argc, char **argv);
void ctl_free(void *memory);
void *ctl_realloc(void *memory, size_t bytes);
void *ctl_calloc(size_t count, size_t bytes);
ssize_t __real_recv(int fd, void *to, size_t room, int flags);
ssize_t __wrap_recv(int fd, void *to, size_t room, int flags);
_Noreturn void __real_exit(int status);
_Noreturn void __wrap_exit(int status);
int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __real_connect(int fd, const struct sockaddr *address, socklen_t bytes);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t bytes);

static struct {
	bool running;
	jmp_buf back;
	const char *answer; /* what is left of it */
	size_t bytes;
	unsigned int answers;
	int daemon; /* its end; -1 */
	bool connected;
} ctl = {.daemon = -1};

/* What a process that ends gives back: jansson's memory. */
static void *blocks[BLOCKS_MAX];

static void *take(size_t bytes)
{
	void **block = malloc(sizeof(*block) * 2 + bytes);
	static size_t next;

	for (size_t i = 0; block != NULL && i < BLOCKS_MAX; i++) {
		const size_t at = (next + i) % BLOCKS_MAX;

		if (blocks[at] != NULL)
			continue;
		next = at + 1;
		blocks[at] = block;
		block[0] = &blocks[at];
		block[1] = (void *)bytes;
		return block + 2;
	}
	free(block);
	return NULL;
}

static void give(void *memory)
{
	void **block;

	if (memory == NULL)
		return;
	block = (void **)memory - 2;
	*(void **)block[0] = NULL;
	free(block);
}

void ctl_free(void *memory)
{
	give(memory);
}

void *ctl_realloc(void *memory, size_t bytes)
{
	void **block = memory != NULL ? (void **)memory - 2 : NULL;
	void *more = take(bytes);

	if (block != NULL && more != NULL)
		memcpy(more, memory,
		       bytes < (size_t)block[1] ? bytes : (size_t)block[1]);
	if (more != NULL)
		give(memory);
	return more;
}

void *ctl_calloc(size_t count, size_t bytes)
{
	void *memory = take(count * bytes);

	if (memory != NULL)
		memset(memory, 0, count * bytes);
	return memory;
}

static void give_all(void)
{
	for (size_t i = 0; i < BLOCKS_MAX; i++) {
		free(blocks[i]);
		blocks[i] = NULL;
	}
}

/* --- what it calls --- */

_Noreturn void __wrap_exit(int status)
{
	if (!ctl.running)
		__real_exit(status);
	longjmp(ctl.back, status + 1);
}

int __wrap_socket(int domain, int type, int protocol)
{
	int ends[2];

	if (!ctl.running)
		return __real_socket(domain, type, protocol);
	if (socketpair(domain, type, protocol, ends) < 0)
		return -1;
	ctl.daemon = ends[1];
	return ends[0];
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t bytes)
{
	if (!ctl.running)
		return __real_connect(fd, address, bytes);
	errno = ECONNREFUSED;
	if (ctl.answer == NULL)
		return -1;
	ctl.connected = true;
	return 0;
}

/* A line for each request, in pieces of any size. */
ssize_t __wrap_recv(int fd, void *to, size_t room, int flags)
{
	const char *end;
	size_t n;

	if (!ctl.running)
		return __real_recv(fd, to, room, flags);
	end = memchr(ctl.answer, '\n', ctl.bytes);
	n = end != NULL ? (size_t)(end - ctl.answer) + 1 : ctl.bytes;
	ctl.answers += end != NULL && n <= room;
	n = n < room ? n : room;
	memcpy(to, ctl.answer, n);
	ctl.answer += n;
	ctl.bytes -= n;
	return (ssize_t)n;
}

bool ctl_running(void)
{
	return ctl.running;
}

/* --- one call --- */

static int call(int argc, char **argv)
{
	int status;

	optind = 0; /* begin anew: glibc's way to say so */
	ctl.running = true;
	status = setjmp(ctl.back);
	status = status == 0 ? ctl_main(argc, argv) : status - 1;
	ctl.running = false;
	return status;
}

static void take_request(struct ctl_run *run)
{
	char bytes[1024];
	ssize_t n = 0;

	if (ctl.daemon < 0)
		return;
	n = __real_recv(ctl.daemon, bytes, sizeof(bytes), MSG_DONTWAIT);
	close(ctl.daemon);
	ctl.daemon = -1;
	if (n <= 0)
		return;
	run->request = malloc((size_t)n);
	if (run->request == NULL)
		abort();
	memcpy(run->request, bytes, (size_t)n);
	run->request_bytes = (size_t)n;
}

void ctl_run(int argc, char **argv, const void *answer, size_t bytes,
	     struct ctl_run *run)
{
	FILE *const out = stdout, *const err = stderr;

	memset(run, 0, sizeof(*run));
	json_set_alloc_funcs(take, give);
	ctl.answer = answer;
	ctl.bytes = bytes;
	ctl.connected = false;
	ctl.answers = 0;
	stdout = stderr = open_memstream(&run->said, &run->said_bytes);
	if (stdout == NULL)
		abort();
	run->status = call(argc, argv);
	fclose(stdout);
	stdout = out;
	stderr = err;
	run->connected = ctl.connected;
	run->answers = ctl.answers;
	take_request(run);
	give_all();
}

void ctl_run_free(struct ctl_run *run)
{
	free(run->request);
	free(run->said);
}
