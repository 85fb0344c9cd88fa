"""The attack of ./quickstart: libFuzzer on every harness, with progress shown.

The ring harness gets one core for the whole time; the others take turns on the
rest of the machine.
"""
import os
import re
import time
from pathlib import Path

STATUS = re.compile(r'^#(\d+)\s+(\w+)\s+(?:cov: (\d+) )?(?:ft: (\d+) )?.*?(?:exec/s: (\d+))?(?:\s|$)', re.M)
FINDING = re.compile(r'^(.*(?:ERROR: (?:AddressSanitizer|libFuzzer|LeakSanitizer)|runtime error:|CHECK failed|oracle).*)$', re.M)
MAIN = 'ring'


class Attack:
    """One fuzzer process and what its log says so far."""

    def __init__(self, run, out, tool, harness, seconds):
        self.harness, self.seconds, self.curve = harness, seconds, []
        self.path = Path(out) / f'fuzz-{harness}.log'
        self.log = open(self.path, 'wb')
        self.started = time.monotonic()
        self.process = run.start([tool, 'run', harness, '--engine', 'libfuzzer', '--seconds', seconds], self.log)

    def look(self):
        """(executions, edges) so far."""
        text = self.path.read_text(errors='replace')
        rows = STATUS.findall(text)
        executions = max((int(r[0]) for r in rows), default=0)
        done = re.search(r'Done (\d+) runs', text)
        if done:
            executions = max(executions, int(done.group(1)))
        edges = max((int(r[2]) for r in rows if r[2]), default=0)
        if edges:
            self.curve.append((time.monotonic() - self.started, edges))
        return executions, edges

    def over(self):
        return self.process.poll() is not None

    def result(self):
        executions, edges = self.look()
        elapsed = max(time.monotonic() - self.started, 1)
        text = self.path.read_text(errors='replace')
        self.log.close()
        failed = self.process.returncode != 0
        found = FINDING.findall(text)
        return {'harness': self.harness, 'executions': executions, 'edges': edges, 'curve': self.curve,
                'speed': int(executions / min(elapsed, self.seconds + 1)), 'seconds': self.seconds,
                'findings': 1 if failed else 0,
                'report': '\n'.join((found[:3] or text.splitlines()[-10:]) if failed else [])}


def attack(run, out, tool, seconds, harnesses):
    """Attack with every harness; the list of results, the ring's first."""
    others = [h for h in harnesses if h != MAIN]
    running = [Attack(run, out, tool, MAIN, seconds)]
    share = max(seconds // max(len(others), 1) - 1, 1)
    if os.cpu_count() and os.cpu_count() < 2:
        others = []
    finished, shown = [], time.monotonic()
    while running:
        if others and len(running) < 2 and not running[0].over():
            running.append(Attack(run, out, tool, others.pop(0), share))
        time.sleep(0.2)
        if time.monotonic() - shown >= 5:
            shown = time.monotonic()
            for a in running:
                executions, edges = a.look()
                print(f'      {time.monotonic() - a.started:3.0f} s  {a.harness:<12}{executions:>12,} inputs {edges:>7,} edges', flush=True)
        for a in [a for a in running if a.over() or time.monotonic() - a.started > a.seconds + 60]:
            if not a.over():
                a.process.kill()
                a.process.wait()
            running.remove(a)
            finished.append(a.result())
    return sorted(finished, key=lambda f: f['harness'] != MAIN)
