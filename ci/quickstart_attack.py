"""The attack of ./quickstart: xenblk-fuzz on every harness, with progress shown.

The ring harness gets one core for the whole time; the others take turns on the
rest of the machine.
"""
import json
import os
import re
import time
from pathlib import Path

PROGRESS = re.compile(r'^(\S+)\s+libfuzzer\s+(\d+) s\s+(\d+) exec/s\s+(\d+) edges', re.M)
MAIN = 'ring'
EVERY = 5      # seconds between two lines of progress


class Attack:
    """One harness under attack, and what its log says so far."""

    def __init__(self, run, out, tool, harness, seconds):
        self.harness, self.seconds, self.shown = harness, seconds, 0
        self.path, self.json = Path(out) / f'fuzz-{harness}.log', Path(out) / f'fuzz-{harness}.json'
        self.log, self.answer = open(self.path, 'wb'), open(self.json, 'wb')
        self.started = time.monotonic()
        self.process = run.start([tool, 'run', harness, '--engine', 'libfuzzer', '--seconds', seconds, '--every', EVERY, '--json'],
                                 self.log, stdout=self.answer)

    def rows(self):
        return [tuple(map(int, r[1:])) for r in PROGRESS.findall(self.path.read_text(errors='replace'))]

    def show(self):
        """Print the lines of progress that are new."""
        rows = self.rows()
        for seconds, speed, edges in rows[self.shown:]:
            print(f'      {seconds:4} s  {self.harness:<16}{speed:>8,} inputs per second {edges:>7,} edges', flush=True)
        self.shown = len(rows)

    def over(self):
        if self.process.poll() is None and time.monotonic() - self.started > self.seconds + 120:
            self.process.kill()
            self.process.wait()
        return self.process.poll() is not None

    def result(self):
        self.log.close()
        self.answer.close()
        text = self.path.read_text(errors='replace')
        try:
            r = json.loads(self.json.read_text())['runs'][0]
        except (ValueError, LookupError):
            r = {'execs': 0, 'execs_per_s': 0, 'edges': 0, 'finds': []}
        found = len(r['finds'])
        broken = self.process.returncode not in (0, 1) or not r['execs']
        return {'harness': self.harness, 'executions': r['execs'], 'speed': r['execs_per_s'], 'edges': r['edges'], 'seconds': self.seconds,
                'findings': found, 'broken': broken, 'curve': [(0, 0)] + [(t, edges) for t, _, edges in self.rows()],
                'report': '\n'.join(text.splitlines()[-12:]) if found or broken else ''}


def attack(run, out, tool, seconds, harnesses):
    """Attack with every harness; the list of results, the ring's first."""
    others = [h for h in harnesses if h != MAIN] if (os.cpu_count() or 1) > 1 else []
    share = max(seconds // max(len(others), 1) - 2, 1)
    running, finished = [Attack(run, out, tool, MAIN, seconds)], []
    while running:
        # Each begins by asking ninja whether its harness is current: one at a time.
        if others and len(running) < 2 and all(a.rows() for a in running):
            running.append(Attack(run, out, tool, others.pop(0), share))
        time.sleep(0.2)
        for a in list(running):
            a.show()
            if a.over():
                running.remove(a)
                finished.append(a.result())
    return sorted(finished, key=lambda f: f['harness'] != MAIN)
