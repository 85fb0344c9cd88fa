/* Which language a harness speaks.  See language.h. */
#include "fuzz/language/language.h"

#include <stddef.h>
#include <string.h>

#include "backend/base/checked.h"

const struct value_name language_later[] = {{"later", 0xff}, {NULL, 0}};

static const struct language *const languages[] = {
	&language_guest, &language_life, &language_front,  &language_worker,
	&language_desk,	 &language_nbd,	 &language_blocks, &language_daemon,
};

static bool speaks(const struct language *language, const char *harness)
{
	for (unsigned int i = 0; i < MAX_SPOKEN && language->harness[i] != NULL;
	     i++)
		if (strcmp(language->harness[i], harness) == 0)
			return true;
	return false;
}

const struct language *language_of(const char *harness)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(languages); i++)
		if (speaks(languages[i], harness))
			return languages[i];
	return NULL;
}

const struct shape *language_shape(const struct language *language,
				   uint8_t first)
{
	const unsigned int beyond =
		language->beyond != 0 ? language->beyond : language->kinds;

	return &language->shape[first < language->kinds ? first
							: first % beyond];
}
