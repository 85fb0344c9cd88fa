/*
 * Coverage builds only: a process that leaves by _exit() writes its counters.
 *
 * Cases of the conformance suite and children of tests run in processes of
 * their own and end so; gcc's counters are otherwise written by exit() alone.
 * The linker sends every _exit() here (--wrap); nothing calls it by name.
 */
#include <gcov.h>

_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);

_Noreturn void __wrap__exit(int status)
{
	__gcov_dump();
	__real__exit(status);
}
