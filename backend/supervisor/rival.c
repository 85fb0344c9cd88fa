/* Looking for other backends.  See rival.h. */
#include "backend/supervisor/rival.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The directory that tapback serves; it has no driver in the kernel. */
#define TAPBACK_DIRECTORY "vbd3"
#define TAPBACK_NAME	  "tapback"

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* The name of the process with this number; false when it cannot be had. */
static bool read_name(const char *root, const char *number, char *name,
		      size_t room)
{
	char path[CONF_PATH_BYTES + 300];
	FILE *file;
	bool read;

	snprintf(path, sizeof(path), "%s/proc/%s/comm", root, number);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	read = fgets(name, (int)room, file) != NULL;
	fclose(file);
	name[read ? strcspn(name, "\n") : 0] = '\0';
	return read;
}

static bool tapback_runs(const char *root, char *number, size_t room)
{
	char path[CONF_PATH_BYTES + 16], name[32];
	const struct dirent *entry;
	bool found = false;
	DIR *processes;

	snprintf(path, sizeof(path), "%s/proc", root);
	processes = opendir(path);
	while (processes != NULL && !found &&
	       (entry = readdir(processes)) != NULL) {
		if (strspn(entry->d_name, "0123456789") !=
			    strlen(entry->d_name) ||
		    !read_name(root, entry->d_name, name, sizeof(name)) ||
		    strcmp(name, TAPBACK_NAME) != 0)
			continue;
		snprintf(number, room, "%.10s", entry->d_name);
		found = true;
	}
	if (processes != NULL)
		closedir(processes);
	return found;
}

bool rival_of_directory(const struct conf *conf, char *sentence)
{
	char path[CONF_PATH_BYTES + 100], number[16];

	snprintf(path, sizeof(path), "%s/sys/bus/xen-backend/drivers/%s",
		 conf->root, conf->directory);
	if (exists(path)) {
		snprintf(sentence, RIVAL_SENTENCE_BYTES,
			 "the kernel's own backend for backend/%s is loaded "
			 "(%.200s is there): unload its module (for vbd: rmmod "
			 "xen-blkback), or serve another directory with "
			 "--directory NAME",
			 conf->directory, path);
		return true;
	}
	if (strcmp(conf->directory, TAPBACK_DIRECTORY) != 0 ||
	    !tapback_runs(conf->root, number, sizeof(number)))
		return false;
	snprintf(sentence, RIVAL_SENTENCE_BYTES,
		 "tapback (process %s) serves backend/%s: stop it, or serve "
		 "another directory with --directory NAME",
		 number, conf->directory);
	return true;
}

bool rival_of_disk(const struct conf *conf, uint32_t domid, uint32_t devid,
		   char *sentence)
{
	char path[CONF_PATH_BYTES + 100];

	snprintf(path, sizeof(path),
		 "%s/sys/bus/xen-backend/devices/%s-%u-%u/driver", conf->root,
		 conf->directory, domid, devid);
	if (!exists(path))
		return false;
	snprintf(sentence, RIVAL_SENTENCE_BYTES,
		 "the kernel's own backend has taken this disk (%.300s is "
		 "there): "
		 "it is left alone",
		 path);
	return true;
}
