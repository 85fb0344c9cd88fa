/* Strict decimal numbers.  See decimal.h. */
#include "backend/supervisor/decimal.h"

#include <string.h>

/* Digits of UINT64_MAX; more can only be zeroes in front. */
#define DECIMAL_DIGITS 20u

bool decimal_parse(const char *text, size_t length, uint64_t max,
		   uint64_t *value)
{
	uint64_t n = 0;

	if (length == 0 || length > DECIMAL_DIGITS)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		if (__builtin_mul_overflow(n, 10u, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(text[i] - '0'), &n))
			return false;
	}
	if (n > max)
		return false;
	*value = n;
	return true;
}

bool decimal_size(const char *text, uint64_t *bytes)
{
	static const char suffixes[] = "KMGT";
	size_t length = strlen(text);
	unsigned int shift = 0;
	const char *suffix;
	uint64_t n;

	if (length == 0)
		return false;
	suffix = strchr(suffixes, text[length - 1]);
	if (suffix != NULL) {
		shift = 10 * ((unsigned int)(suffix - suffixes) + 1);
		length--;
	}
	if (!decimal_parse(text, length, UINT64_MAX >> shift, &n))
		return false;
	*bytes = n << shift;
	return true;
}
