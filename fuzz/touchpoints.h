/*
 * Touchpoints: the places in the worker's code that have read guest memory.
 *
 * XENBLK_TOUCHPOINTS=FILE writes them when the process ends, whoever drives it
 * (replay or an engine): a line with the path of the program, then for each
 * place its offset in the program and how often it was passed.
 * fuzz/tool/touchpoints.py makes source lines of them.
 */
#pragma once

/** touchpoint_reached() - count one look from this place. */
void touchpoint_reached(const void *from);
