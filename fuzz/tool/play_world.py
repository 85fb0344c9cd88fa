#!/usr/bin/env python3
"""The world of a batch of tapes on the drop-in simulator.

Runs inside "xenblk-sim run": one xenblkd with the disks that scripts ask for,
one or more guests that share the tapes among them, each with disks of its own.
Prints what xenblk-play prints; ends everything that it started.  Called by
elsewhere.py.
"""

import os
import subprocess
import sys
import time

SECTORS = (2048, 1024, 128, 8, 1)
FIRST_GUEST = 5
START_SECONDS = 30


def images(bins, folder, guest):
    """(name of the device, image, mode) of each disk of a guest."""
    disks = [(sectors, mode) for mode in "wr" for sectors in SECTORS]
    for number, (sectors, mode) in enumerate(disks):
        path = os.path.join(folder, f"disk-{guest}-{sectors}-{mode}")
        subprocess.run([os.path.join(bins, "xenblk-tape"), "--image",
                        str(sectors), path], check=True)
        yield f"xvd{chr(ord('a') + number)}", path, mode


def start_daemon(bins, folder, log):
    control = os.path.join(folder, "control")
    # A tape's guest was offered no indirect requests (fuzz/player.c).
    daemon = subprocess.Popen(
        [os.path.join(bins, "xenblkd"), "--foreground", "--control", control,
         "--max-indirect-segments", "0"],
        stdin=subprocess.DEVNULL, stderr=log)
    end = time.monotonic() + START_SECONDS
    while not os.path.exists(control):
        if daemon.poll() is not None or time.monotonic() > end:
            daemon.kill()
            sys.exit(f"xenblkd did not start; its log is {log.name}")
        time.sleep(0.02)
    return daemon


def attach(bins, folder, guest):
    for vdev, path, mode in images(bins, folder, guest):
        subprocess.run([os.path.join(bins, "xenblk-sim"), "attach", str(guest),
                        vdev, "--mode", mode, "--params", f"file:{path}"],
                       check=True, stdout=subprocess.DEVNULL)


def play(bins, guest, patience, tapes):
    return subprocess.Popen(
        [os.path.join(bins, "xenblk-sim"), "guest", str(guest), "--",
         os.path.join(bins, "xenblk-play"), "--patience", str(patience), *tapes],
        stdin=subprocess.DEVNULL)


def main():
    bins, folder, guests, patience = sys.argv[1:5]
    tapes = sorted(os.path.join(folder, name) for name in os.listdir(folder)
                   if name.endswith(".tape"))
    playing = []
    with open(os.path.join(folder, "xenblkd.log"), "wb") as log:
        daemon = start_daemon(bins, folder, log)
        try:
            shares = [tapes[i::int(guests)] for i in range(int(guests))]
            for guest, share in enumerate(filter(None, shares), FIRST_GUEST):
                attach(bins, folder, guest)
                playing.append(play(bins, guest, patience, share))
            codes = [one.wait() for one in playing]
            survived = daemon.poll() is None
        finally:
            for one in playing:
                one.kill()
            daemon.terminate()
            code = daemon.wait(60)
    if not survived or code != 0:
        sys.exit(f"xenblkd {'ended' if survived else 'died'} with {code}")
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
