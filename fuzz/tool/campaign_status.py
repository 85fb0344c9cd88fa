"""How a campaign stands, as text: for the terminal that runs it and for others.

Pure: plan and state in, lines out.
"""

from campaign_state import executions
from finds import bucket


def clock(seconds):
    """1:02:03"""
    seconds = int(seconds)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def short(number):
    """1234567 as 1.2M: a column of a table holds it."""
    for unit, size in (("G", 10 ** 9), ("M", 10 ** 6), ("k", 10 ** 3)):
        if number >= size:
            return f"{number / size:.1f}{unit}"
    return str(int(number))


def edges_of(harness):
    """The best of each build: they count edges each in its own way."""
    order = ("fuzz", "afl-plain", "afl", "afl-laf")
    return "/".join(str(harness["edges"].get(b, "-")) for b in order)


def speed_of(harness):
    """Now, while it runs; over all its time otherwise."""
    now = sum(i["execs_per_s"] for i in harness["instances"].values())
    if now:
        return now
    return executions(harness) / max(1.0, harness["seconds"])


def since_new_edge(state, harness):
    if harness["last_new_edge"] is None:
        return "-"
    return clock(state["elapsed"] - harness["last_new_edge"])


def head(plan, state, alive):
    status = state["status"]
    if status == "running" and not alive:
        status = "killed (start goes on with it)"
    share = 100 * min(1.0, state["elapsed"] / max(1, plan["seconds"]))
    total = sum(executions(h) for h in state["harnesses"].values())
    return (f"{status}: {clock(state['elapsed'])} of "
            f"{clock(plan['seconds'])} ({share:.0f} %), {short(total)} "
            f"executions, {len(state['finds'])} finds, turn "
            f"{state['turn'] + 1}")


def table(plan, state, alive):
    """The whole status."""
    lines = [head(plan, state, alive)]
    if state["message"]:
        lines.append(state["message"])
    lines.append(f"{'harness':18}{'time':>9}{'exec/s':>9}{'execs':>9}  "
                 f"{'edges lib/afl/san/laf':>24}{'corpus':>8}{'finds':>7}"
                 f"{'new edge before':>17}")
    for name in plan["harnesses"]:
        h = state["harnesses"].get(name)
        if h is None:
            continue
        lines.append(f"{name:18}{clock(h['seconds']):>9}"
                     f"{short(speed_of(h)):>9}{short(executions(h)):>9}  "
                     f"{edges_of(h):>24}{h['corpus']:>8}{h['finds']:>7}"
                     f"{since_new_edge(state, h):>17}")
    return "\n".join(lines)


def buckets(state):
    """[(how often, find)] of finds with one cause each, the first of each."""
    found = {}
    for find in state["finds"]:
        key = (find["harness"], bucket(find))
        often, first = found.get(key, (0, find))
        found[key] = (often + 1, first)
    return [found[key] for key in sorted(found)]


def plan_text(plan):
    """The line-up, for a reader who wants to know before it runs."""
    lines = [f"{len(plan['harnesses'])} harnesses on {plan['cores']} cores "
             f"of {plan['host']} for {clock(plan['seconds'])}: "
             f"{plan['at_once']} at once with {plan['width']} instances "
             f"each, {plan['slice_s']} s a turn"]
    lines += [f"note: {n}" for n in plan["notes"]]
    lines.append(f"AFL++: {plan['features']['version'] or 'not there'}; "
                 f"builds {', '.join(plan['features']['builds']) or 'none'}")
    if plan["width"] < len(plan["roster"]):
        lines.append("the first of these is there at every turn that has room "
                     "for two, the others take turns:"
                     if plan["width"] > 1 else "these take turns:")
    for role in plan["roster"]:
        words = [f"{k}={v}" for k, v in sorted(role["variables"].items())]
        words += role["options"]
        lines.append(f"  {role['name']:16}{role['engine']:10}"
                     f"{role['build']:11}{' '.join(words)}"
                     f"{'  # ' + role['why'] if role['why'] else ''}")
    return "\n".join(lines)
