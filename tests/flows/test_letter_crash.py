"""Die between every two steps of planning and sending, go on: no letter goes twice, none is lost.

Against a real mail server with TLS.
"""

import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_cases import NOW, Office, made_ledger, make_office, no_lot
from made_delivery import Crash, Steps
from made_receivers import MadeMailbox, mail_server, make_certificate

from survey.flows.cases import CaseDesk
from survey.flows.letter_approval import approve
from survey.flows.letter_content import Means
from survey.flows.letter_plan import plan_letters
from survey.flows.letter_sending import send_letters
from survey.mail.letter_post import LetterDoor, LetterPost
from survey.mail.submission import MailServer
from survey.model.letter import LetterState
from survey.notify.letter_token import read_token

MOST_STEPS = 400
strides = pytest.mark.parametrize("stride", [5, pytest.param(1, marks=pytest.mark.long)])
CHANGES = {
    *("open", "add", "move", "leave", "readdress", "draw", "close", "confirm", "reopen", "freeze"),
    *("plan", "mark", "suppress"),
}


class Dying:
    """Dies before or after something is changed."""

    def __init__(self, inner: Any, steps: Steps) -> None:
        self._inner, self._steps = inner, steps

    def __getattr__(self, name: str) -> Any:
        """Its own, with a step on each side if it changes something."""
        found = getattr(self._inner, name)
        if name not in CHANGES:
            return found

        def call(*args: Any, **named: Any) -> Any:
            self._steps.step()
            result = found(*args, **named)
            self._steps.step()
            return result

        return call


