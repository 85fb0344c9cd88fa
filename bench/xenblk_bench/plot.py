"""The figures as one SVG picture: plain shapes and text, no script.

Two columns, one per placement; throughput over queues, CPU per I/O over
queues, and CPU per I/O beside the peers.
"""

import math
from xml.sax.saxutils import escape

from . import cases

WIDTH, PANEL_WIDTH, PANEL_HEIGHT = 1120, 430, 230
LEFT, TOP, GAP_X, GAP_Y = 85, 110, 105, 105

# Okabe and Ito's colours: distinct for colour-blind readers as well.
STYLES = {
    ("null", "xenblk"): ("#0072b2", "circle", "null disk, persistent grants"),
    ("null", "xenblk-copy"): ("#56b4e9", "square", "null disk, grant copy"),
    ("ram", "xenblk"): ("#009e73", "diamond", "RAM disk, persistent grants"),
    ("cached", "xenblk"): ("#e69f00", "triangle", "cached file, persistent"),
    ("null", "qemu"): ("#d55e00", "cross", "QEMU, null disk (one queue)"),
    ("cached", "qemu"): ("#cc79a7", "plus", "QEMU, cached file (one queue)"),
}

BARS = (
    ("ring", "ring-event", "bare ring", "#999999"),
    ("null", "xenblk", "xenblk", "#0072b2"),
    ("null", "xenblk-copy", "xenblk copy", "#56b4e9"),
    ("null", "qemu", "QEMU", "#d55e00"),
    ("ram", "xenblk", "xenblk", "#009e73"),
    ("cached", "fio", "fio io_uring", "#999999"),
    ("cached", "xenblk", "xenblk", "#e69f00"),
    ("cached", "xenblk-copy", "xenblk copy", "#f0d58a"),
    ("cached", "qemu", "QEMU", "#cc79a7"),
    ("tmpfs", "fio", "fio io_uring", "#999999"),
    ("tmpfs", "xenblk", "xenblk", "#c8a415"),
    ("tmpfs", "qemu", "QEMU", "#cc79a7"),
)
GROUPS = {"ring": "no disk", "null": "null disk", "ram": "RAM disk"}
GROUPS |= {"cached": "cached file", "tmpfs": "tmpfs file"}


def _nice_step(limit, wanted=5):
    raw = limit / wanted
    power = 10 ** math.floor(math.log10(raw))
    for factor in (1, 2, 2.5, 5, 10):
        if factor * power >= raw:
            return factor * power
    return 10 * power


def _label(value):
    return f"{value:.10g}"


