/*
 * The model: domains, their grant tables, their event channels.
 *
 * One `struct world` is the whole simulated host.  It contains no pointer, so
 * it may lie on the heap of one process (in-process build) or in shared memory
 * that many processes map at different addresses (drop-in build).  All-zero
 * memory is a world without domains; it is big and sparse, so map it, do not
 * allocate or copy it.
 *
 * Owned by domain.c (life of domains, owners), grants.c (grant tables, frames,
 * mappings), ports.c (event channels, handles of /dev/xen/evtchn) and faults.c.
 * Called by the symbols in lib/ only.  The model never touches guest memory, it
 * deals in frame numbers; it never blocks but in world_lock(), and makes no
 * system call but in the hooks below.
 *
 * Who may call what, and when: functions marked lock-free may be called by any
 * process at any time and take no lock; all others take the world lock
 * themselves, so nobody may call them while holding it.  A process may die
 * anywhere: a lock-free path changes one word at a time and every order of
 * words is harmless (an event may be lost or be spurious, nothing else).
 *
 * Everything that a process can hold (handles with their ports, mappings,
 * shares) carries its owner, a number of the build's choosing other than 0
 * (the drop-in build takes the process id), so that world_owner_release() can
 * clean up after a process that died.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define WORLD_DOMAINS	     64u    /* domids 0 .. 63 */
#define WORLD_PORTS	     4096u  /* per domain; port 0 is never used */
#define WORLD_PORT_WORDS     64u    /* WORLD_PORTS bits, as Xen's 2-level ABI */
#define WORLD_GREFS	     32768u /* per domain */
#define WORLD_GREFS_RESERVED 8u /* never allocated; 1 is the xenstore ring */
#define WORLD_FRAMES	     65536u  /* per domain: 256 MiB */
#define WORLD_HANDLES	     1024u   /* of event channels, all processes */
#define WORLD_MAPPINGS	     262144u /* pages mapped by anybody */
#define WORLD_VIRQS	     24u
#define WORLD_PINS	     255u /* mappings of one entry, each of r/o and r/w */
#define WORLD_NO_NOTIFY	     UINT32_MAX

/*
 * enum world_domain_state - life of a domain
 *
 *   NONE   does not exist; only world_domain_create() is legal
 *   LIVE   everything is legal
 *   DYING  destroyed, but a peer still maps a page of it: no new mapping, port
 * or handle; becomes NONE with the last unpin
 */
enum world_domain_state {
	WORLD_DOMAIN_NONE,
	WORLD_DOMAIN_LIVE,
	WORLD_DOMAIN_DYING,
};

/*
 * One entry of a grant table.
 *
 * `entry` is what the guest wrote, `active` what the hypervisor remembers while
 * the entry is pinned; each is one word, so that a copy can resolve a gref
 * without a lock.  entry: frame, peer << 32, VALID, READONLY.  active: frame,
 * peer << 32, writers << 48, readers << 56.
 */
struct world_grant {
	_Atomic uint64_t entry;
	_Atomic uint64_t active;
	uint32_t owner; /* of the share it was allocated for; 0: none */
	uint32_t frame; /* of that share */
	bool zombie;	/* unshared while mapped: freed by the last unpin */
};

#define WORLD_GRANT_VALID    (1ull << 48)
#define WORLD_GRANT_READONLY (1ull << 49)

/* One page mapped by somebody; its index is the mapping's id. */
struct world_mapping {
	uint32_t owner; /* 0: this record is free */
	uint32_t next;	/* free list */
	uint32_t mapper, granter, gref, frame;
	uint32_t notify_offset; /* byte to clear at unmap, or WORLD_NO_NOTIFY */
	uint32_t
		notify_port; /* the mapper's port to signal at unmap, 0: none */
	bool readonly;
	bool continued; /* set by the build: not the first page of its call */
};

enum world_port_state {
	WORLD_PORT_FREE,
	WORLD_PORT_UNBOUND,	/* waits for the remote domain to bind */
	WORLD_PORT_INTERDOMAIN, /* bound to a port of the remote domain */
	WORLD_PORT_VIRQ,
};

/* binding: state << 48 | remote domid << 32 | remote port (or virq): one word.
 */
struct world_port {
	_Atomic uint64_t binding;
	_Atomic uint32_t flags;	 /* WORLD_PORT_MASKED, WORLD_PORT_PENDING */
	_Atomic uint32_t handle; /* that bound it, + 1 */
};

/*
 * Masked: has fired into its handle and was not unmasked since.  Pending: an
 * event came while masked.  A port fires by becoming masked.
 */
#define WORLD_PORT_MASKED  1u
#define WORLD_PORT_PENDING 2u

/* One open /dev/xen/evtchn: the fired ports that wait to be read. */
struct world_handle {
	uint32_t owner; /* 0: free */
	uint32_t domid;
	_Atomic uint32_t cursor; /* word to look at first, for fairness */
	_Atomic uint64_t summary;
	_Atomic uint64_t fired[WORLD_PORT_WORDS];
};

