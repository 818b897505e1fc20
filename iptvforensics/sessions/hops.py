"""Times to live to whether packets were passed on before they were captured.

Systems send with 64, 128 or 255; each router on the way takes one, and packets seldom pass more than 31. By a
translating router that asks itself as well, some packets arrive one below such a value and others with it.

**Known limitations**: programs that trace routes choose their times to live. What a host passes on without lowering
them looks like its own.
"""

INITIAL_TTLS = (64, 128, 255)
MOST_HOPS = 31


def is_passed_on(low: int | None, high: int | None) -> bool:
    """Return True if packets with these times to live came by a router: all of them, or those that passed it alone.

    Args:
        low: lowest time to live (hop limit) of an address.
        high: highest.
    """
    if high is not None and any(0 < initial - high <= MOST_HOPS for initial in INITIAL_TTLS):
        return True
    return low is not None and low + 1 in INITIAL_TTLS
