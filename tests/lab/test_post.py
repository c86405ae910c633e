"""Mail leaves the lab to the canary's MX only, is tried again when it should be, and is bounded."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from survey.lab import post as post_module
from survey.lab.post import Letter, PostOffice
from survey.lab.way_out import WayOut
from survey.model.address import parse_ip

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.lab.conftest import FarEnd

LETTER = Letter(
    exit_ip=parse_ip("127.77.3.3"),
    helo="h.es.example",
    sender=b"s@elsewhere.example",
    recipients=(b"somebody@elsewhere.example",),
    content=b"Subject: hello\r\n\r\nhello\r\n",
)


@pytest.fixture
async def office(far_end: FarEnd, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PostOffice]:
    """A post office whose carriers are on their way, with little patience between tries."""
    monkeypatch.setattr(post_module, "_FIRST_PAUSE", 0.01)
    office = PostOffice(WayOut(far_end.canary, set()))
    async with office.delivering():
        yield office


async def settled(office: PostOffice) -> None:
    """Wait until one letter has come to its end."""
    async with asyncio.timeout(20):
        while not office.delivered + office.dropped:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)


async def test_mail_for_anybody_goes_to_the_canary(office: PostOffice, far_end: FarEnd) -> None:
    """It is the smarthost of the whole lab; envelope and content stay as they are."""
    office.post(LETTER)

    message = await far_end.message()
    assert message.peer == "127.77.3.3"
    assert message.sender == "s@elsewhere.example"
    assert message.recipients == ("somebody@elsewhere.example",)
    assert message.content == LETTER.content + b".\r\n"


async def test_a_4xx_is_tried_again(office: PostOffice, far_end: FarEnd) -> None:
    """Twice refused for now, then taken."""
    far_end.replies = ["451 4.3.0 Later", "451 4.3.0 Later"]

    office.post(LETTER)
    await settled(office)

    assert (office.delivered, office.dropped, len(far_end.messages)) == (1, 0, 1)


async def test_a_5xx_is_final_and_bounces_nothing(office: PostOffice, far_end: FarEnd) -> None:
    """One connection, no message."""
    far_end.replies = ["550 5.1.1 No"]

    office.post(LETTER)
    await settled(office)

    assert (office.delivered, office.dropped, far_end.messages) == (0, 1, [])
    assert sum(line.startswith("EHLO") for line in far_end.commands) == 1


async def test_a_canary_that_is_away_is_given_up_in_the_end(
    office: PostOffice, far_end: FarEnd
) -> None:
    """After a few tries."""
    await far_end.close()

    office.post(LETTER)
    await settled(office)

    assert (office.delivered, office.dropped) == (0, 1)


def test_a_full_queue_drops(far_end: FarEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded whatever is relayed."""
    monkeypatch.setattr(post_module, "MOST_WAITING", 3)
    office = PostOffice(WayOut(far_end.canary, set()))

    for _ in range(5):
        office.post(LETTER)

    assert office.dropped == 2


async def test_a_callout_to_a_stranger_is_not_made(office: PostOffice, far_end: FarEnd) -> None:
    """Only the canary is asked, about its own mailboxes, and its word is told."""
    assert not await office.call_out(LETTER.exit_ip, "h.es.example", b"s@elsewhere.example")
    assert far_end.commands == []

    assert await office.call_out(LETTER.exit_ip, "h.es.example", b"s@canary.example")
    far_end.replies = ["550 5.1.1 No"]
    assert not await office.call_out(LETTER.exit_ip, "h.es.example", b"s@canary.example")
