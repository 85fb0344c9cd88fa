/*
 * Sectors and pages of the model: copied and compared without a sanitizer.
 *
 * Every byte that a play moves is compared with the model's several times, and
 * AddressSanitizer's look at both ranges of each memcmp() and memcpy() costs
 * more than the comparison.  For memory of the model and of the guest alone,
 * both of fixed size; never for a pointer that the backend had a hand in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/** bytes_equal() - whether two ranges hold the same; @count in eights. */
bool bytes_equal(const void *a, const void *b, size_t count);

/** bytes_copy() - ranges that do not overlap; @count in eights. */
void bytes_copy(void *to, const void *from, size_t count);
