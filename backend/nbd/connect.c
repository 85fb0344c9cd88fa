/* Handles of libnbd, and its errors.  See connect.h. */
#include "backend/nbd/connect.h"

#include <errno.h>
#include <libnbd.h>
#include <stdio.h>

struct nbd_handle *connect_prepare(void)
{
	struct nbd_handle *handle = nbd_create();

	if (handle == NULL)
		return NULL;
	if (nbd_set_uri_allow_transports(
		    handle, LIBNBD_ALLOW_TRANSPORT_TCP |
				    LIBNBD_ALLOW_TRANSPORT_UNIX) < 0 ||
	    nbd_set_uri_allow_tls(handle, LIBNBD_TLS_DISABLE) < 0 ||
	    nbd_set_uri_allow_local_file(handle, false) < 0) {
		nbd_close(handle);
		return NULL;
	}
	return handle;
}

int connect_error(char *sentence, size_t room)
{
	const char *text = nbd_get_error();
	int error = nbd_get_errno();
	size_t n = 0;

	/* A server's own words may be in it: nothing of them moves a cursor. */
	for (; text != NULL && text[n] != '\0' && n + 1 < room; n++)
		sentence[n] = text[n] < ' ' || text[n] > '~' ? '?' : text[n];
	sentence[n] = '\0';
	if (n == 0)
		snprintf(sentence, room, "the connection failed");
	return error != 0 ? -error : -EIO;
}
