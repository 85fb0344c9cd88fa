/*
 * Loads that nobody wants to know of.
 *
 * The worker's objects tell of each load (fetch.h) also in programs without a
 * player: the worker itself, its unit tests.  Those link these; clang's own run
 * time has none.
 */
#include <stdint.h>

#define UNSEEN_LOAD(bits, type)                                                \
	__attribute__((weak)) void __sanitizer_cov_load##bits(                 \
		const type *address);                                          \
	void __sanitizer_cov_load##bits(const type *address)                   \
	{                                                                      \
		(void)address;                                                 \
	}

UNSEEN_LOAD(1, uint8_t)
UNSEEN_LOAD(2, uint16_t)
UNSEEN_LOAD(4, uint32_t)
UNSEEN_LOAD(8, uint64_t)
UNSEEN_LOAD(16, __uint128_t)
