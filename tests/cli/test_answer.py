"""An answer to a complaint is complete, true, plain text, and obeys nothing that a server said."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from survey.cli.answer import WIDTH, answer
from survey.flows.explain import Explanation, Fate
from survey.model.address import Range, parse_ip
from survey.model.assignment import Receipt
from survey.model.failure import Failure
from survey.model.observation import Observation, Protocol, Step
from survey.model.plan import Identity
from survey.model.probe import Probe
from survey.storage.handouts import Handout
from survey.targets.optouts import OptOut

IP = parse_ip("192.0.2.7")
BEGAN = datetime(2026, 11, 24, 10, 3, 11, tzinfo=UTC)
ENDED = datetime(2026, 11, 24, 10, 13, 22, tzinfo=UTC)
RECEIPT = Receipt(
    run="2026-W48",
    plan_hash="ab" * 32,
    shard=17,
    first_index=0,
    addresses=100,
    attempt=0,
    slot=0,
    epoch=1,
    worker="host:1",
    version="0.1.0",
    started_at=BEGAN,
    finished_at=ENDED,
    planned=300,
    excluded=0,
    opted_out=0,
    sent=300,
    open=1,
    refused=0,
    silent=299,
    unreachable=0,
    conversations=1,
    aborted=0,
    packets=310,
    observations=1,
    max_rate=50,
)
SEEN = Observation(
    ip=IP,
    port=25,
    probe=Probe.SMTP_RELAY,
    variant="V1",
    canary_port=0,
    tls=False,
    attempt=0,
    started_at=BEGAN,
    duration=1.0,
    step=Step.SPOKE,
    failure=None,
    protocol=Protocol.SMTP,
    refused_at="RCPT",
    code=554,
    reply=b"554 5.7.1 \x1b[31mRelay access denied\r\n",
    token="",
    nonce="",
    received=b"220 mail ESMTP\r\n",
    sent=b"EHLO probe.example.org\r\n",
    bytes_in=215,
    bytes_out=312,
    source=parse_ip("198.51.100.10"),
)
TESTED = Explanation(
    ip=IP,
    campaign="es-2026",
    run="2026-W48",
    fate=Fate.TESTED,
    ports=(25, 80, 1080),
    shard=17,
    index=83838,
    receipt=RECEIPT,
    handouts=(Handout(BEGAN, 17, 0, 0, 1),),
    optouts=(),
    excluded=False,
    listings=(),
    observations=(SEEN,),
    revisits=(),
    messages=0,
    asked_twice=(),
    identity=Identity(
        "Operation Secure Your Server",
        "survey@example.org",
        "https://survey.example.org/",
        "probe.example.org",
        (parse_ip("198.51.100.10"), parse_ip("198.51.100.11")),
    ),
    purpose="Find open relays",
    authority="es-agency",
    plan_hash="ab" * 32,
)


def flat(text: str) -> str:
    """Without line breaks."""
    return " ".join(text.split())


def test_tested_address_is_told_everything() -> None:
    """Who, why, what, when, from where, what came back, and whether it opted out."""
    text = answer(TESTED)

    for words in (
        "192.0.2.7 in the survey 'es-2026', run 2026-W48",
        "Operation Secure Your Server. Purpose: Find open relays. On the authority of es-agency.",
        "survey@example.org, https://survey.example.org/",
        "One connection request (TCP SYN) to each of the ports 25, 80, 1080",
        "between 2026-11-24 10:03:11 and 10:13:22 UTC",
        "from 198.51.100.10 or 198.51.100.11 (probe.example.org)",
        "Test messages, from a mailbox of ours to another of ours: none.",
        "2026-11-24 10:03:11 UTC, port 25, test smtp_relay V1: it answered, and refused at RCPT",
        "(code 554); 312 bytes sent, 215 received.",
        "Nothing is kept about ports 80, 1080: no answer, or a refusal.",
        "It has not opted out.",
        f"Plan {'ab' * 32}, index 83,838, shard 17.",
    ):
        assert words in flat(text), words
    assert max(len(line) for line in text.splitlines()) <= WIDTH


def test_what_a_server_said_is_shown_and_not_obeyed() -> None:
    """No escape sequence gets to a terminal or into a mail."""
    text = answer(TESTED, evidence=True)

    assert "554 5.7.1 \\x1b[31mRelay access denied" in flat(text)
    assert "we said: EHLO probe.example.org\\x0d\\x0a" in flat(text)
    assert "it said: 220 mail ESMTP" in flat(text)
    assert all(char.isprintable() or char == "\n" for char in text)
    assert "we said" not in answer(TESTED)


def test_opt_outs_are_told_with_their_times() -> None:
    """Received, in force, by whom, how it was verified."""
    entry = OptOut((Range(IP, IP),), "its operator", "mail to abuse contact", BEGAN, ENDED)
    text = flat(answer(replace(TESTED, optouts=(entry,))))

    assert (
        "Opted out: received 2026-11-24 10:03:11 UTC, in our log since 2026-11-24 10:13:22 UTC, by "
        "its operator (mail to abuse contact). Since then nothing is sent."
    ) in text


@pytest.mark.parametrize(
    ("fate", "words"),
    [
        (Fate.NOT_PLANNED, "It is not in the plan of this run, so nothing was sent"),
        (Fate.PENDING, "not begun yet, so nothing was sent"),
        (Fate.KEPT_BACK, "had opted out before its part of the run began, so nothing was sent"),
    ],
)
def test_nothing_sent_is_said_plainly(fate: Fate, words: str) -> None:
    """And nothing else is claimed."""
    text = flat(answer(replace(TESTED, fate=fate, receipt=None, handouts=(), observations=())))

    assert words in text
    assert "TCP SYN" not in text
    assert "What came back" not in text


def test_doubts_are_said() -> None:
    """Twice asked, handed out again, broken off, unfinished, deleted."""
    again = (*TESTED.handouts, Handout(ENDED, 17, 1, 0, 1))
    broken = replace(SEEN, failure=Failure.ABORTED, refused_at=None, code=None, reply=b"")
    text = flat(
        answer(
            replace(
                TESTED,
                fate=Fate.UNCERTAIN,
                handouts=again,
                asked_twice=(80,),
                observations=(broken,),
                receipt=replace(RECEIPT, purged=1),
            )
        )
    )
    for words in (
        "perhaps not to all of them",
        "A second one to 80",
        "begun 2 times (2026-11-24 10:03:11 UTC, 2026-11-24 10:13:22 UTC)",
        "ended by: aborted",
        "have been deleted since",
    ):
        assert words in text, words
    unfinished = flat(answer(replace(TESTED, fate=Fate.UNDER_WAY, receipt=None, observations=())))
    assert "may have been sent" in unfinished
    assert "is not finished" in unfinished
