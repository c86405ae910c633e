"""What one look misses, in words."""

from survey.model.miss_rate import MissRate


def missed_text(rate: MissRate) -> str:
    """The estimate with its interval, and what it rests on."""
    asked = f"of {rate.rechecked:,} targets asked again {rate.reopened:,} were open"
    if not rate.rechecked:
        return "not known: no target was asked again yet"
    if rate.share is None:
        return f"not known: {asked}"
    return (
        f"about {rate.share:.1%} of open ports (95 %: {rate.low:.1%} to {rate.high:.1%}): {asked}, "
        f"{rate.missed:,} of them had not been at first"
    )
