"""The bridge of the laboratory: commands of dom0 in a guest, over xenstore alone."""
import os
import signal
import socket
import subprocess
import time

from libsim import BIN, SIM, expect, inside, run, sim, wait_until

EXEC = os.path.join(BIN, "xenblk-lab-exec")
AGENT = os.path.join(BIN, "xenblk-lab-agent")
HOME = "/local/domain/5/data/xenblk-lab"


def start_agent(domid="5"):
    return subprocess.Popen([SIM, "guest", domid, "--", AGENT])


def call(*command, options=(), domid="5", timeout=60):
    return subprocess.run([EXEC, domid, *options, "--", *command], capture_output=True, timeout=timeout)


def nodes(name):
    result = run("xenstore-list", f"{HOME}/{name}", check=False)
    return result.stdout.split()


def nothing_left():
    wait_until(lambda: not nodes("sessions") and not nodes("requests"), "a session's nodes are left")


def test_no_agent():
    result = call("true", options=("--wait", "1"))
    expect(result.returncode == 125 and b"xenblk-lab-agent" in result.stderr, f"no agent: {result}")
    result = call("true", domid="9")
    expect(result.returncode == 126 and b"no guest 9" in result.stderr, f"no guest: {result}")
    for words in (["5", "--"], ["five", "--", "true"], ["5", "--timeout", "x", "--", "true"], []):
        result = run(EXEC, *words, check=False)
        expect(result.returncode == 125 and "--help" in result.stderr, f"{words}: {result}")


def test_status():
    result = call("sh", "-c", "echo out; echo err >&2; exit 7")
    expect((result.returncode, result.stdout, result.stderr) == (7, b"out\n", b"err\n"), f"{result}")
    expect(call("sh", "-c", "kill -9 $$").returncode == 137, "a signal is not told")
    result = call("no-such-command")
    expect(result.returncode == 127 and b"no-such-command" in result.stderr, f"{result}")
    result = call("printf", "%s|", "a b", "", "*", 'q"')
    expect(result.stdout == b'a b||*|q"|', f"words are not kept: {result.stdout}")
    result = call("xenstore-read", "domid")
    expect(result.stdout == b"5\n", "the command does not run in the guest")
    nothing_left()


def test_bytes():
    data = bytes(range(256)) * 2000
    with open("/tmp/lab_exec.%d" % os.getpid(), "wb") as file:
        file.write(data)
    result = call("cat", file.name)
    os.unlink(file.name)
    expect(result.stdout == data, f"{len(result.stdout)} bytes came, not the {len(data)} that were sent")
    result = call("sh", "-c", "head -c 1500000 /dev/zero; echo end >&2")
    expect(len(result.stdout) == 1 << 20 and b"end\n" in result.stderr and b"cut" in result.stderr,
           f"{len(result.stdout)} bytes, {result.stderr}")
    expect(result.returncode == 0, "a long output kills the command")


def test_timeout():
    begin = time.monotonic()
    result = call("sh", "-c", "echo begun; sleep 60", options=("--timeout", "1"))
    expect(result.returncode == 124 and result.stdout == b"begun\n", f"{result}")
    expect(b"longer than 1 s" in result.stderr, f"{result.stderr}")
    expect(time.monotonic() - begin < 20, "the time-out is late")
    # a child that lives on holds the pipes, and must not hold us
    result = call("sh", "-c", "sleep 20 & echo gone")
    expect(result.returncode == 0 and result.stdout == b"gone\n", f"{result}")
    expect(time.monotonic() - begin < 20, "a grandchild holds the session")


def test_side_by_side():
    programs = [subprocess.Popen([EXEC, "5", "--", "sh", "-c", f"seq 1 2000; exit {n}"],
                                 stdout=subprocess.PIPE) for n in range(20)]
    wanted = "".join(f"{n}\n" for n in range(1, 2001)).encode()
    for n, program in enumerate(programs):
        out, _ = program.communicate(timeout=100)
        expect(out == wanted and program.returncode == n, f"session {n}: {program.returncode}, {len(out)} bytes")
    nothing_left()


