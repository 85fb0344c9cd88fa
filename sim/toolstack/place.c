/*
 * Where a world lives: names, making and removing of its directory (place.h).
 */
#include "sim/toolstack/place.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool directory_is_empty(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	unsigned int entries = 0;

	if (!directory)
		return false;
	while ((entry = readdir(directory)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			entries++;
	closedir(directory);
	return entries == 0;
}

static int refuse_long(const char *path)
{
	fprintf(stderr,
		"xenblk-sim: the directory %s has more than %u characters, too "
		"many for the sockets in it; choose a shorter one with --dir "
		"or TMPDIR\n",
		path, PLACE_PATH_BYTES - 1);
	return -ENAMETOOLONG;
}

static int make_wanted(struct place *place, const char *wanted)
{
	int error;

	if (wanted[0] == '/')
		snprintf(place->directory, sizeof(place->directory), "%s",
			 wanted);
	else if (!getcwd(place->directory, sizeof(place->directory)) ||
		 strlen(place->directory) + strlen(wanted) + 2 >
			 sizeof(place->directory))
		return refuse_long(wanted);
	else
		snprintf(place->directory + strlen(place->directory),
			 sizeof(place->directory) - strlen(place->directory),
			 "/%s", wanted);
	if (mkdir(place->directory, 0700) == 0) {
		place->made = true;
		return 0;
	}
	error = errno;
	if (error == EEXIST && directory_is_empty(place->directory)) {
		if (access(place->directory, W_OK | X_OK) == 0)
			return 0;
		error = errno;
	}
	fprintf(stderr, "xenblk-sim: cannot use %s for a world: %s\n",
		place->directory,
		error == EEXIST ? "it exists and is no empty directory"
				: strerror(error));
	return -error;
}

int place_make(struct place *place, const char *wanted)
{
	const char *base = getenv("TMPDIR");
	int error;

	memset(place, 0, sizeof(*place));
	if (wanted && strlen(wanted) >= sizeof(place->directory))
		return refuse_long(wanted);
	if (wanted)
		return make_wanted(place, wanted);
	if (!base || !base[0])
		base = "/tmp";
	if (strlen(base) + sizeof("/xenblk-sim.XXXXXX") >
	    sizeof(place->directory))
		return refuse_long(base);
	snprintf(place->directory, sizeof(place->directory),
		 "%s/xenblk-sim.XXXXXX", base);
	if (mkdtemp(place->directory)) {
		place->made = true;
		return 0;
	}
	error = errno;
	fprintf(stderr,
		"xenblk-sim: cannot make a directory in %s: %s; name another "
		"place with --dir or TMPDIR\n",
		base, strerror(error));
	return -error;
}

static int remove_one(const char *path, const struct stat *status, int type,
		      struct FTW *position)
{
	(void)status;
	(void)type;
	/* The top is left to the caller: it may have been there before. */
	if (position->level > 0 && remove(path) != 0 && errno != ENOENT)
		fprintf(stderr, "xenblk-sim: cannot remove %s: %s\n", path,
			strerror(errno));
	return 0;
}

void place_remove(const struct place *place)
{
	nftw(place->directory, remove_one, 16,
	     FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	if (place->made && rmdir(place->directory) != 0 && errno != ENOENT)
		fprintf(stderr, "xenblk-sim: cannot remove %s: %s\n",
			place->directory, strerror(errno));
}

int place_find(struct place *place)
{
	const char *socket_path = getenv("XENSIM_SOCKET");
	const char *slash = socket_path ? strrchr(socket_path, '/') : NULL;

	memset(place, 0, sizeof(*place));
	if (!slash || slash == socket_path ||
	    (size_t)(slash - socket_path) >= sizeof(place->directory)) {
		fprintf(stderr,
			"xenblk-sim: this command works inside a world only: "
			"start one with xenblk-sim run -- COMMAND\n");
		return -ENOENT;
	}
	memcpy(place->directory, socket_path, (size_t)(slash - socket_path));
	return 0;
}

void place_file(const struct place *place, const char *name, char *path)
{
	snprintf(path, PLACE_FILE_BYTES, "%s/%s", place->directory, name);
}

void place_guest_socket(const struct place *place, uint32_t domid, char *path)
{
	snprintf(path, PLACE_FILE_BYTES, "%s/guest-%u", place->directory,
		 domid);
}

int place_library(char *path, size_t bytes)
{
	static const char *const places[] = {
		"../lib/libxensim.so",
		"../lib/xenblk/libxensim.so",
	};
	const char *named = getenv("XENSIM_LIBRARY");
	char self[PATH_MAX];
	ssize_t length;

	if (named) {
		snprintf(path, bytes, "%s", named);
		if (access(path, R_OK) == 0)
			return 0;
		fprintf(stderr, "xenblk-sim: XENSIM_LIBRARY names %s: %s\n",
			named, strerror(errno));
		return -ENOENT;
	}
	length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (length < 0)
		return -errno;
	self[length] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char candidate[PATH_MAX + 64];
		char *real;

		snprintf(candidate, sizeof(candidate), "%s/%s", self,
			 places[i]);
		real = realpath(candidate, NULL);
		if (!real)
			continue;
		snprintf(path, bytes, "%s", real);
		free(real);
		return 0;
	}
	fprintf(stderr,
		"xenblk-sim: libxensim.so is not beside %s/..; build the "
		"target xensim or name it in XENSIM_LIBRARY\n",
		self);
	return -ENOENT;
}
