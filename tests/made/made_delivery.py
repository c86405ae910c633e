"""A report on the disk, an agency with destinations, a way out, and a delivery that dies."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from judged_run import JudgedRun
from made_feed import made_about, made_server

from survey.flows.carriers import carrier_to
from survey.flows.deliver import Delivery, deliver, means_of
from survey.flows.dispatches import Means
from survey.flows.feeds import write_feeds
from survey.mail.carrier import Carrier
from survey.model.delivery import Destination
from survey.model.dispatch import Dispatch, DispatchState
from survey.storage.agencies import find_agency
from survey.storage.ledger import Ledger

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
PERIOD = "2026-W48"
FORMATS = ('"xarf"',)


class Crash(BaseException):
    """The process is gone."""


@dataclass
class Steps:
    """Counts what is done, and dies before the n-th."""

    fatal: int | None = None
    done: int = 0

    def step(self) -> None:
        """One more."""
        if self.done == self.fatal:
            raise Crash
        self.done += 1


class DyingLedger(Ledger):
    """Dies before or after a row is written."""

    steps = Steps()

    def plan(self, dispatches: Sequence[Dispatch]) -> None:
        """With a step on each side."""
        self.steps.step()
        super().plan(dispatches)
        self.steps.step()

    def mark(
        self, one: Dispatch, state: DispatchState, receipt: str = "", *, now: datetime
    ) -> Dispatch:
        """With a step on each side."""
        self.steps.step()
        marked = super().mark(one, state, receipt, now=now)
        self.steps.step()
        return marked


class DyingCarrier:
    """Dies before or after anything is done at the receiver."""

    def __init__(self, carrier: Carrier, steps: Steps) -> None:
        self._carrier, self._steps = carrier, steps

    async def prepare(self, dispatch: Dispatch, data: bytes) -> None:
        """With a step on each side."""
        self._steps.step()
        await self._carrier.prepare(dispatch, data)
        self._steps.step()

    async def hand_over(self, dispatch: Dispatch, data: bytes) -> str:
        """With a step on each side."""
        self._steps.step()
        receipt = await self._carrier.hand_over(dispatch, data)
        self._steps.step()
        return receipt

    async def ask(self, dispatch: Dispatch) -> bool | None:
        """With a step on each side."""
        self._steps.step()
        there = await self._carrier.ask(dispatch)
        self._steps.step()
        return there

    async def close(self) -> None:
        """The dead say no goodbye: the connection is cut."""
        if self._steps.done != self._steps.fatal:
            await self._carrier.close()
            return
        carrier: Any = self._carrier
        if client := getattr(carrier, "_client", None):
            getattr(client, "close", client.exit if hasattr(client, "exit") else None)()
        if connection := getattr(carrier, "_connection", None):
            connection.abort()
            await connection.wait_closed()


@dataclass
class Post:
    """Everything that a delivery needs."""

    judged: JudgedRun
    means: Means
    folder: Path
    changes: dict[str, Any]

    def report(self, servers: int = 6) -> Path:
        """Make the agency's report; more servers make another one."""
        agency = find_agency(self.judged.settings.agencies, "es-prueba")
        folder = self.judged.layout.report("es-prueba", PERIOD)
        about = replace(made_about(), agency=agency)
        write_feeds(folder, about, map(made_server, range(servers)), [], tested=9, opted_out=1)
        return folder

    def ledger(self) -> Ledger:
        """The ledger in its file."""
        return DyingLedger.open(f"sqlite:///{self.folder}/ledger.db", self.folder / "deliver.lock")

    async def deliver(
        self, fatal: int | None = None, *, corrected: bool = False, now: datetime = NOW
    ) -> Delivery:
        """One delivery, that dies before its n-th step."""
        steps = Steps(fatal)
        ledger = self.ledger()
        assert isinstance(ledger, DyingLedger)
        ledger.steps = steps

        def carry(destination: Destination, means: Means) -> Carrier:
            if self.changes:
                destination = replace(destination, **self.changes)
            return DyingCarrier(carrier_to(destination, means), steps)

        try:
            return await deliver(
                self.judged.settings,
                "es-prueba",
                PERIOD,
                self.means,
                ledger,
                corrected=corrected,
                clock=lambda: now,
                carry=carry,
            )
        finally:
            ledger.close()

    def dispatches(self) -> tuple[Dispatch, ...]:
        """As the ledger has them."""
        ledger = self.ledger()
        try:
            return ledger.dispatches()
        finally:
            ledger.close()


def make_post(
    judged: JudgedRun,
    folder: Path,
    *,
    delivery: str,
    way: str,
    keys: str = "",
    formats: Sequence[str] = FORMATS,
    **changes: Any,
) -> Post:
    """An agency with these destinations, and this way out; the report is made."""
    path = judged.settings.agencies / "es-prueba.toml"
    plain = path.read_text(encoding="utf-8").partition("formats =")[0].partition("\n[juris")[0]
    path.write_text(
        f"{plain}\nformats = [{', '.join(formats)}]\n\n"
        f'[jurisdiction]\ncountries = ["ES"]\n{keys}{delivery}',
        encoding="utf-8",
    )
    judged.settings.keys.mkdir(exist_ok=True)
    outgoing = folder / "outgoing.toml"
    outgoing.write_text(way, encoding="utf-8")
    post = Post(judged, means_of(judged.settings, outgoing), folder, changes)
    post.report()
    return post
