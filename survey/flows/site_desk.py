"""Behind the site's pages: shows a case, takes wishes, and queues tests like everybody else.

A wish sends nothing by itself.  It waits in the run's queue of follow-ups, and is made by ``survey
retest`` through the one gate, with the run's slots, limits and receipts (law 1).
"""

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from survey.errors import ConfigError
from survey.flows.letter_stopping import stop_letters
from survey.flows.retest import Target, tests_of
from survey.flows.site_control import Control
from survey.flows.site_sheets import Standing, how_asked, own_results, take_stock, wished
from survey.model.address import Range
from survey.model.followup import Reason
from survey.model.hostile import show_text
from survey.model.plan import Plan
from survey.model.wish import Wish, WishKind
from survey.settings import Settings
from survey.site.desk import Answer, Asked, CaseSheet, OwnSheet
from survey.storage.audit import record
from survey.storage.followups import queue_followups
from survey.storage.keys import LETTERS, read_key
from survey.storage.layout import Layout
from survey.storage.ledger import Ledger
from survey.storage.wishes import Wishes
from survey.targets.optouts import add, read_log

EVERY = timedelta(minutes=10)
"""Between two tests of one server that are asked for."""
PER_DAY = 6
"""Tests of one server, or of one own address, that may be asked for in a day."""
PER_BLOCK = 20
"""Own tests from one /24 in a day."""
PER_HOUR = 600
"""Wishes of everybody in an hour."""
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_WANTED = timedelta(days=7)
_WORDS, _LONGEST = 500, 254
_MAILBOX = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}"
)
_VERIFIED = "has the address of the case's page, which went to the mailbox of the network's contact"


def utc_now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


