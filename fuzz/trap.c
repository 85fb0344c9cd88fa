/* Faults and single steps.  See trap.h. */
#include "fuzz/trap.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "fuzz/fetch.h"
#include "fuzz/guest.h"

#define FAULT_IS_WRITE 2
#define TRAP_FLAG      0x100

struct range {
	char *at; /* NULL: not used */
	size_t bytes;
};

static struct {
	struct range range[GUEST_QUEUES];
	const struct range *open; /* while one instruction runs */
	uint64_t reads;
} trap;

static void die(const char *what)
{
	perror(what);
	abort();
}

static void protect(const struct range *range, int rights)
{
	if (mprotect(range->at, range->bytes, rights) != 0)
		die("pages: mprotect");
}

/* --- how much an instruction reads --- */

/* 0F xx: moves with extension, and moves of vector registers. */
static int two_byte_length(uint8_t opcode, uint8_t prefix, bool wide)
{
	switch (opcode) {
	case 0xb6: /* movzx, movsx */
	case 0xbe:
		return 1;
	case 0xb7:
	case 0xbf:
		return 2;
	case 0x10: /* movups, movss, movsd */
		return prefix == 0xf3 ? 4 : prefix == 0xf2 ? 8 : 16;
	case 0x12: /* movlps, movhps */
	case 0x16:
		return 8;
	case 0x6e: /* movd, movq */
		return wide ? 8 : 4;
	case 0x7e:
		return prefix == 0xf3 ? 8 : -1;
	case 0x28: /* movaps, movdqa, movdqu */
	case 0x6f:
		return 16;
	default:
		return -1;
	}
}

static int one_byte_length(uint8_t opcode, uint8_t modrm, int operand)
{
	const unsigned int extension = modrm >> 3 & 7;

	switch (opcode) {
	case 0x8a: /* mov, cmp, test of a byte */
	case 0x3a:
	case 0x38:
	case 0x84:
	case 0xa4: /* movsb */
		return 1;
	case 0x8b: /* mov, cmp, test, and, or, xor, add, sub into a register */
	case 0x3b:
	case 0x39:
	case 0x85:
	case 0x23:
	case 0x0b:
	case 0x33:
	case 0x03:
	case 0x2b:
	case 0xa5: /* movs */
		return operand;
	case 0x63: /* movsxd */
		return 4;
	case 0x80: /* cmp with a constant; the others of the group write */
		return extension == 7 ? 1 : -1;
	case 0x81:
	case 0x83:
		return extension == 7 ? operand : -1;
	case 0xf6: /* test with a constant */
		return extension == 0 ? 1 : -1;
	case 0xf7:
		return extension == 0 ? operand : -1;
	default:
		return -1;
	}
}

/* Stores that do not read what they overwrite. */
static bool only_writes(uint8_t opcode, bool two_bytes)
{
	if (two_bytes)
		return opcode == 0x11 || opcode == 0x29 || opcode == 0x7f ||
		       opcode == 0x7e || opcode == 0xd6 || opcode == 0x13 ||
		       opcode == 0x17;
	return opcode == 0x88 || opcode == 0x89 || opcode == 0xc6 ||
	       opcode == 0xc7 || opcode == 0xaa || opcode == 0xab;
}

int trap_length(const uint8_t *code, int write)
{
	uint8_t prefix = 0;
	bool wide = false;
	bool two_bytes;

	while (*code == 0x66 || *code == 0xf2 || *code == 0xf3)
		prefix = *code++;
	if ((*code & 0xf0) == 0x40)
		wide = (*code++ & 8) != 0;
	two_bytes = *code == 0x0f;
	code += two_bytes;
	if (write)
		return only_writes(*code, two_bytes) ? 0 : -1;
	if (two_bytes)
		return two_byte_length(*code, prefix, wide);
	return one_byte_length(code[0], code[1],
			       wide		? 8
			       : prefix == 0x66 ? 2
						: 4);
}

/* --- the two signals --- */

static const struct range *range_of(const char *address)
{
	for (unsigned int i = 0; i < GUEST_QUEUES; i++) {
		const struct range *r = &trap.range[i];

		if (r->at != NULL && address >= r->at &&
		    address < r->at + r->bytes)
			return r;
	}
	return NULL;
}

static void unknown(const uint8_t *code)
{
	fprintf(stderr, "pages: the instruction");
	for (unsigned int i = 0; i < 8; i++)
		fprintf(stderr, " %02x", code[i]);
	fprintf(stderr, " touches a ring, and trap.c does not know how much it "
			"reads; add it to trap_length()\n");
	abort();
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	const uint8_t *code = (const uint8_t *)registers[REG_RIP];
	const bool write = (registers[REG_ERR] & FAULT_IS_WRITE) != 0;
	const struct range *range = range_of(info->si_addr);
	int length;

	if (range == NULL) {
		/* Somebody's own fault: it happens again, and ends us. */
		(void)signal(number, SIG_DFL);
		return;
	}
	length = trap_length(code, write);
	if (length < 0)
		unknown(code);
	if (length > 0) {
		trap.reads++;
		fetch_look(info->si_addr, (size_t)length, code + 1);
	}
	protect(range, PROT_READ | PROT_WRITE);
	trap.open = range;
	registers[REG_EFL] |= TRAP_FLAG;
}

static void on_step(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	if (trap.open != NULL)
		protect(trap.open, PROT_NONE);
	trap.open = NULL;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
}

/* --- which pages --- */

static void changed(void *address, size_t bytes)
{
	for (unsigned int i = 0; i < GUEST_QUEUES; i++) {
		struct range *r = &trap.range[i];

		if (bytes > 0 ? r->at != NULL : r->at != address)
			continue;
		if (bytes == 0)
			protect(r, PROT_READ | PROT_WRITE);
		*r = (struct range){bytes > 0 ? address : NULL, bytes};
		if (bytes > 0)
			protect(r, PROT_NONE);
		return;
	}
	fprintf(stderr, "pages: there is no room for another ring\n");
	abort();
}

void trap_install(void)
{
	struct sigaction action = {.sa_flags = SA_SIGINFO};

	action.sa_sigaction = on_fault;
	if (sigaction(SIGSEGV, &action, NULL) != 0)
		die("pages: sigaction");
	action.sa_sigaction = on_step;
	if (sigaction(SIGTRAP, &action, NULL) != 0)
		die("pages: sigaction");
	fetch_watch(changed);
}

uint64_t trap_reads(void)
{
	return trap.reads;
}