class DyingPost:
    """Dies before or after anything is said to the mail server."""

    def __init__(self, post: LetterPost, steps: Steps) -> None:
        self._post, self._steps = post, steps
        self.door = post.door

    async def name(self, sender: str, recipient: str, size: int) -> None:
        """With a step on each side."""
        self._steps.step()
        await self._post.name(sender, recipient, size)
        self._steps.step()

    async def hand(self, data: bytes) -> str:
        """With a step on each side."""
        self._steps.step()
        receipt = await self._post.hand(data)
        self._steps.step()
        return receipt

    async def close(self) -> None:
        """The dead say no goodbye, but their connection ends."""
        await self._post.close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Four letters to two operators."""
    office = make_office(tmp_path)
    yield office
    office.ledger.close()


def _desk(office: Office, steps: Steps) -> CaseDesk:
    desk = office.desk()
    cases: Any = Dying(desk.cases, steps)
    outbox: Any = Dying(desk.outbox, steps)
    reach: Any = Dying(desk.reach, steps)
    return replace(desk, cases=cases, outbox=outbox, reach=reach)


def _restore(office: Office, saved: Path | None) -> None:
    """As if nothing had happened since."""
    office.ledger.close()
    data = office.judged.layout.root
    for path in (office.judged.layout.ledger, data / "letters"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    if saved is not None:
        shutil.copy(saved / "ledger.db", office.judged.layout.ledger)
        shutil.copytree(saved / "letters", data / "letters")
    office.ledger = made_ledger(office.judged.layout)


def _save(office: Office, folder: Path) -> Path:
    office.ledger.close()
    folder.mkdir()
    shutil.copy(office.judged.layout.ledger, folder / "ledger.db")
    shutil.copytree(office.judged.layout.root / "letters", folder / "letters")
    return folder


def _summary(office: Office) -> list[tuple[str, str, int]]:
    """Cases and findings, without numbers."""
    desk = office.desk()
    return sorted(
        (one.key.email, one.key.kind.value, len(desk.cases.findings_of(one.number)))
        for one in office.cases()
    )


@strides
def test_planning_that_dies_anywhere_is_done_by_the_next(office: Office, stride: int) -> None:
    """The same cases, findings and letters, each once."""
    office.plan()
    wanted = _summary(office), sorted(one.sha256 for one in office.letters().values())
    for fatal in range(0, MOST_STEPS, stride):
        _restore(office, None)
        try:
            plan_letters(_desk(office, Steps(fatal)), Means(office.key), no_lot, NOW)
        except Crash:
            office.plan()
            found = _summary(office), sorted(one.sha256 for one in office.letters().values())
            assert found == wanted
        else:
            assert fatal > 20
            return
    pytest.fail("it never came to an end")


async def _mail(tmp_path: Path) -> AsyncIterator[tuple[MadeMailbox, LetterPost]]:
    pem = make_certificate(tmp_path)
    async with mail_server(MadeMailbox(), pem, starttls=False) as box:
        server = MailServer(
            "localhost", box.port, True, pem, None, None, "desk@survey.example", "survey.example"
        )
        door = LetterDoor(tmp_path / "outgoing.toml", "smtp.survey.example", frozenset())
        yield box, LetterPost(server, door)


@strides
async def test_no_letter_is_sent_twice_and_none_is_lost(
    office: Office, tmp_path: Path, stride: int
) -> None:
    """A death while a letter is handed over leaves a doubt, which is told; no other does."""
    office.plan()
    office.approve_all()
    saved = _save(office, tmp_path / "saved")
    doubts = 0
    async for box, post in _mail(tmp_path):
        for fatal in range(0, MOST_STEPS, stride):
            _restore(office, saved)
            box.taken.clear()
            steps = Steps(fatal)
            try:
                await send_letters(
                    _desk(office, steps),
                    office.way,
                    DyingPost(post, steps),
                    really=True,
                    clock=lambda: NOW,
                )
            except Crash:
                broken = {name for name, one in office.letters().items() if one.in_doubt}
                for _again in range(2):
                    await office.send(post)
                doubts += _check(office, box, broken)
            else:
                assert fatal > 20
                break
        else:
            pytest.fail("it never came to an end")
    assert doubts


def _check(office: Office, box: MadeMailbox, broken: set[Any]) -> int:
    counts = Counter(_name(office, data) for _, data in box.taken)
    letters = office.letters()
    assert len(letters) == 4
    for name, letter in letters.items():
        if name in broken:
            assert letter.in_doubt
            assert counts[name] <= 1
        else:
            assert (letter.state, counts[name]) == (LetterState.SENT, 1)
    return len(broken)


def _name(office: Office, data: bytes) -> object:
    (line,) = (one for one in data.split(b"\r\n") if one.startswith(b"Message-ID: "))
    return read_token(office.key, line.decode())


async def test_a_dead_mailbox_is_suppressed_whatever_breaks(office: Office, tmp_path: Path) -> None:
    """The list comes first: no death leaves a mailbox that bounced and gets further letters."""
    office.plan()
    office.approve_all()
    saved = _save(office, tmp_path / "saved")
    async for box, post in _mail(tmp_path):
        box.rcpt = "550 5.1.1 no such user"
        for fatal in range(60):
            _restore(office, saved)
            (office.contacts.with_name("suppressed.log")).write_bytes(
                b'{"log": "survey suppressions", "format": 1}\n'
            )
            steps = Steps(fatal)
            try:
                await send_letters(
                    _desk(office, steps),
                    office.way,
                    DyingPost(post, steps),
                    really=True,
                    clock=lambda: NOW,
                )
            except Crash:
                for name, letter in office.letters().items():
                    if letter.state is LetterState.BOUNCED:
                        assert office.desk().reach.suppressed(letter.recipient), name
            else:
                break
        assert box.taken == []


def test_an_approval_that_dies_is_no_approval_or_a_whole_one(office: Office) -> None:
    """Never without a name, never of another content."""
    for fatal in range(20):
        _restore(office, None)
        office.plan()
        (name, letter), *_ = office.letters().items()
        agency = office.desk().cases.get(letter.case).key.agency
        try:
            approve(
                _desk(office, Steps(fatal)),
                letter.case,
                letter.sha256,
                agency=agency,
                by="A. Person",
                now=NOW,
            )
        except Crash:
            after = office.letters()[name]
            whole = after.state is LetterState.APPROVED
            assert after.approved_by == ("A. Person" if whole else "")
            assert after.approved_sha256 == (letter.sha256 if whole else "")
        else:
            return
