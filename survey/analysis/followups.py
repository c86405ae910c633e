"""Which targets a judgement wants tested again: the doubts that a later test can settle."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from survey.analysis.database import Connection
from survey.analysis.queries import query
from survey.model.followup import Reason, Wanted
from survey.model.plan import Depth, Waits
from survey.model.probe import Probe
from survey.protocols.envelopes import AFTERWARDS, FORMS, connections

_BEFORE_ANY_ENVELOPE = frozenset({"GREETING", "EHLO"})


@dataclass(frozen=True, slots=True)
class _Doubt:
    """One row of followups.sql."""

    ip: int
    port: int
    probe: Probe
    reason: Reason
    variant: str
    attempt: int
    source: int | None
    tls: bool
    refused_at: str
    last_at: datetime
    tried: frozenset[str]
    alike: frozenset[str]


def wanted(
    connection: Connection, first: int, last: int, waits: Waits, depth: Depth
) -> list[Wanted]:
    """What the judged slice of addresses asks for, done already or not."""
    rows = connection.execute(query("followups"), {"first": first, "last": last}).fetchall()
    found = (_follow(_doubt(row), waits, depth) for row in rows)
    return [one for one in found if one is not None]


def _doubt(row: tuple[Any, ...]) -> _Doubt:
    ip, port, probe, reason, variant, attempt, source, tls, refused_at, last_at, tried, alike = row
    return _Doubt(
        ip=ip,
        port=port,
        probe=Probe(probe),
        reason=Reason(reason),
        variant=variant,
        attempt=attempt,
        source=source,
        tls=tls,
        refused_at=refused_at,
        last_at=last_at,
        tried=frozenset(tried),
        alike=frozenset(alike),
    )


def _follow(doubt: _Doubt, waits: Waits, depth: Depth) -> Wanted | None:
    match doubt.reason:
        case Reason.GREYLISTED:
            return _same_triplets(doubt, waits.greylisted)
        case Reason.NEXT_ENVELOPE:
            variants = _following(doubt, depth)
            if not variants:
                return None
            return _later(doubt, (*variants, AFTERWARDS.variant), waits.next_envelope)
        case _:
            variants = (doubt.variant, AFTERWARDS.variant) if doubt.probe.is_relay else ()
            return _later(doubt, variants, waits.second_opinion, independent=not doubt.tls)


def _same_triplets(doubt: _Doubt, wait: float) -> Wanted:
    """The envelopes that were put off, from the same address; a greeting had none yet."""
    if doubt.refused_at in _BEFORE_ANY_ENVELOPE:
        return _later(doubt, (), wait)
    variants = tuple(form.variant for form in FORMS if form.variant in doubt.alike)
    return _later(doubt, variants, wait, token_attempt=doubt.attempt)


def _following(doubt: _Doubt, depth: Depth) -> tuple[str, ...]:
    """The campaign's forms after the one whose message was taken, that were not tried yet."""
    forms = [form.variant for some in connections(depth) for form in some if not form.control]
    if doubt.variant not in forms:
        return ()
    behind = forms[forms.index(doubt.variant) + 1 :]
    return tuple(variant for variant in behind if variant not in doubt.tried)


def _later(
    doubt: _Doubt,
    variants: tuple[str, ...],
    wait: float,
    *,
    token_attempt: int | None = None,
    independent: bool = True,
) -> Wanted:
    return Wanted(
        ip=doubt.ip,
        port=doubt.port,
        probe=doubt.probe,
        reason=doubt.reason,
        variants=variants,
        not_before=doubt.last_at + timedelta(seconds=wait),
        token_attempt=token_attempt,
        source=doubt.source,
        independent=independent,
    )
