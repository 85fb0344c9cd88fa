"""The report of the bug bank as one HTML page: everything in it, no script, the
same bytes for the same report."""

import html

from bank_report import interval, seconds, verdict

STYLE = """
body{font:15px/1.45 system-ui,sans-serif;max-width:75em;margin:2em auto;
padding:0 1em;color:#1b1f24;background:#fff}
h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.25em .6em;border-bottom:1px solid #d8dee4;
vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.bad{background:#ffebe9}.none{color:#656d76}
.bar{display:block;height:.5em;background:#2f6f9f;min-width:1px}
details summary{cursor:pointer}code{font-size:.92em}
@media(prefers-color-scheme:dark){body{color:#d6dbe1;background:#14171a}
th,td{border-color:#343b43}.bad{background:#4b1c1c}.bar{background:#6aa9d8}}
"""


def cell(text, kind=""):
    return f"<td{kind}>{html.escape(str(text))}</td>"


def number(text):
    return cell(text, ' class="n"')


def table(heads, rows):
    """heads: a word each, those that begin with # are of numbers."""
    head = "".join(
        f'<th class="n">{html.escape(h[1:])}</th>' if h.startswith("#")
        else f"<th>{html.escape(h)}</th>" for h in heads)
    return f"<table><tr>{head}</tr>\n" + "\n".join(rows) + "</table>\n"


def row(cells, kind=""):
    return f"<tr{kind}>{''.join(cells)}</tr>"


def bar(hunt):
    """How much of its budget a median took."""
    if hunt["median_s"] is None:
        return '<td><span class="none">not within it</span></td>'
    width = 100 * min(1.0, hunt["median_s"] / hunt["budget_s"])
    return f'<td><span class="bar" style="width:{width:.1f}%"></span></td>'


def hunt_row(entry, hunt, first):
    what = f"<td>{html.escape(entry['what'])}" + "".join(
        f"<br><code>{html.escape(r[:200])}</code>" for r in hunt["reasons"]
    ) + "</td>"
    seen = (f"{hunt['reached']} / {hunt['triggered']}" if entry["canary"]
            else "not measured")
    return row([
        cell(entry["id"] if first else ""), what, cell(entry["class"]),
        cell(entry["tier"]), cell(f"{hunt['harness']} ({hunt['start']})"),
        number(seen), number(f"{hunt['detected']} / {hunt['hunts']}"),
        number(seconds(hunt["median_s"], hunt["budget_s"])),
        number(interval(hunt)), bar(hunt),
        cell(", ".join(f"{o} {n}" for o, n in hunt["oracles"].items()))],
        "" if hunt["detected"] else ' class="bad"')


def survivors(report):
    rows = [row([cell(e["id"]), cell(e["what"]), cell(e["origin"]),
                 cell("; ".join(
                     f"{h['harness']} from {h['start']}: {h['hunts']} hunts, "
                     f"{h['seconds']:g} s, {h['executions']} executions, "
                     f"reached {h['reached']}, triggered {h['triggered']}"
                     for h in e["hunts"])),
                 cell("yes" if e["proven"] else "no")], ' class="bad"')
            for e in report["bugs"] if e["hunted"] and not e["killed"]]
    if not rows:
        return "<p>None: every bug that was hunted was found.</p>\n"
    return table(["id", "what", "origin", "what was tried", "proven"], rows)


def all_hunts(report):
    rows = []
    for entry in report["bugs"]:
        rows += [hunt_row(entry, h, i == 0)
                 for i, h in enumerate(entry["hunts"])]
    return table(["id", "what, and what was said", "class", "tier", "harness",
                  "#reached / triggered", "#found", "#median s",
                  "#95 % interval", "of its budget", "oracles"], rows)


def small_tables(report):
    classes = [row([cell(c["class"]), number(c["bugs"]), number(c["killed"]),
                    number(f"{c['rate']:.0%}")]) for c in report["classes"]]
    oracles = [row([cell(o["oracle"]), number(o["kills"]),
                    number(f"{o['share']:.1%}"), number(o["bugs"])])
               for o in report["oracles"]]
    clean = [row([cell(c["harness"]), number(c["hunts"]),
                  number(f"{c['seconds']:g}"), number(c["finds"])],
                 ' class="bad"' if c["finds"] else "")
             for c in report["clean"]]
    return (
        "<h2>By class</h2>\n" +
        table(["class", "#bugs", "#killed", "#rate"], classes) +
        "<h2>By the oracle that spoke first</h2>\n" +
        table(["oracle", "#kills", "#share", "#bugs"], oracles) +
        "<h2>The clean build for the same time</h2>\n" +
        table(["harness", "#hunts", "#seconds of one core",
               "#false positives"], clean))


def oracle_table(rows):
    if not rows:
        return ""
    body = [row([cell(r["oracle"]), number(r["alone"]), number(r["only"]),
                 cell(", ".join(r["only_ids"]))]) for r in rows]
    return ("<h2>What each oracle catches alone</h2>\n<p>The inputs that "
            "found a bug, played again: with this oracle and no other, and "
            "with all but this one.</p>\n" +
            table(["oracle", "#catches alone", "#only it catches", "which"],
                  body))


def page(report, oracles):
    s = report["settings"]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        "<title>The bug bank</title><style>" + STYLE + "</style>\n"
        "<h1>The bug bank</h1>\n"
        f"<p>{html.escape(verdict(report))}. Up to {s['seeds']} "
        "seeds for each bug, harness and start; seconds are those of one "
        "core; a median's interval is the distribution-free one of order "
        "statistics (at least 95 %, none below six hunts).</p>\n"
        "<h2>Survivors</h2>\n" + survivors(report) +
        "<h2>All hunts</h2>\n" + all_hunts(report) + small_tables(report) +
        oracle_table(oracles) +
        "<h2>Left out</h2>\n<p>Unproven, in no rate: " +
        html.escape(", ".join(report["unproven"]) or "none") +
        ". Not hunted: " +
        html.escape(", ".join(report["not_hunted"]) or "none") +
        ".</p></html>\n")