/* What a domain holds now; exact at any time. */
struct world_held {
	uint32_t mapped_pages; /* of other domains */
	uint32_t shared_pages; /* by world_share(), zombies included */
	uint32_t ports;
	uint32_t handles;
};

/* The k-th call from now on fails (sim.h: sim_fail); kinds are enum sim_call.
 */
struct world_fault {
	_Atomic uint32_t countdown; /* 0: no plan */
	int32_t error;
};

#define WORLD_FAULTS 16u

struct world_domain {
	uint32_t state;
	uint32_t pages;
	uint32_t pinned; /* pins on its own entries, by anybody */
	struct world_held held;
	/* high-water marks: everything at or above was never used */
	uint32_t grefs_used, frames_used, ports_used;
	uint32_t free_grefs;	    /* entries of free_gref */
	uint32_t frame_hint;	    /* no frame below is free */
	uint32_t virq[WORLD_VIRQS]; /* port bound to it, 0: none */
	struct world_fault fault[WORLD_FAULTS];
	uint64_t frame_taken[WORLD_FRAMES / 64]; /* by the allocator */
	struct world_port port[WORLD_PORTS];
	uint32_t free_gref[WORLD_GREFS];
	struct world_grant grant[WORLD_GREFS];
};

struct world {
	/* high-water marks */
	uint32_t domains_used, handles_used, mappings_used;
	uint32_t free_mapping; /* index + 1 of the first, 0: none */
	uint32_t mappings;     /* in use now */
	struct world_handle handle[WORLD_HANDLES];
	struct world_mapping mapping[WORLD_MAPPINGS];
	struct world_domain domain[WORLD_DOMAINS];
};

/* --- hooks: each build provides these --- */

/** world_lock() - serialise structural changes (in process: nothing to do). */
void world_lock(struct world *world);
void world_unlock(struct world *world);

/**
 * world_wake() - this handle has a newly fired port: make its descriptor
 * readable.
 *
 * Called once for each port that enters the queue, after it has entered.
 * May be called with or without the world lock held; must not call the model
 * but for world_handle_fired().
 */
void world_wake(struct world *world, uint32_t handle);

/**
 * world_unpinned() - this mapping is about to go, with the world lock held.
 *
 * The build clears the byte at notify_offset if there is one; the model sends
 * the event of notify_port itself.
 */
void world_unpinned(struct world *world, const struct world_mapping *mapping);

/* --- domains (domain.c) --- */

/**
 * world_reset() - back to a world without domains; costs what was used.
 *
 * Nobody else may use the world meanwhile.  Mappings vanish without
 * world_unpinned().
 */
void world_reset(struct world *world);

/**
 * world_domain_create() - 0, -EINVAL (domid, pages), -EEXIST, -EBUSY (still
 * DYING).
 */
int world_domain_create(struct world *world, uint32_t domid, uint32_t pages);

/**
 * world_domain_destroy() - the domain dies: its handles and ports close, its
 * mappings of others are released, its grants cannot be mapped any more.
 *
 * Mappings that others hold stay valid; until they are gone it is DYING.
 * Return: 0 or -ESRCH.
 */
int world_domain_destroy(struct world *world, uint32_t domid);

/** world_domain_live() - lock-free. */
bool world_domain_live(const struct world *world, uint32_t domid);

/**
 * world_owner_release() - a process died: close its handles, release its
 * mappings (with notification) and its shares.
 *
 * Return: how many things were released.
 */
uint32_t world_owner_release(struct world *world, uint32_t owner);

/* --- grants (grants.c) --- */

struct world_share {
	uint32_t domid; /* whose memory */
	uint32_t peer;	/* may use it */
	uint32_t count; /* pages */
	bool readonly;
	uint32_t owner;
};

/**
 * world_share() - take so many adjacent frames and as many grefs, grant them.
 * @grefs: filled with count numbers
 * @frame: the first frame
 *
 * Contents of the frames are whatever was there: the caller clears them.
 * Return: 0, -EINVAL (count 0, dead domain), -ENOSPC (grefs), -ENOMEM (frames).
 */
int world_share(struct world *world, const struct world_share *share,
		uint32_t *grefs, uint32_t *frame);

/**
 * world_unshare() - end one gref of a share and free its frame.
 *
 * While a peer maps it, both stay until the last unmap (as Linux's gntalloc
 * defers it), but nobody can map it anew.  Return: 0, -EINVAL if it was not
 * shared, or was unshared before.
 */
int world_unshare(struct world *world, uint32_t domid, uint32_t gref);

/**
 * world_grant_set() - the guest writes an entry of its table, in use or not.
 *
 * Mappings that exist keep their frame, and as in Xen further pins while it is
 * pinned get that old frame too.  Return: 0 or -EINVAL.
 */
int world_grant_set(struct world *world, const struct world_share *share,
		    uint32_t gref, uint32_t frame);

