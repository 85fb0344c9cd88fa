/* The guest is notified when responses pass the index that it asked for (A2).
 */
#include "fuzz/oracle/checks.h"
#include "fuzz/oracle/oracle.h"

#include <string.h>

void events_check(const struct model *model, unsigned int queue, uint32_t old,
		  uint32_t now)
{
	uint32_t asked;

	memcpy(&asked, model->guest->shadow[queue] + 12, 4);
	if (now - asked >= now - old || model->notify_may_fail)
		return;
	if (!sim_port_pending(GUEST_DOMID, model->guest->queue[queue].port))
		oracle_fail(ORACLE_EVENTS,
			    "queue %u: responses %u to %u passed rsp_event %u, "
			    "and no notification was sent",
			    queue, old, now, asked);
}
