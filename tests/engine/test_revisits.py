"""A round's shard: every visit once, every target counted once, whatever came of it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from made_data import seen
from made_followups import IP, visit

from survey.engine import revisits as module
from survey.engine.revisits import Revisits
from survey.model.address import format_ip
from survey.model.failure import Failure
from survey.model.followup import Reason, Visit
from survey.model.observation import Observation, Step
from survey.model.probe import Probe


class Dialer:
    """Notes from where was to be sent."""

    def __init__(self) -> None:
        self.sources: list[int | None] = []

    def sending_from(self, source: int | None) -> "Dialer":
        """The same."""
        self.sources.append(source)
        return self


class Made:
    """Revisits whose probes answer as a test says."""

    def __init__(self, gate: Any, monkeypatch: pytest.MonkeyPatch, *visits: Visit) -> None:
        self.answers: dict[tuple[int, int, Probe], dict[str, Any]] = {}
        self.contexts: list[Any] = []
        self.opinions: list[bool] = []
        self.held = 0
        self.dialer = Dialer()

        async def run(ip: int, port: int, context: Any, probe: Probe) -> tuple[Observation, ...]:
            self.contexts.append(context)
            known = self.answers.get((ip, port, probe), {"step": Step.SPOKE})
            row = seen(format_ip(ip), probe, attempt=context.attempt, **known)
            return (replace(row, port=port),)

        def spec(probe: Probe) -> SimpleNamespace:
            return SimpleNamespace(run=lambda ip, port, context: run(ip, port, context, probe))

        async def opinion(
            probe: Probe, ip: int, port: int, context: Any, *, independent: bool
        ) -> tuple[Observation, ...]:
            self.opinions.append(independent)
            return await run(ip, port, context, probe)

        monkeypatch.setattr(module, "PROBES", {probe: spec(probe) for probe in Probe})
        monkeypatch.setattr(module, "second_opinion", opinion)
        monkeypatch.setattr(module, "replace", self.replaced)
        monkeypatch.setattr(module, "LOOK", 0.001)
        context = SimpleNamespace(dialer=self.dialer)
        self.revisits = Revisits(visits, context, gate, self.holds)  # type: ignore[arg-type]
        self.rows: list[Observation] = []

    @staticmethod
    def replaced(what: Any, **changes: Any) -> Any:
        """A context is made up here, and no dataclass."""
        if isinstance(what, SimpleNamespace):
            return SimpleNamespace(**vars(what) | changes)
        return replace(what, **changes)

    def holds(self) -> bool:
        """A few times."""
        self.held += 1
        return self.held < 3

    def make(self) -> None:
        """All of them, one after the other."""
        asyncio.run(self._make())

    async def _make(self) -> None:
        begun: list[tuple[int, int, Probe]] = []
        self.revisits.send_to(
            lambda ip, port, probes: begun.extend((ip, port, one) for one in probes)
        )
        await self.revisits.run()
        for ip, port, probe in begun:
            self.rows.extend(await self.revisits.tests[probe](ip, port))


@pytest.fixture
def make(gate: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Made]:
    """Revisits of these visits."""
    return lambda *visits: Made(gate, monkeypatch, *visits)


def nothing(failure: Failure) -> dict[str, Any]:
    """No connection, and why."""
    return {"step": Step.NOTHING, "failure": failure}


def test_a_visit_goes_out_as_it_was_planned(make: Callable[..., Made]) -> None:
    """Its attempt, variants, tokens and source; its row says why it was made."""
    made = make(
        visit(
            reason=Reason.GREYLISTED,
            probe=Probe.SMTP_RELAY,
            attempt=3,
            variants=("V1",),
            token_attempt=0,
            source=7,
        )
    )
    made.make()
    (context,) = made.contexts
    assert (context.attempt, context.only, context.token_attempt) == (3, ("V1",), 0)
    assert made.dialer.sources == [7]
    assert [(row.attempt, row.reason) for row in made.rows] == [(3, "greylisted")]
    assert made.opinions == []
    assert made.held == 3  # no faster than there was room


@pytest.mark.parametrize("independent", [True, False])
def test_a_second_opinion_is_asked_of_whom_it_was_planned(
    make: Callable[..., Made],
    independent: bool,  # noqa: FBT001 - a column
) -> None:
    """No variants are the normal course."""
    made = make(visit(independent=independent))
    made.make()
    assert made.opinions == [independent]
    assert made.contexts[0].only is None


def test_targets_are_counted_by_their_best_answer(make: Callable[..., Made]) -> None:
    """In the words of a scan's receipt."""
    probes = (Probe.SOCKS4, Probe.SOCKS5)
    made = make(*(visit(port=port, probe=probe) for port in (1, 2, 3, 4, 5) for probe in probes))
    for port, failures in {
        2: (Failure.REFUSED, Failure.CONNECT_TIMEOUT),
        3: (Failure.CONNECT_TIMEOUT, Failure.UNREACHABLE),
        4: (Failure.CONNECT_TIMEOUT, Failure.CONNECT_TIMEOUT),
        5: (Failure.REFUSED, None),
    }.items():
        for probe, failure in zip(probes, failures, strict=True):
            if failure is not None:
                made.answers[IP, port, probe] = nothing(failure)
    made.make()
    tally = made.revisits.tally
    assert (tally.sent, tally.open, tally.refused, tally.unreachable, tally.silent) == (
        5,
        2,
        1,
        1,
        1,
    )
    assert made.revisits.targets == 5
    assert len(made.rows) == 10  # silence leaves a row here


def test_what_the_gate_kept_back_leaves_no_row(make: Callable[..., Made], gate: Any) -> None:
    """And is counted as what kept it back."""
    gate.change(opted_out={IP}, excluded={IP + 1})
    made = make(visit(), visit(ip=IP + 1), visit(ip=IP + 2))
    for ip in (IP, IP + 1):
        made.answers[ip, 1080, Probe.SOCKS5] = nothing(Failure.ABORTED)
    made.make()
    kept = made.revisits.kept_back
    assert (kept.opted_out, kept.excluded, made.revisits.tally.sent) == (1, 1, 1)
    assert [row.ip for row in made.rows] == [IP + 2]


def test_a_conversation_that_was_broken_off_was_sent(make: Callable[..., Made]) -> None:
    """An opt-out in its middle: what was seen until then is kept."""
    made = make(visit())
    made.answers[IP, 1080, Probe.SOCKS5] = {"step": Step.SPOKE, "failure": Failure.ABORTED}
    made.make()
    assert made.revisits.tally.open == 1
    assert len(made.rows) == 1