/** world_grant_end() - clear an entry; -EBUSY while it is mapped, -EINVAL. */
int world_grant_end(struct world *world, uint32_t domid, uint32_t gref);

/** world_grant_pins() - how many mappings of this entry exist; lock-free. */
uint32_t world_grant_pins(const struct world *world, uint32_t domid,
			  uint32_t gref);

/* Who wants to use which entry how. */
struct world_access {
	uint32_t domid; /* who */
	uint32_t granter;
	uint32_t gref;
	bool readonly;
	uint32_t owner; /* for a pin */
};

/**
 * world_grant_pin() - map one entry.
 * @id: the new mapping, see world->mapping[id]
 *
 * Return: GNTST_okay, or the negative GNTST_* that Xen would answer.
 */
int world_grant_pin(struct world *world, const struct world_access *access,
		    uint32_t *id);

/** world_grant_unpin() - the mapping goes, its notification is sent. */
void world_grant_unpin(struct world *world, uint32_t id);

/**
 * world_grant_resolve() - which frame a grant copy would use now; lock-free.
 *
 * Return: GNTST_okay or a negative GNTST_*.
 */
int world_grant_resolve(const struct world *world,
			const struct world_access *access, uint32_t *frame);

/* --- event channels (ports.c) --- */

/** world_handle_open() - 0, -EINVAL (dead domain) or -ENOMEM (too many). */
int world_handle_open(struct world *world, uint32_t domid, uint32_t owner,
		      uint32_t *handle);

/** world_handle_close() - its ports close too. */
void world_handle_close(struct world *world, uint32_t handle);

/**
 * world_handle_revive_peers() - the process that held it died, maybe half-way
 * through a send: whoever its ports are bound to gets a spurious event rather
 * than a port that stays masked without being queued.
 */
void world_handle_revive_peers(struct world *world, uint32_t handle);

/**
 * world_handle_fired() - whether world_handle_next() would find one;
 * lock-free.
 */
bool world_handle_fired(const struct world *world, uint32_t handle);

/**
 * world_handle_next() - take a fired port off the queue, 0: none; lock-free.
 */
uint32_t world_handle_next(struct world *world, uint32_t handle);

/**
 * world_port_alloc() - a port that waits for the remote domain; > 0 or
 * -ENOSPC.
 */
int world_port_alloc(struct world *world, uint32_t handle, uint32_t remote);

/**
 * world_port_bind() - bind to a remote domain's port that waits for us.
 *
 * The new port starts pending, because events may have been lost before.
 * Return: the local port, -ESRCH (no such domain), -EINVAL (not unbound, or not
 * for us), -ENOSPC.
 */
int world_port_bind(struct world *world, uint32_t handle, uint32_t remote,
		    uint32_t remote_port);

/** world_port_bind_virq() - > 0, -EINVAL (no such virq), -EEXIST, -ENOSPC. */
int world_port_bind_virq(struct world *world, uint32_t handle, uint32_t virq);

/**
 * world_port_close() - the peer's port becomes unbound: we may bind it anew.
 *
 * Return: 0, or -ENOTCONN if the port is not of this handle.
 */
int world_port_close(struct world *world, uint32_t handle, uint32_t port);

/**
 * world_port_send() - signal the other end; lock-free.
 *
 * Nothing happens when there is no other end.  Return: 0 or -ENOTCONN.
 */
int world_port_send(struct world *world, uint32_t handle, uint32_t port);

/**
 * world_port_unmask() - may fire again (at once if pending); 0 or -ENOTCONN;
 * lock-free.
 */
int world_port_unmask(struct world *world, uint32_t handle, uint32_t port);

/** world_port_waiting() - fired and not read yet, or pending; lock-free. */
bool world_port_waiting(const struct world *world, uint32_t domid,
			uint32_t port);

/** world_virq_raise() - as the hypervisor would; nothing if nobody bound it. */
void world_virq_raise(struct world *world, uint32_t domid, uint32_t virq);

/* --- faults (faults.c) --- */

/**
 * world_fault_plan() - see sim_fail(); kind below WORLD_FAULTS; k = 0: none.
 */
void world_fault_plan(struct world *world, uint32_t domid, unsigned int kind,
		      uint32_t k, int error);

/**
 * world_fault_hit() - this call counts; the error it must fail with, or 0;
 * lock-free.
 */
int world_fault_hit(struct world *world, uint32_t domid, unsigned int kind);

/* --- for the model's own files, the lock held --- */

void world_ports_close_handle(struct world *world, uint32_t handle);
void world_grants_unpin_locked(struct world *world, uint32_t id);
int world_grants_unshare_locked(struct world *world, uint32_t domid,
				uint32_t gref);
void world_port_notify_locked(struct world *world, uint32_t domid,
			      uint32_t port);

static inline struct world_domain *world_dom(struct world *world,
					     uint32_t domid)
{
	return &world->domain[domid];
}
