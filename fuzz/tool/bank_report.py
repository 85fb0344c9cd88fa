"""The report of the bug bank: from rows of hunts to one dictionary, and that
as text.  Pure, and the same bytes for the same rows; bank_page.py draws it."""

from bank_figures import NEVER, figures, share


def times_of(rows):
    return [r["seconds"] if r["end"] == "found" else NEVER for r in rows]


def count_by(rows, key):
    counts = {}
    for row in rows:
        if row["end"] == "found":
            counts[row[key]] = counts.get(row[key], 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def reasons_of(rows):
    """What was said, each thing once, the first hunts' words first."""
    said = []
    for row in sorted(rows, key=lambda r: r["seed"]):
        if row["reason"] and row["oracle"] not in [o for o, _ in said]:
            said.append((row["oracle"], row["reason"]))
    return [f"{reason}" for _, reason in said]


def hunts_of(bug, rows):
    """One entry for every harness and start that this bug was hunted with."""
    entries = []
    for start in ("corpus", "empty"):
        for harness in bug["harnesses"]:
            own = [r for r in rows if r["bug"] == bug["id"] and
                   r["harness"] == harness and r["start"] == start]
            if not own:
                continue
            entry = {"harness": harness, "start": start,
                     "reached": sum(r["reached"] for r in own),
                     "triggered": sum(r["triggered"] for r in own),
                     "oracles": count_by(own, "oracle"),
                     "reasons": reasons_of(own),
                     "seconds": round(sum(r["seconds"] for r in own), 1),
                     "executions": sum(r["execs"] for r in own)}
            entry.update(figures(times_of(own), own[0]["budget"]))
            # A find though the bug made no difference: not of this bug.
            entry["untriggered_finds"] = sum(
                r["end"] == "found" and not r["triggered"] for r in own
            ) if bug["canary"] else 0
            entries.append(entry)
    return entries


def bug_entry(bug, rows, proven):
    hunts = hunts_of(bug, rows)
    entry = {key: bug[key] for key in ("id", "what", "class", "origin",
                                       "tier", "canary", "tests")}
    entry.update(expected=bug["oracle"], hunts=hunts,
                 proven=proven.get(bug["id"]))
    for start in ("corpus", "empty"):
        own = [h for h in hunts if h["start"] == start]
        entry[f"killed_from_{start}"] = \
            any(h["detected"] for h in own) if own else None
    entry["killed"] = any(h["detected"] for h in hunts)
    entry["hunted"] = bool(hunts)
    return entry


def class_rows(entries):
    names = sorted({e["class"] for e in entries})
    rows = []
    for name in names:
        own = [e for e in entries if e["class"] == name]
        killed = sum(e["killed"] for e in own)
        rows.append({"class": name, "bugs": len(own), "killed": killed,
                     "rate": share(killed, len(own)),
                     "ids": [e["id"] for e in own]})
    return rows


def oracle_rows(entries):
    """Who spoke first, over all hunts: kills, and bugs of which it had any."""
    kills, bugs = {}, {}
    for e in entries:
        for hunt in e["hunts"]:
            for oracle, n in hunt["oracles"].items():
                kills[oracle] = kills.get(oracle, 0) + n
                bugs.setdefault(oracle, set()).add(e["id"])
    total = sum(kills.values())
    return [{"oracle": o, "kills": kills[o], "share": share(kills[o], total),
             "bugs": len(bugs[o])}
            for o in sorted(kills, key=lambda o: (-kills[o], o))]


def clean_rows(rows):
    """The clean harnesses: seconds of one core, finds (which are false)."""
    out = []
    for harness in sorted({r["harness"] for r in rows}):
        own = [r for r in rows if r["harness"] == harness]
        out.append({"harness": harness, "hunts": len(own),
                    "seconds": round(sum(r["seconds"] for r in own), 1),
                    "finds": sum(r["end"] == "found" for r in own),
                    "reasons": reasons_of(own)})
    return out


def make(bugs, rows, clean, proven, settings):
    """The whole report.  proven: {id: True or False}, from the directed
    tests; a bug that is not proven is in no rate."""
    entries = [bug_entry(b, rows, proven) for b in bugs]
    counted = [e for e in entries if e["hunted"] and e["proven"]]
    survivors = [e["id"] for e in counted if not e["killed"]]
    return {
        "settings": settings,
        "survivors": survivors,
        "unproven": [e["id"] for e in entries if not e["proven"]],
        "not_hunted": [e["id"] for e in entries if not e["hunted"]],
        "counted": len(counted),
        "killed": sum(e["killed"] for e in counted),
        "false_positives": sum(c["finds"] for c in clean_rows(clean)),
        "classes": class_rows(counted),
        "oracles": oracle_rows(entries),
        "clean": clean_rows(clean),
        "bugs": sorted(entries, key=lambda e: (
            e["killed"] or not e["hunted"], not e["hunted"], e["id"])),
    }


# --- as text ---

def seconds(value, budget):
    return f"> {budget:g}" if value is None else f"{value:g}"


def interval(hunt):
    if hunt["coverage"] is None:
        return "-"
    high = "..." if hunt["high_s"] is None else f"{hunt['high_s']:g}"
    low = "..." if hunt["low_s"] is None else f"{hunt['low_s']:g}"
    return f"[{low}, {high}]"


def hunt_line(entry, hunt):
    oracles = ", ".join(f"{o} {n}" for o, n in hunt["oracles"].items()) or "-"
    seen = f"{hunt['reached']}/{hunt['triggered']}" if entry["canary"] else "-"
    return (f"{entry['id']:5} {entry['tier']} {hunt['harness']:15} "
            f"{hunt['start']:6} {seen:>6} {hunt['detected']:3}/"
            f"{hunt['hunts']:<3} {seconds(hunt['median_s'], hunt['budget_s']):>8} "
            f"{interval(hunt):>16}  {oracles}")


def survivor_lines(report):
    lines = []
    for entry in report["bugs"]:
        if entry["killed"] or not entry["hunted"]:
            continue
        tried = "; ".join(
            f"{h['harness']} from {h['start']}: {h['hunts']} hunts, "
            f"{h['seconds']:g} s, {h['executions']} executions, reached in "
            f"{h['reached']}, triggered in {h['triggered']}"
            for h in entry["hunts"])
        lines.append(f"  {entry['id']} {entry['what']}\n      {tried}")
    return lines or ["  none"]


def verdict(report):
    """One sentence about everything."""
    unproven = [e for e in report["bugs"] if e["hunted"] and not e["proven"]]
    found = sum(e["killed"] for e in unproven)
    return (f"{report['killed']} of {report['counted']} proven bugs were found"
            + (f", and {found} of {len(unproven)} that no directed test has "
               "proven here (xenblk-fuzz bugbank --directed)"
               if unproven else "") +
            f"; {report['false_positives']} false positives on the clean build")


def as_text(report):
    lines = ["Survivors, and what was tried:"] + survivor_lines(report)
    lines += ["", verdict(report), ""]
    lines.append("id    tier harness      start  re/tr  found    median s     "
                 "95 % interval  oracle (kills)")
    for entry in report["bugs"]:
        lines += [hunt_line(entry, h) for h in entry["hunts"]]
    lines += ["", "class: bugs, killed"]
    lines += [f"  {c['class']:44} {c['bugs']:3} {c['killed']:3}"
              for c in report["classes"]]
    lines += ["", "oracle that spoke first: kills, share, bugs"]
    lines += [f"  {o['oracle']:12} {o['kills']:4} {o['share']:6.1%} "
              f"{o['bugs']:4}" for o in report["oracles"]]
    lines += ["", "clean build: harness, hunts, seconds of one core, finds"]
    lines += [f"  {c['harness']:16} {c['hunts']:3} {c['seconds']:8g} "
              f"{c['finds']:3}" for c in report["clean"]]
    for title, key in (("unproven (no directed test has killed them): ",
                        "unproven"), ("not hunted: ", "not_hunted")):
        if report[key]:
            lines += ["", title + ", ".join(report[key])]
    return "\n".join(lines) + "\n"
