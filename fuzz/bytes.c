/* Plain loops where a sanitizer would step in, the library's otherwise.  See
 * bytes.h. */
#include "fuzz/bytes.h"

#include <stdint.h>
#include <string.h>

#include "backend/base/check.h"

#if defined(__clang__)
#if __has_feature(address_sanitizer)
#define BYTES_BY_LOOP 1
#endif
#endif

#ifdef BYTES_BY_LOOP

struct word {
	uint64_t value;
} __attribute__((packed, may_alias)); /* of a buffer that is not aligned */

/* Without a way out half-way, so that the vector unit can do it. */
__attribute__((no_sanitize("address", "undefined"))) bool bytes_equal(
	const void *a, const void *b, size_t count)
{
	const struct word *x = a;
	const struct word *y = b;
	uint64_t difference = 0;

	CHECK(count % sizeof(*x) == 0);
	for (size_t i = 0; i < count / sizeof(*x); i++)
		difference |= x[i].value ^ y[i].value;
	return difference == 0;
}

/* Not to be made a call of memcpy() again. */
__attribute__((no_sanitize("address", "undefined"), no_builtin("memcpy"))) void
bytes_copy(void *to, const void *from, size_t count)
{
	struct word *x = to;
	const struct word *y = from;

	CHECK(count % sizeof(*x) == 0);
	for (size_t i = 0; i < count / sizeof(*x); i++)
		x[i].value = y[i].value;
}

#else

bool bytes_equal(const void *a, const void *b, size_t count)
{
	CHECK(count % 8 == 0);
	return memcmp(a, b, count) == 0;
}

void bytes_copy(void *to, const void *from, size_t count)
{
	CHECK(count % 8 == 0);
	memcpy(to, from, count);
}

#endif
