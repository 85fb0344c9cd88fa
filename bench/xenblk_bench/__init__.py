"""xenblk-bench: what a disk costs, beside other backends and bare limits.

cases    which rows there are and how they are chosen
outside  runs the rows in turn, each in a world of its own, and takes medians
inside   one measurement, within a world of the simulator
backends how each backend is started and found
clocks   CPU time, system calls, memory and wake-ups of other processes
peers    programs that need no world: the bare ring, fio
machine  what the figures were measured on
guest    the process that plays a guest
neighbours  rows, measurement and table of: a polite guest beside others
pairs    two ways to serve the same disk, compared within each round
against  rows and tables of: this build beside another one
pools    rows and tables of: own pools, or one for the device
table    the figures as text, with ratios
plot     the figures as a picture
"""
