/*
 * What a toolstack writes into the store: a guest's directory and the two
 * directories of a virtual disk, with libxl's permissions.
 *
 * Used by the subcommands introduce, guest, attach, detach and destroy.  It is
 * the only caller of xs_* in xenblk-sim beside the daemon's start, always as
 * dom0.  It knows nothing of the broker.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct xs_handle;

/**
 * tree_open() - dom0's connection, whoever the caller is; NULL with a
 * sentence.
 */
struct xs_handle *tree_open(void);

struct tree_ring {
	uint32_t frame; /* of the guest's store ring */
	uint32_t port;	/* its event channel */
};

/**
 * tree_introduce() - make /local/domain/<domid> and introduce the domain.
 *
 * Return: 0, or -errno with a sentence on standard error.
 */
int tree_introduce(struct xs_handle *store, uint32_t domid,
		   const struct tree_ring *ring);

/** tree_forget() - release the domain and remove its directory. */
int tree_forget(struct xs_handle *store, uint32_t domid);

struct tree_disk {
	uint32_t domid;
	uint32_t number;
	const char *name;      /* "xvda", for the node dev */
	const char *directory; /* "vbd", "qdisk" ... */
	const char *params;
	const char *mode; /* "r" or "w" */
	const char *device_type;
	char **extra; /* key=value for the backend directory, NULL-terminated */
};

/**
 * tree_attach() - both directories of a disk, in one transaction.
 *
 * Return: 0, -EEXIST when there is such a disk, or another -errno; a sentence
 * on standard error.
 */
int tree_attach(struct xs_handle *store, const struct tree_disk *disk);

struct tree_detach {
	uint32_t domid;
	uint32_t number;
	unsigned int timeout_ms; /* how long the backend may take */
	bool force;		 /* do not ask the backend */
};

/**
 * tree_detach() - ask the backend to let go, wait for it, remove both.
 *
 * Return: 0, -ENOENT when there is no such disk, -ETIMEDOUT when the backend
 * did not get to Closed (nothing is removed then), or another -errno; a
 * sentence on standard error.
 */
int tree_detach(struct xs_handle *store, const struct tree_detach *detach);

/** tree_detach_all() - every disk of the domain, by force after the timeout. */
void tree_detach_all(struct xs_handle *store, uint32_t domid,
		     unsigned int timeout_ms);
