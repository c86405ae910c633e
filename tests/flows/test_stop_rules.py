"""A scan pauses when going on would harm or measure nothing, and not for a bad minute."""

from dataclasses import replace

import pytest

from survey.flows.stop_rules import CANARY_SECONDS, FEW, Sample, StopRules

NOTHING = Sample(0.0, 0, 0, 0, 0, 0, 0)


def grow(  # noqa: PLR0917 - a row of a sample
    before: Sample, seconds: int, sent: int, answered: int, opened: int, rest: int = 0
) -> list[Sample]:
    """A sample a second; each second brings so many."""
    return [
        replace(
            before,
            at=before.at + second,
            sent=before.sent + second * sent,
            answered=before.answered + second * answered,
            opened=before.opened + second * opened,
            unreachable=before.unreachable + second * rest,
        )
        for second in range(1, seconds + 1)
    ]


def first_reason(rules: StopRules, samples: list[Sample]) -> str:
    """What is said first."""
    return next((reason for sample in samples if (reason := rules.look(sample))), "")


def test_ordinary_scan_goes_on() -> None:
    """Rates that rise and fall are no reason."""
    rules = StopRules()
    samples = grow(NOTHING, 100, 200, 150, 3)
    samples += grow(samples[-1], 100, 20, 12, 0)
    samples += grow(samples[-1], 100, 400, 350, 4)
    samples = [replace(one, opened=one.sent // 80) for one in samples]

    assert first_reason(rules, samples) == ""


def test_canary_that_is_down_pauses_until_it_is_well() -> None:
    """Not for a restart of it."""
    rules = StopRules()
    ill = [replace(NOTHING, at=float(second), canary_ill=2) for second in range(60)]

    assert [bool(rules.look(sample)) for sample in ill].index(True) == CANARY_SECONDS
    assert "canary" in rules.canary(ill[-1])
    assert rules.canary(replace(NOTHING, at=61.0)) == ""
    assert rules.canary(replace(NOTHING, at=62.0, canary_ill=1)) == ""


def test_blocked_way_out_is_told() -> None:
    """A fifth of the targets answered, then not one in a minute."""
    rules = StopRules()
    samples = grow(NOTHING, 100, 100, 20, 0)

    assert first_reason(rules, samples) == ""
    reason = first_reason(rules, grow(samples[-1], 100, 100, 0, 0))
    assert "no target answers any more" in reason


def test_space_that_never_answered_is_no_reason() -> None:
    """Dark space is dark."""
    assert first_reason(StopRules(), grow(NOTHING, 300, 100, 0, 0)) == ""


def test_collapse_of_the_hit_rate_is_told() -> None:
    """Answers still come, but no open ports: a filter that knows what we look for."""
    rules = StopRules()
    samples = grow(NOTHING, 100, 200, 150, 2)

    assert first_reason(rules, samples) == ""
    reason = first_reason(rules, grow(samples[-1], 100, 200, 150, 0))
    assert "open ports in the last minute where" in reason


def test_few_open_ports_say_nothing() -> None:
    """Where hardly any were to be expected, none is no collapse."""
    rules = StopRules()
    samples = grow(NOTHING, 600, 100, 50, 0)
    samples = [replace(sample, opened=sample.sent // 2000) for sample in samples]

    assert first_reason(rules, samples + grow(samples[-1], 120, 100, 50, 0)) == ""


def test_unreachable_space_is_told_from_the_beginning() -> None:
    """A missing route makes everything unreachable."""
    reason = first_reason(StopRules(), grow(NOTHING, 30, 100, 0, 0, rest=90))

    assert "unreachable" in reason


@pytest.mark.parametrize(("shortages", "paused"), [(3, False), (20, True)])
def test_lack_of_our_own_means_is_told(shortages: int, *, paused: bool) -> None:
    """A few failed sends pass; many mean that the rate is not what we say it is."""
    samples = grow(NOTHING, 60, 100, 50, 0)
    samples = [replace(one, shortages=int(one.at) * shortages) for one in samples]

    assert ("ports, descriptors" in first_reason(StopRules(), samples)) is paused


def test_person_who_says_go_on_is_believed() -> None:
    """What was before counts no more; a new window does."""
    rules = StopRules()
    samples = grow(NOTHING, 30, 100, 0, 0, rest=90)
    assert first_reason(rules, samples)
    rules.forget()

    after = grow(samples[-1], 60, 100, 0, 0, rest=90)
    quiet = [sample for sample in after if sample.sent - after[0].sent < FEW]
    assert first_reason(rules, quiet) == ""
    assert first_reason(rules, after)
