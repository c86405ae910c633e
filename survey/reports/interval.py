"""How sure a rate is: the Wilson score interval."""

import math

Z_95 = 1.959964
"""Standard normal quantile of a two-sided 95 % interval."""


def wilson(hits: int, total: int) -> tuple[float, float]:
    """Lower and upper end of the 95 % interval of ``hits`` among ``total``, as fractions.

    Unlike the usual interval it is right for few hits, and never leaves 0 to 1.  An empty total
    says nothing: 0 to 1.  Source: E. B. Wilson, JASA 22 (1927) 209-212.
    """
    assert 0 <= hits <= total, (hits, total)
    if total == 0:
        return 0.0, 1.0
    share = hits / total
    scale = 1 + Z_95**2 / total
    middle = share + Z_95**2 / (2 * total)
    spread = Z_95 * math.sqrt(share * (1 - share) / total + Z_95**2 / (4 * total**2))
    low = 0.0 if hits == 0 else (middle - spread) / scale
    high = 1.0 if hits == total else (middle + spread) / scale
    return low, high