class SiteDesk:
    """The desk of one campaign; what it knows is as old as its last ``refresh``."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        campaign: str,
        *,
        control: Control | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """``control`` proves whose an address is; without it one's own is tested alone."""
        self._control = control
        self._settings, self._ledger, self._campaign = settings, ledger, campaign
        self._layout = Layout(settings.data)
        self._wishes = Wishes(ledger)
        self._now = now
        self._lock = threading.Lock()
        self._shown: set[str] = set()
        self._made: dict[str, tuple[Wish, ...]] = {}
        """Wishes of cases as they were read since the last refresh."""
        self._standing: Standing = self._stock()

    def refresh(self) -> None:
        """Read ledger and tables again.

        Raises:
            SurveyError: As of ``take_stock``; what was known before stays.
        """
        self._standing = self._stock()
        self._made = {}

    def case(self, number: str) -> CaseSheet | None:
        """One case with what was asked for; the first look at it leaves an audit line."""
        standing = self._standing
        sheet = standing.cases.get(number)
        if sheet is None:
            return None
        if number not in self._shown:
            record(self._layout, "case page", f"case={number}", who="site")
            self._shown.add(number)
        wishes = self._made.get(number)
        if wishes is None:
            with self._lock:  # else what is wished meanwhile might be forgotten here
                wishes = self._made[number] = self._wishes.of_case(number)
        if not wishes:
            return sheet
        now = self._now()
        asked = {
            (one.ip, one.port, one.probe): (how_asked(standing, one, now), one.at)
            for one in wished(sheet, wishes)
        }
        servers = tuple(
            replace(server, asked=known[0], asked_at=known[1])
            if (known := asked.get((server.ip, server.port, server.probe)))
            else server
            for server in sheet.servers
        )
        kinds = {one.kind for one in wishes}
        return replace(
            sheet,
            servers=servers,
            said_not_mine=WishKind.NOT_MINE in kinds,
            opted_out=sheet.opted_out or WishKind.OPT_OUT in kinds,
        )

    def test(self, number: str, name: str) -> Answer:
        """Queue the test of the case's server of that name."""
        standing = self._standing
        sheet = standing.cases[number]
        server = next((one for one in sheet.servers if one.name == name), None)
        if server is None:
            return Answer.NOT_PLANNED if not sheet.servers else Answer.WRONG
        run = next(
            one.run
            for one in standing.findings[number]
            if one.test == (server.ip, server.port, server.probe)
        )
        wish = Wish(
            0, self._now(), WishKind.TEST, number, server.ip, server.port, server.probe, run
        )
        with self._lock:
            mine = [
                one
                for one in self._wishes.of_case(number)
                if one.kind is WishKind.TEST
                and (one.ip, one.port, one.probe) == (server.ip, server.port, server.probe)
            ]
            refused = self._refused([one.at for one in mine])
            made = refused or self._queue(standing.plans.get(run), wish)
            return made if isinstance(made, Answer) else Answer.DONE

    def not_mine(self, number: str, contact: str, words: str) -> Answer:
        """Write down whose it is; a person reads it (``survey site wishes``)."""
        named = contact.strip()
        if named and (len(named) > _LONGEST or _MAILBOX.fullmatch(named) is None):
            return Answer.WRONG
        said = show_text(" ".join(words.split()), _WORDS)
        with self._lock:
            mine = [one.at for one in self._wishes.of_case(number) if one.kind is WishKind.NOT_MINE]
            refused = self._refused(mine)
            if refused:
                return refused
            self._add(
                Wish(
                    0,
                    self._now(),
                    WishKind.NOT_MINE,
                    number,
                    detail=f"{named}: {said}" if named else said,
                )
            )
        return Answer.DONE

    def opt_out(self, number: str, *, erase: bool) -> Answer:
        """In force at once, in a running scan within seconds."""
        standing = self._standing
        now = self._now()
        addresses = sorted({one.ip for one in standing.findings.get(number, ())})
        with self._lock:
            log = self._log(standing)
            out = read_log(log).ranges
            left = [ip for ip in addresses if ip not in out]
            if left:
                ranges = tuple(Range(ip, ip) for ip in left)
                add(log, ranges, f"page of case {number}", _VERIFIED, now, now, erase=erase)
            known = {one.kind for one in self._wishes.of_case(number)}
            if WishKind.OPT_OUT not in known:
                self._add(Wish(0, now, WishKind.OPT_OUT, number))
        return Answer.DONE

    def stop(self, token: str) -> Answer:
        """As the link in a letter's List-Unsubscribe asks (RFC 8058); it waits for no sender."""
        try:
            key = read_key(self._settings.keys, LETTERS)
        except ConfigError:
            return Answer.WRONG
        known = stop_letters(self._ledger, None, key, token, self._now())
        return Answer.DONE if known else Answer.WRONG

    def own_test(self, ip: int) -> int | Answer:
        """Queue every test of the newest plan for the address that asks."""
        standing = self._standing
        plan = standing.plan
        now = self._now()
        wish = Wish(0, now, WishKind.OWN_TEST, ip=ip, run=plan.run)
        with self._lock:
            today = [one for one in self._wishes.since(now - _DAY) if one.kind is WishKind.OWN_TEST]
            block = [one for one in today if one.ip is not None and one.ip >> 8 == ip >> 8]
            if len(block) >= PER_BLOCK:
                return Answer.TOO_SOON
            refused = self._refused([one.at for one in block if one.ip == ip])
            made = refused or self._queue(plan, wish)
            return made if isinstance(made, Answer) else made.number

    @property
    def proves(self) -> bool:
        """As the campaign has a resolver."""
        return self._control is not None

    def other_test(self, ip: int, token: str, visitor: str) -> int | Answer:
        """Like the address that asks, once its reverse DNS has the token."""
        if self._control is None:
            return Answer.NOT_PLANNED
        return self._control.refused(ip, token, visitor) or self.own_test(ip)

    def own(self, number: int) -> OwnSheet | None:
        """What became of it; its address is told to whoever has the page's mark."""
        wish = self._wishes.get(number)
        if wish is None or wish.kind is not WishKind.OWN_TEST or wish.ip is None:
            return None
        standing = self._standing
        asked = how_asked(standing, wish, self._now())
        return OwnSheet(
            wish.ip,
            wish.at,
            asked,
            own_results(standing, wish) if asked is Asked.DONE else (),
        )

    def _refused(self, before: list[datetime]) -> Answer | None:
        """Why not now, by when the same was wished before; ``_lock`` is held."""
        now = self._now()
        if any(now - at < EVERY for at in before):
            return Answer.TOO_SOON
        if sum(now - at < _DAY for at in before) >= PER_DAY:
            return Answer.TOO_SOON
        if len(self._wishes.since(now - _HOUR)) >= PER_HOUR:
            return Answer.BUSY
        return None

    def _queue(self, plan: Plan | None, wish: Wish) -> Wish | Answer:
        """Write the wish down, then queue its tests: one without the other is shown as waiting."""
        assert wish.ip is not None
        if plan is None or (plan.valid_until is not None and plan.valid_until <= wish.at):
            return Answer.NOT_PLANNED
        try:
            if wish.ip in read_log(self._log(self._standing)).ranges:
                return Answer.NOT_PLANNED
            tests = tests_of(plan, Target(wish.ip, wish.port, wish.probe), Reason.WISH, wish.at)
        except ConfigError:
            return Answer.NOT_PLANNED
        made = self._add(wish)
        queue_followups(self._layout.run(plan.campaign, plan.run), tests, wish.at)
        return made

    def _add(self, wish: Wish) -> Wish:
        made = self._wishes.add(wish)
        self._made.pop(wish.case, None)
        return made

    def _log(self, standing: Standing) -> Path:
        return Path(standing.plan.optouts)

    def _stock(self) -> Standing:
        wishes = self._wishes.since(self._now() - _WANTED)
        return take_stock(self._settings, self._ledger, self._campaign, wishes)
