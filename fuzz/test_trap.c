/* How much an instruction reads, for the forms that compilers make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fuzz/trap.h"

static void test_reads(void **context)
{
	static const struct {
		uint8_t code[8];
		int length;
	} reads[] = {
		{{0x8b, 0x07}, 4},		/* mov (%rdi),%eax */
		{{0x48, 0x8b, 0x07}, 8},	/* mov (%rdi),%rax */
		{{0x66, 0x8b, 0x07}, 2},	/* mov (%rdi),%ax */
		{{0x41, 0x8a, 0x07}, 1},	/* mov (%r15),%al */
		{{0x0f, 0xb6, 0x47, 0x01}, 1},	/* movzbl 1(%rdi),%eax */
		{{0x44, 0x0f, 0xb7, 0x07}, 2},	/* movzwl (%rdi),%r8d */
		{{0x80, 0x7f, 0x01, 0x07}, 1},	/* cmpb $7,1(%rdi) */
		{{0x83, 0x3f, 0x07}, 4},	/* cmpl $7,(%rdi) */
		{{0x48, 0x39, 0x07}, 8},	/* cmp %rax,(%rdi) */
		{{0xf3, 0x0f, 0x6f, 0x07}, 16}, /* movdqu (%rdi),%xmm0 */
		{{0xf3, 0x0f, 0x7e, 0x07}, 8},	/* movq (%rdi),%xmm0 */
		{{0x66, 0x0f, 0x6e, 0x07}, 4},	/* movd (%rdi),%xmm0 */
		{{0xf3, 0x48, 0xa5}, 8},	/* rep movsq */
		{{0xf3, 0xa4}, 1},		/* rep movsb */
	};

	(void)context;
	for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++)
		assert_int_equal(trap_length(reads[i].code, 0),
				 reads[i].length);
}

static void test_writes(void **context)
{
	static const uint8_t store[] = {0x89, 0x07};
	static const uint8_t vector[] = {0x0f, 0x11, 0x07};
	static const uint8_t exchange[] = {0x87, 0x07};
	static const uint8_t add[] = {0x01, 0x07};

	(void)context;
	assert_int_equal(trap_length(store, 1), 0);
	assert_int_equal(trap_length(vector, 1), 0);
	/* These read what they overwrite: nobody should. */
	assert_int_equal(trap_length(exchange, 1), -1);
	assert_int_equal(trap_length(add, 1), -1);
}

static void test_unknown(void **context)
{
	static const uint8_t vex[] = {0xc5, 0xfe, 0x6f, 0x07};
	static const uint8_t increment[] = {0x83, 0x07, 0x01};

	(void)context;
	assert_int_equal(trap_length(vex, 0), -1);
	assert_int_equal(trap_length(increment, 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_writes),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