def test_signals():
    program = subprocess.Popen([EXEC, "5", "--", "sh", "-c", "trap 'echo told; exit 3' TERM; echo up; "
                                "while :; do sleep 0.1; done"], stdout=subprocess.PIPE)
    expect(program.stdout.readline() == b"up\n", "the command does not begin")
    program.send_signal(signal.SIGTERM)
    out, _ = program.communicate(timeout=30)
    expect(out == b"told\n" and program.returncode == 3, f"a signal is not passed on: {out} {program.returncode}")


def relay(kind, command, **options):
    ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
    program = subprocess.Popen(["sh", "-c", f'exec 3<&{theirs.fileno()}; exec "$0" "$@"', EXEC, "5", "--fd3", "--",
                                *command], pass_fds=[theirs.fileno()], **options)
    theirs.close()
    return ours, program


ECHO = """
import os, socket
s = socket.socket(fileno=3)
while True:
    data = s.recv(65536)
    if not data:
        break
    s.send(b"<" + data + b">")
"""


def test_link():
    ours, program = relay(socket.SOCK_SEQPACKET, ["python3", "-c", ECHO])
    for size in (1, 5, 1800, 4000, 16000):
        ours.send(b"a" * size)
        ours.send(b"b")
        expect(ours.recv(65536) == b"<" + b"a" * size + b">", f"a message of {size} bytes does not come back")
        expect(ours.recv(65536) == b"<b>", "messages run together")
    ours.close()
    expect(program.wait(timeout=30) == 0, "the command does not see the end")
    ours, program = relay(socket.SOCK_STREAM, ["sh", "-c", "cat <&3 >&2"], stderr=subprocess.PIPE)
    ours.send(b"a stream ")
    ours.send(b"of bytes")
    ours.close()
    _, err = program.communicate(timeout=30)
    expect(err == b"a stream of bytes", f"a stream: {err}")
    result = run(EXEC, "5", "--fd3", "--", "true", check=False, stdin=subprocess.DEVNULL)
    expect(result.returncode == 125 and "socket" in result.stderr, f"{result}")


def test_killed_caller():
    """Who is killed leaves nodes; they disturb nobody, and the command ends."""
    program = subprocess.Popen([EXEC, "5", "--", "sh", "-c", "echo up; exec sleep 300"], stdout=subprocess.PIPE)
    expect(program.stdout.readline() == b"up\n", "the command does not begin")
    program.kill()
    program.wait()
    expect(call("echo", "next").stdout == b"next\n", "a dead session disturbs the next one")
    expect(len(nodes("sessions")) == 1, "the dead session is not there")
    for name in nodes("sessions"):
        run("xenstore-rm", f"{HOME}/sessions/{name}")
    nothing_left()


def test_agent_anew(agent):
    program = subprocess.Popen([EXEC, "5", "--", "sh", "-c", "echo up; exec sleep 300"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    expect(program.stdout.readline() == b"up\n", "the command does not begin")
    agent.kill()
    agent.wait()
    agent = start_agent()
    _, err = program.communicate(timeout=60)
    expect(program.returncode == 125 and b"anew" in err, f"an agent that died: {program.returncode} {err}")
    expect(call("echo", "again").stdout == b"again\n", "the new agent does not serve")
    return agent


def test_guest_gone(agent):
    program = subprocess.Popen([EXEC, "5", "--", "sh", "-c", "echo up; exec sleep 300"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    expect(program.stdout.readline() == b"up\n", "the command does not begin")
    sim("destroy", "5")
    _, err = program.communicate(timeout=60)
    expect(program.returncode == 126 and b"gone" in err, f"a guest that is gone: {program.returncode} {err}")
    agent.wait(timeout=30)
    expect(run("xenstore-list", "/local/domain/5", check=False).returncode != 0, "the guest's nodes came back")


def test():
    sim("introduce", "5")
    test_no_agent()
    agent = start_agent()
    test_status()
    test_bytes()
    test_timeout()
    test_side_by_side()
    test_signals()
    test_link()
    test_killed_caller()
    agent = test_agent_anew(agent)
    test_guest_gone(agent)


inside(test)