class Picture:
    """SVG elements, collected."""

    def __init__(self):
        self.parts = []

    def add(self, element):
        self.parts.append(element)

    def line(self, x1, y1, x2, y2, color="#ddd", width=1):
        self.add(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{color}" stroke-width="{width}"/>'
        )

    def text(self, x, y, words, size=12, anchor="start", extra=""):
        self.add(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" '
            f'text-anchor="{anchor}" {extra}>{escape(words)}</text>'
        )

    def mark(self, x, y, shape, color):
        """A data point; shapes differ so that colour is not needed."""
        fill = f'fill="{color}" stroke="white" stroke-width="1"'
        bold = f'stroke="{color}" stroke-width="3" fill="none"'
        path = {
            "square": f"M{x-5} {y-5}h10v10h-10z",
            "diamond": f"M{x} {y-6}l6 6l-6 6l-6 -6z",
            "triangle": f"M{x} {y-6}l6 11h-12z",
            "cross": f"M{x-5} {y-5}l10 10M{x-5} {y+5}l10 -10",
            "plus": f"M{x-6} {y}h12M{x} {y-6}v12",
        }.get(shape)
        if path is None:
            self.add(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" {fill}/>')
        else:
            how = bold if shape in ("cross", "plus") else fill
            self.add(f'<path d="{path}" {how}/>')


class Panel:
    """One pair of axes at a place of the picture, y linear from 0."""

    def __init__(self, picture, left, top, limit):
        self.picture, self.left, self.top = picture, left, top
        self.set_limit(limit)

    def set_limit(self, limit):
        step = _nice_step(limit)
        self.limit = step * math.ceil(limit / step)
        self.ticks = [i * step for i in range(round(self.limit / step) + 1)]

    def share(self, value):
        """How far up a value is, 0 to 1."""
        return value / self.limit

    def y(self, value):
        return self.top + PANEL_HEIGHT * (1 - self.share(value))

    def axes(self, title, unit):
        picture, right = self.picture, self.left + PANEL_WIDTH
        for value in self.ticks:
            y = self.y(value)
            picture.line(self.left, y, right, y)
            picture.text(self.left - 8, y + 4, _label(value), 12, "end")
        bottom = self.top + PANEL_HEIGHT
        picture.line(self.left, bottom, right, bottom, "#444")
        picture.line(self.left, self.top, self.left, bottom, "#444")
        picture.text(
            self.left, self.top - 14, title, 14, extra='font-weight="bold"'
        )
        middle, x = self.top + PANEL_HEIGHT / 2, self.left - 52
        turn = f'transform="rotate(-90 {x} {middle:.1f})"'
        picture.text(x, middle, unit, 12, "middle", turn)


class LogPanel(Panel):
    """The same with a logarithmic y: costs that differ a hundredfold."""

    def set_limit(self, limit):
        low, high = limit
        steps = [f * 10.0**e for e in range(-4, 5) for f in (1, 2, 5)]
        first = max(s for s in steps if s <= low or s == steps[0])
        last = min(s for s in steps if s >= high or s == steps[-1])
        self.ticks = [s for s in steps if first <= s <= last]
        self.low, self.high = math.log(first), math.log(max(last, 2 * first))

    def share(self, value):
        return (math.log(value) - self.low) / (self.high - self.low)


def _queue_x(left, queues):
    return left + 30 + (PANEL_WIDTH - 60) * math.log2(queues) / 4


def _series(rows, placement):
    """Rows at depth 32 by (case, backend), for those that are drawn."""
    found = {}
    for row in rows:
        key = (row["case"], row["backend"])
        if (
            key in STYLES
            and row["depth"] == 32
            and row["placement"] == placement
            and row["iops"]
        ):
            found.setdefault(key, []).append(row)
    return {k: sorted(v, key=lambda r: r["queues"]) for k, v in found.items()}


def _draw_lines(panel, series, key, scale):
    picture = panel.picture
    for queues in cases.QUEUES:
        x = _queue_x(panel.left, queues)
        bottom = panel.top + PANEL_HEIGHT
        picture.line(x, bottom, x, bottom + 5, "#444")
        picture.text(x, bottom + 20, str(queues), 12, "middle")
    picture.text(
        panel.left + PANEL_WIDTH / 2,
        panel.top + PANEL_HEIGHT + 40,
        "queues (32 requests in flight on each)",
        12,
        "middle",
    )
    for name, rows in series.items():
        color, shape, _ = STYLES[name]
        points = [
            (_queue_x(panel.left, r["queues"]), panel.y(r[key] / scale))
            for r in rows
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        picture.add(
            f'<polyline points="{path}" fill="none" stroke="{color}" '
            f'stroke-width="2"/>'
        )
        for (x, y), row in zip(points, rows):
            low, high = row[f"{key}_spread"]
            picture.line(x, panel.y(low / scale), x, panel.y(high / scale),
                         color, 2)
            picture.mark(round(x, 1), round(y, 1), shape, color)


def _over_queues(picture, rows, left, top, what):
    title, unit, key, scale, placement, limit = what
    kind = LogPanel if isinstance(limit, tuple) else Panel
    panel = kind(picture, left, top, limit)
    panel.axes(f"{title}, {placement}", unit)
    _draw_lines(panel, _series(rows, placement), key, scale)


def _bar_rows(rows, placement):
    """(label, group, colour, value) at one queue, depth 32; fio has one CPU."""
    for case, backend, label, color in BARS:
        for row in rows:
            if (
                (row["case"], row["backend"]) == (case, backend)
                and row["queues"] == 1
                and row["depth"] == 32
                and (row["placement"] == placement or backend == "fio")
            ):
                yield label, case, color, row["cpu_us_per_io"]
                break


def _bars(picture, rows, left, top, placement, limit):
    bars = list(_bar_rows(rows, placement))
    panel = Panel(picture, left, top, limit)
    panel.axes(
        f"Beside peers: 1 queue, depth 32, {placement}",
        "backend CPU, \u00b5s per I/O",
    )
    if not bars:
        return
    groups = list(dict.fromkeys(case for _, case, _, _ in bars))
    slot = PANEL_WIDTH / (len(bars) + 0.6 * len(groups))
    x, bottom = left, top + PANEL_HEIGHT
    for group in groups:
        x += 0.3 * slot
        start = x
        for label, case, color, value in bars:
            if case != group:
                continue
            y = panel.y(value)
            picture.add(
                f'<rect x="{x + 3:.1f}" y="{y:.1f}" width="{slot - 6:.1f}" '
                f'height="{bottom - y:.1f}" fill="{color}"/>'
            )
            picture.text(
                x + slot / 2, y - 5, f"{value:.2f}", 11, "middle"
            )
            turned = (
                f'transform="rotate(-30 {x + slot / 2:.1f} {bottom + 16:.1f})"'
            )
            picture.text(x + slot / 2, bottom + 16, label, 11, "end", turned)
            x += slot
        picture.text(
            (start + x) / 2, bottom + 74, GROUPS[group], 12, "middle",
            'font-weight="bold"',
        )
        x += 0.3 * slot


def _legend(picture, rows, top):
    shown = [
        name
        for name in STYLES
        if any((r["case"], r["backend"]) == name and r["iops"] for r in rows)
    ]
    for i, name in enumerate(shown):
        color, shape, words = STYLES[name]
        x, y = LEFT + (i % 3) * 340, top + (i // 3) * 20
        picture.mark(x, y, shape, color)
        picture.text(x + 12, y + 4, words, 12)


def _extremes(rows, key, scale):
    """Smallest and largest of what is drawn, with some air."""
    values = [
        end / scale
        for row in rows
        if (row["case"], row["backend"]) in STYLES
        and row["depth"] == 32
        and row[key]
        for end in row[f"{key}_spread"]
    ]
    return min(values, default=0.1) / 1.05, max(values, default=1) * 1.05


def _bar_limit(rows, placement):
    return 1.1 * max((bar[3] for bar in _bar_rows(rows, placement)), default=1)


def draw(document):
    """The picture as text."""
    rows, machine = document["rows"], document["machine"]
    placements = [
        p
        for p in (cases.ONE_CPU, cases.ONE_EACH)
        if any(row["placement"] == p for row in rows)
    ]
    picture = Picture()
    picture.text(
        LEFT - 50, 34, "xenblk-bench: 4 KiB random reads on the simulator", 20,
        extra='font-weight="bold"',
    )
    picture.text(
        LEFT - 50, 54,
        f"{machine['processor']}, {machine['cpus']} CPUs, Linux "
        f"{machine['kernel']}; median of the rounds, bars show the spread",
        12, extra='fill="#555"',
    )
    _legend(picture, rows, TOP - 35)
    top = TOP + 50
    for column, placement in enumerate(placements):
        left = LEFT + column * (PANEL_WIDTH + GAP_X)
        down = PANEL_HEIGHT + GAP_Y
        _over_queues(picture, rows, left, top, (
            "Throughput", "thousand I/O per second", "iops", 1e3, placement,
            _extremes([r for r in rows if r["placement"] == placement],
                      "iops", 1e3)[1]))
        _over_queues(picture, rows, left, top + down, (
            "CPU per I/O (logarithmic)", "backend CPU, \u00b5s per I/O",
            "cpu_us_per_io", 1, placement,
            _extremes(rows, "cpu_us_per_io", 1)))
        _bars(picture, rows, left, top + 2 * down, placement,
              _bar_limit(rows, placement))
    height = top + 3 * (PANEL_HEIGHT + GAP_Y) + 10
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
        f'height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'font-family="DejaVu Sans, Helvetica, Arial, sans-serif" '
        'fill="#222">\n'
        f'<title>xenblk-bench</title>\n'
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>\n'
        + "\n".join(picture.parts)
        + "\n</svg>\n"
    )
