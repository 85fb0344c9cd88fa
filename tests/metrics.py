"""The metrics endpoint: a page that collectors accept, on this host only, for guests of any manners."""
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time

import libexposition
from libsim import BIN, expect, inside, run, sim, wait_until

DAEMON = os.path.join(BIN, "xenblkd")
CTL = os.path.join(BIN, "xenblkctl")
DISK = {"domid": "5", "devid": "51712"}
PLACES = 8


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(self.path)


def start(folder, where):
    control = os.path.join(folder, "control")
    with open(os.path.join(folder, "log"), "wb") as log:
        daemon = subprocess.Popen([DAEMON, "--foreground", "--control", control, "--metrics", where],
                                  stderr=log, stdin=subprocess.DEVNULL)
    with open(os.path.join(folder, "log"), encoding="utf-8") as log:
        wait_until(lambda: "control socket" in log.read(), "xenblkd does not start")
    return daemon, control


def stop(daemon):
    daemon.send_signal(signal.SIGTERM)
    expect(daemon.wait(20) == 0, "xenblkd does not end cleanly")


def ask(connection, path="/metrics", method="GET"):
    connection.request(method, path)
    response = connection.getresponse()
    return response, response.read().decode()


def page(connection):
    response, text = ask(connection)
    expect(response.status == 200, f"/metrics is answered {response.status}")
    expect(response.headers["Content-Type"].startswith("text/plain; version=0.0.4"), f"{response.headers}")
    families = libexposition.read(text)
    expect(all(name.startswith("xenblk_") for name in families), f"names: {list(families)}")
    return families


def total(families, name, **labels):
    return sum(value for (_, found), value in families[name].samples.items() if labels.items() <= dict(found).items())


def figures_agree(connection, control):
    """The same numbers as over the control socket, of a disk whose guest is gone."""
    sim("guest", "5", "--", os.path.join(BIN, "xenblk-front"), "load", "--queues", "2", "--operations", "400",
        "--write", "50")
    wait_until(lambda: total(page(connection), "xenblk_depth") == 0, "a request is under way")
    stats = json.loads(run(CTL, "--socket", control, "stats", "--json").stdout)["disks"][0]["total"]
    families = page(connection)
    for key in ("reads", "writes", "segments", "persistent_hits", "refused"):
        expect(total(families, f"xenblk_{key}_total", **DISK) == stats[key], f"{key} is not {stats[key]}")
    expect(total(families, "xenblk_read_bytes_total", **DISK) == stats["bytes_read"], "bytes read")
    expect(total(families, "xenblk_disk_bytes", **DISK) == 64 << 20, "the size of the disk")
    latencies = families["xenblk_request_seconds"].samples
    for kind in ("read", "write", "flush"):
        count = sum(value for (name, labels), value in latencies.items()
                    if name.endswith("_count") and dict(labels)["kind"] == kind)
        expect(count == sum(stats["latency"][kind]["buckets"]), f"latencies of {kind}: {count}")
    expect(families["xenblk_request_seconds"].type == "histogram", "no histogram")


def manners(connect):
    for path, method, status in (("/", "GET", 404), ("/metrics/", "GET", 404), ("/metrics", "POST", 405),
                                 ("/metrics", "DELETE", 405), ("/metrics", "HEAD", 200)):
        response, text = ask(connect(), path, method)
        expect(response.status == status, f"{method} {path} is answered {response.status}")
        expect((text == "") == (method == "HEAD"), f"{method} {path}: {text!r}")
    # A head that does not fit, and what is no HTTP.
    for rude in (b"GET /metrics HTTP/1.1\r\nA: " + b"a" * 100000 + b"\r\n\r\n", b"\0\xff\r\n\r\n" * 100):
        connection = connect()
        connection.connect()
        try:
            connection.sock.sendall(rude)
            expect(b" 200 " not in connection.sock.recv(65536), "rubbish is answered with the page")
        except ConnectionError:
            continue
        finally:
            connection.close()


def visits_end(connect):
    """Whoever takes all places, silent or a byte at a time, does not keep them."""
    visitors = [connect() for _ in range(PLACES)]
    for visitor in visitors:
        visitor.connect()
        visitor.sock.sendall(b"G")
    start = time.monotonic()
    page_at_last = None
    while page_at_last is None:
        expect(time.monotonic() - start < 60, "the places are never free again")
        for visitor in visitors:
            try:
                visitor.sock.sendall(b"E")
            except OSError:
                continue
        try:
            page_at_last = page(connect())
        except (OSError, http.client.HTTPException):
            time.sleep(0.5)
    for visitor in visitors:
        visitor.close()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def on_a_unix_socket(folder):
    path = os.path.join(folder, "metrics")
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    daemon, control = start(folder, f"unix:{path}")
    expect(os.stat(path).st_mode & 0o777 == 0o600, "others may connect")
    sim("attach", "5", "xvda", "--params", "null:64M")
    wait_until(lambda: total(page(UnixConnection(path)), "xenblk_disk_bytes") > 0, "the disk is not there")
    figures_agree(UnixConnection(path), control)
    manners(lambda: UnixConnection(path))
    second = run(DAEMON, "--foreground", "--directory", "vbd3", "--control", os.path.join(folder, "other"),
                 "--metrics", f"unix:{path}", check=False)
    expect(second.returncode == 4 and "metrics cannot be served" in second.stderr, f"two serve there: {second}")
    page(UnixConnection(path))
    visits_end(lambda: UnixConnection(path))
    stop(daemon)
    expect(not os.path.exists(path), "the socket is left behind")


def on_loopback(folder):
    port = free_port()
    daemon, _ = start(folder, f"127.0.0.1:{port}")
    page(http.client.HTTPConnection("127.0.0.1", port, timeout=20))
    stop(daemon)


def elsewhere(folder):
    for where in ("0.0.0.0:9100", "192.0.2.1:9100", "[::]:9100", "example.org:9100", "9100", "unix:m"):
        result = run(DAEMON, "--foreground", "--control", os.path.join(folder, "c"), "--metrics", where, check=False)
        expect(result.returncode == 2 and "for this host only" in result.stderr, f"{where}: {result}")


def the_checker_is_strict():
    good = "# HELP a_total x.\n# TYPE a_total counter\na_total{q=\"0\"} 1\n"
    libexposition.read(good)
    for wrong in (good[:-1], good.replace("# TYPE a_total counter\n", ""), good + "a_total{q=\"0\"} 2\n",
                  good.replace(" 1\n", " one\n"), good.replace("a_total{", "b_total{"), good.replace(" 1\n", " -1\n"),
                  good.replace("\"0\"", "0"), good + good, good.replace("counter", "meter"), good + "\n"):
        try:
            libexposition.read(wrong)
        except libexposition.Wrong:
            continue
        raise AssertionError(f"the checker takes {wrong!r}")


def test():
    the_checker_is_strict()
    with tempfile.TemporaryDirectory() as folder:
        elsewhere(folder)
        on_a_unix_socket(folder)
        on_loopback(folder)


inside(test)
