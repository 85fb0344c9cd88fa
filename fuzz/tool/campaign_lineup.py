"""Who attacks a harness: the roster of a campaign, from features and cores.

Pure: features, numbers and names in, a plan out.  campaign.py prints the plan
and campaign_run.py runs it.  It starts nothing and looks at no clock.
"""

# A role that asks for more than is there is left out, with a note.
ROSTER_LEAST = 10
ROSTER_MOST = 64


class Role:
    """One instance: its engine, the build that it runs, options, variables."""

    def __init__(self, name, engine, build, options=(), variables=None,
                 why=""):
        self.name, self.engine, self.build = name, engine, build
        self.options, self.variables = list(options), dict(variables or {})
        self.why = why

    def document(self):
        return dict(vars(self))


def main_role(features, host):
    """The one instance that goes through the queue in order and that others
    wait for; with two of them on a host nobody would import anything."""
    options = ["-M", f"main-{host}"]
    return Role(f"main-{host}", "afl", "afl-plain", options,
                features.environment(AFL_FINAL_SYNC="1"),
                "the one main of this host; only its queue leaves the host")


def sanitizer_role():
    return Role("sanitizer", "afl", "afl", ["-S", "sanitizer"],
                why="AddressSanitizer and UBSan look at everything")


def cmplog_role(features, number):
    """Compares what the backend compares with what the input holds."""
    name = f"cmplog{number}"
    options = ["-S", name, "-c", "{cmplog}"]
    if "l" in features.options:
        options += ["-l", "2" if number == 1 else "2AT"]
    return Role(name, "afl", "afl-plain", options,
                features.environment(AFL_CMPLOG_ONLY_NEW="1"),
                "finds operands of comparisons in the input")


def laf_role(number):
    name = f"laf{number}"
    return Role(name, "afl", "afl-laf", ["-S", name],
                why="comparisons split into bytes, each with an edge")


def secondary_role(features, number):
    """Schedules in turn; a tenth with MOpt, a tenth in order, most untrimmed."""
    name, options, variables = f"second{number}", ["-S"], {}
    options.append(name)
    why = []
    if features.schedules:
        schedule = features.schedules[number % len(features.schedules)]
        options += ["-p", schedule]
        why.append(f"schedule {schedule}")
    if number % 10 == 1 and "L" in features.options:
        options += ["-L", "0"]
        why.append("MOpt")
    if number % 10 == 2 and "Z" in features.options:
        options.append("-Z")
        why.append("the queue in order")
    if number % 5 in (0, 2, 4):
        variables = features.environment(AFL_DISABLE_TRIM="1")
        why.extend(["untrimmed"] if variables else [])
    if "P" in features.options and number % 3 == 0:
        options += ["-P", "explore" if number % 2 else "exploit"]
    return Role(name, "afl", "afl-plain", options, variables, ", ".join(why))


def libfuzzer_role(number):
    if number == 1:
        return Role("libfuzzer", "libfuzzer", "fuzz",
                    why="beside AFL++ on the same corpus, all sanitizers")
    return Role(f"libfuzzer{number}", "libfuzzer", "fuzz",
                ["-use_value_profile=1"],
                why="values of comparisons count as progress")


def specials(features, engines, host):
    """The roles that stand before plain secondaries, the dearest first."""
    afl, libfuzzer = "afl" in engines, "libfuzzer" in engines
    roles = [main_role(features, host)] if afl else []
    roles += [libfuzzer_role(1)] if libfuzzer else []
    if not afl:
        return roles + [libfuzzer_role(2)]
    roles.append(sanitizer_role())
    cmplog = "cmplog" in features.builds and "c" in features.options
    laf = "laf" in features.builds
    roles += [cmplog_role(features, 1)] if cmplog else []
    roles += [laf_role(1)] if laf else []
    # Those that only a larger host is worth: between the secondaries.
    later = [cmplog_role(features, 2)] if cmplog else []
    later += [laf_role(2)] if laf else []
    later += [libfuzzer_role(2)] if libfuzzer else []
    number = 1
    for role in later:
        roles += [secondary_role(features, number),
                  secondary_role(features, number + 1), role]
        number += 2
    return roles


def roster(features, engines, host, size):
    """At least so many roles, the most important first."""
    roles = specials(features, engines, host)
    size = min(max(size, ROSTER_LEAST), ROSTER_MOST)
    number = 1 + sum(r.name.startswith("second") for r in roles)
    count = 3
    while len(roles) < size:
        if "afl" in engines:
            roles.append(secondary_role(features, number))
            number += 1
        else:
            roles.append(libfuzzer_role(count))
            count += 1
    return roles


def notes(features, engines):
    """Sentences about what is missing, and what that costs."""
    if "afl" not in engines:
        return ["AFL++ takes no part: libFuzzer alone"]
    found = []
    if "libfuzzer" not in engines:
        found.append("libFuzzer takes no part: AFL++ alone")
    for build, what in (("cmplog", "CmpLog"), ("laf", "comparison splitting")):
        if build not in features.builds:
            found.append(f"this AFL++ has no {what}: its instances are left "
                         "out")
    if "libfuzzer" in engines and "F" not in features.options:
        found.append("this AFL++ reads no foreign queue (-F): what libFuzzer "
                     "finds is copied in between turns")
    if "AFL_FINAL_SYNC" not in features.variables:
        found.append("this AFL++ has no final sync: the merge at the end "
                     "does it")
    return found


def width(cores, harnesses):
    """How many instances a harness gets while it has its turn."""
    return max(min(2, cores), cores // max(1, harnesses))


def slice_seconds(seconds, turns, rotate):
    """Long enough that starting is cheap, short enough that roles rotate."""
    if turns == 1 and not rotate:
        return seconds
    share = seconds / (turns * 4)
    if share < 30:
        share = max(10, min(30, seconds / turns))
    return int(min(900, share))


def plan(names, cores, seconds, parts):
    """The whole plan as a document.  parts: features, engines, host, slice."""
    features, engines = parts["features"], parts["engines"]
    each = width(cores, len(names))
    groups = max(1, cores // each)
    roles = roster(features, engines, parts["host"], each)
    return {
        "format": 1, "host": parts["host"], "cores": cores,
        "seconds": seconds, "engines": list(engines),
        "harnesses": list(names), "width": each,
        "at_once": min(groups, len(names)),
        "slice_s": parts.get("slice") or slice_seconds(
            seconds, -(-len(names) // groups), each < len(roles)),
        "features": features.document(), "notes": notes(features, engines),
        "roster": [r.document() for r in roles],
    }


def turn(document, number):
    """[(harness, [role, ...])] of the number-th turn.

    Those that were there longest ago come next; the first role is always there
    when there is room for two, the others take turns.
    """
    names, at_once = document["harnesses"], document["at_once"]
    chosen = []
    for i in range(at_once):
        place = number * at_once + i
        chosen.append((names[place % len(names)], place // len(names)))
    return [(name, crew(document, visit)) for name, visit in chosen]


def crew(document, visit):
    """The roles that a harness gets at its visit-th turn."""
    roles, each = document["roster"], document["width"]
    if each >= len(roles):
        return roles
    if each == 1:
        return [roles[visit % len(roles)]]
    first, others = roles[0], roles[1:]
    start = visit * (each - 1)
    return [first] + [others[(start + i) % len(others)]
                      for i in range(min(each - 1, len(others)))]
