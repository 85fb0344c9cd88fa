"""Two samples compared: Mann-Whitney U and Vargha and Delaney's A12, as
comparisons of fuzzers use them.  Missing values (nothing was found) are
infinite: only their order counts."""

import math
import statistics


def ranks(values):
    """Each value's rank from 1; equal ones share the mean of theirs."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    result = [0.0] * len(values)
    at = 0
    while at < len(order):
        end = at
        while end < len(order) and values[order[end]] == values[order[at]]:
            end += 1
        for i in order[at:end]:
            result[i] = (at + 1 + end) / 2
        at = end
    return result


def u_of(one, other):
    """How many pairs the first sample wins; a tie counts a half."""
    rank = ranks(list(one) + list(other))
    n = len(one)
    return sum(rank[:n]) - n * (n + 1) / 2


def a12(one, other):
    """The chance that one of the first is larger than one of the other."""
    return u_of(one, other) / (len(one) * len(other))


def p_value(one, other):
    """Two-sided, by the normal approximation with ties and continuity; fit for
    samples of eight and more."""
    n, m = len(one), len(other)
    both = list(one) + list(other)
    ties = sum(c ** 3 - c for c in (both.count(v) for v in set(both)))
    variance = n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1)))
    if variance <= 0:
        return 1.0
    distance = max(0.0, abs(u_of(one, other) - n * m / 2) - 0.5)
    return math.erfc(distance / math.sqrt(variance) / math.sqrt(2))


def median(values):
    """None where half of them have found nothing."""
    middle = statistics.median(values)
    return None if math.isinf(middle) or math.isnan(middle) else middle


def compare(ours, theirs, more_is_better):
    """The verdict over two samples: "wins", "loses" or "even" at 0.05."""
    p, a = p_value(ours, theirs), a12(ours, theirs)
    better = a if more_is_better else 1 - a
    verdict = "even"
    if p < 0.05:
        verdict = "wins" if better > 0.5 else "loses"
    return {"ours": median(ours), "theirs": median(theirs), "p": round(p, 4),
            "a12": round(better, 3), "verdict": verdict}
