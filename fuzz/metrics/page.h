/*
 * A strict reader of the page of metrics (exposition format 0.0.4).
 *
 * What it does not know is a find of the oracle *page*.  Shares no code with who
 * writes the page.  Called by the harness metrics only.
 */
#pragma once

/** page_check() - a whole page, which ends with a zero byte; how many samples. */
unsigned int page_check(const char *text);
