"""A backend and a guest killed under load, fifty times: nothing may be left of them."""
import signal
import subprocess

from libsim import EXERCISE, SIM, expect, held, inside, nothing_held, run, sim, wait_until

ROUNDS = 50
DOMID = "5"


def start_guest():
    """A guest whose offer is in the store."""
    guest = subprocess.Popen([SIM, "guest", DOMID, "--", EXERCISE, "guest", DOMID])
    wait_until(lambda: run("xenstore-read", f"/local/domain/{DOMID}/data/exercise",
                           check=False).returncode == 0, "the guest offers nothing")
    return guest


def start_load():
    load = subprocess.Popen([EXERCISE, "load", DOMID], stdout=subprocess.PIPE, text=True,
                            stderr=subprocess.DEVNULL)
    expect(load.stdout.readline() == "under load\n", "the load does not get going")
    return load


def end(process):
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=20)
    if process.stdout:
        process.stdout.close()


def test():
    sim("introduce", DOMID)
    guest = start_guest()
    shared = held(5)
    expect(shared["shared_pages"] == 33 and shared["ports"] == 1, f"the guest shares {shared}")
    for turn in range(ROUNDS):
        load = start_load()
        if turn % 5 == 4:
            # The guest dies first: its pages live on as long as they are mapped.
            end(guest)
            end(load)
            nothing_held(5)
            run("xenstore-rm", f"/local/domain/{DOMID}/data/exercise")
            guest = start_guest()
        else:
            end(load)
            wait_until(lambda: held(5) == shared, f"the guest holds {held(5)}")
        nothing_held(0)
    result = run(EXERCISE, "check", DOMID)
    expect("all checks hold" in result.stdout, "the world does not work any more")
    sim("destroy", DOMID)
    guest.wait(timeout=20)
    expect(guest.returncode == -signal.SIGKILL, f"the guest ended with {guest.returncode}")
    nothing_held(0)


inside(test)
