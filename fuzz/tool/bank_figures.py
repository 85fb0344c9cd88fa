"""The figures of a set of hunts.  Pure: numbers in, numbers out.

A hunt that found nothing within its budget is censored there: it would have
taken at least as long.  All hunts of a set have the same budget, so that the
Kaplan-Meier estimate is the plain order statistic, and censored ones count as
longer than any other.

The interval of a median is the distribution-free one of order statistics: with
n sorted times t(1) ... t(n) the true median lies in [t(k), t(n+1-k)] with
probability 1 - 2 P(B < k), B binomial (n, 1/2).  The largest k is taken that
gives at least 95 %; below six hunts none does, and there is no interval.
"""

import math

LEVEL = 0.95
NEVER = math.inf


def binomial_below(k, n):
    """P(B < k) for B binomial (n, 1/2)."""
    return sum(math.comb(n, i) for i in range(k)) / 2 ** n


def interval_rank(n, level=LEVEL):
    """The largest k whose interval covers at least level, or 0."""
    best = 0
    for k in range(1, n // 2 + 1):
        if 1 - 2 * binomial_below(k, n) >= level:
            best = k
    return best


def median(times):
    """Of times with NEVER among them; NEVER when half found nothing."""
    s = sorted(times)
    n = len(s)
    if n == 0:
        return NEVER
    return (s[(n - 1) // 2] + s[n // 2]) / 2


def median_interval(times):
    """(low, high, coverage) or None; high may be NEVER."""
    n = len(times)
    k = interval_rank(n)
    if k == 0:
        return None
    s = sorted(times)
    return s[k - 1], s[n - k], 1 - 2 * binomial_below(k, n)


def restricted_mean(times, budget):
    """Mean time within the budget: what a hunt costs, found or not."""
    return sum(min(t, budget) for t in times) / len(times) if times else 0.0


def finite(seconds):
    """A number for JSON: NEVER is none."""
    return None if seconds == NEVER else round(seconds, 2)


def figures(times, budget):
    """Of one bug in one harness; times hold NEVER where nothing was found."""
    interval = median_interval(times)
    found = [t for t in times if t != NEVER]
    return {
        "hunts": len(times),
        "detected": len(found),
        "median_s": finite(median(times)),
        "low_s": finite(interval[0]) if interval else None,
        "high_s": finite(interval[1]) if interval else None,
        "coverage": round(interval[2], 3) if interval else None,
        "slowest_s": finite(max(found)) if found else None,
        "restricted_mean_s": finite(restricted_mean(times, budget)),
        "budget_s": budget,
    }


def share(part, whole):
    return round(part / whole, 3) if whole else None
