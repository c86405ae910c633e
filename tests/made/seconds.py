"""The fullest second of what a test has noted."""

EDGE = 1e-9


def most_in_a_second(events: list[tuple[float, int]]) -> int:
    """The fullest closed second, as an outside counter sees it."""
    return max(
        (
            sum(count for at, count in events if start <= at <= start + 1 - EDGE)
            for start, _ in events
        ),
        default=0,
    )
