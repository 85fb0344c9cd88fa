/* The one word that harness and driver share.  See target.h. */
#include "fuzz/target.h"

struct target_report target_last;
