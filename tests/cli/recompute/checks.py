"""checks.py - what the tests that recompute share: comparisons that are counted, and their end."""
import sys

EXACT = 1e-9  # sums in another order
n_checks = 0
failures = []


def check(name, found, expected, tolerance=0.0):
    global n_checks
    n_checks += 1
    if isinstance(expected, float) or tolerance:
        same = found is not None and expected is not None and abs(found - expected) <= tolerance
    else:
        same = found == expected
    if not same:
        failures.append(f"{name}: found {found}, expected {expected}")


def printed(name, text, expected):
    """A number as text: right to half of its last digit."""
    digits = len(text.partition(".")[2])
    check(name, float(text), float(expected), 0.5 * 10 ** -digits * (1 + 1e-6))


def finish():
    print(f"{n_checks} checks, {len(failures)} wrong")
    print("\n".join(failures[:20]), file=sys.stderr)
    sys.exit(bool(failures))
