"""What a reader should know beside a verdict; each flag over a few rows."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from made_data import arrived, seen
from made_judgement import judged, refusal, reply

from survey.model.arrival import ArrivalKind
from survey.model.failure import Failure
from survey.model.flag import Flag
from survey.model.observation import Step
from survey.model.probe import Probe

LETTER = arrived(ArrivalKind.MESSAGE, "t")
THROUGH = arrived(ArrivalKind.TUNNEL, "t", nonce="n")
SOCKS5 = Probe.SOCKS5


def flags(tmp_path: Path, observations: list, arrivals: tuple = ()) -> list[list[str]]:
    """Those of each finding, by address, port and probe."""
    return [one["flags"] for one in judged(tmp_path, observations, arrivals)]


def test_nothing_special_has_no_flag(tmp_path: Path) -> None:
    """A plain refusal."""
    assert flags(tmp_path, [seen("192.0.2.1", **reply(550, "relaying denied"))]) == [[]]


def test_another_exit_is_told(tmp_path: Path) -> None:
    """The canary saw 192.0.2.1's connection come from somewhere else; .9's came from itself."""
    own = replace(THROUGH, token="o", peer=bytes(10) + b"\xff\xff\xc0\x00\x02\x09")
    found = flags(
        tmp_path,
        [
            seen("192.0.2.1", SOCKS5, "echo", step=Step.ECHOED, token="t", nonce="n"),
            seen("192.0.2.9", SOCKS5, "echo", step=Step.ECHOED, token="o", nonce="n"),
        ],
        (THROUGH, own),
    )

    assert found == [[Flag.EXIT_DIFFERS], []]


@pytest.mark.parametrize(("minutes", "late"), [(0, False), (5, True), (4000, True)])
def test_late_message_is_told(tmp_path: Path, minutes: int, late: bool) -> None:  # noqa: FBT001
    """More than a minute after the conversation."""
    sent = seen("192.0.2.1", step=Step.SENT, token="t")
    arrival = replace(LETTER, at=sent.started_at + timedelta(minutes=minutes))

    (found,) = flags(tmp_path, [sent], (arrival,))

    assert (Flag.DELAYED in found) == late


def test_message_that_never_arrives_may_be_in_a_sink(tmp_path: Path) -> None:
    """Taken, and nothing came; not said of one that delivered."""
    taken = seen("192.0.2.1", step=Step.SENT, token="x")
    delivered = seen("192.0.2.2", step=Step.SENT, token="t")

    first, second = flags(tmp_path, [taken, delivered], (LETTER,))

    assert first == [Flag.SINK_SUSPECT]
    assert Flag.SINK_SUSPECT not in second


def test_mail_for_a_domain_that_can_not_exist_makes_a_honeypot_suspect(tmp_path: Path) -> None:
    """C1 accepted lowers confidence, whatever the verdict."""
    (found,) = flags(
        tmp_path,
        [
            seen("192.0.2.1", variant="V1", **reply(550, "relaying denied")),
            seen("192.0.2.1", variant="C1", step=Step.ACCEPTED, code=250),
        ],
    )

    assert found == [Flag.HONEYPOT_SUSPECT]


def test_mail_for_nobody_makes_a_honeypot_suspect_but_of_qmail(tmp_path: Path) -> None:
    """C2 behind a proof or behind a message that never came; qmail takes it, and is none."""
    hello = b"220 mail.example.com ESMTP\r\n250-mail.example.com\r\n250-%b\r\n250 8BITMIME\r\n"
    nobody = {"variant": "C2", "attempt": 1, "step": Step.ACCEPTED, "code": 250}

    found = flags(
        tmp_path,
        [
            seen("192.0.2.1", step=Step.SENT, token="t"),
            seen("192.0.2.1", **nobody),
            seen("192.0.2.2", step=Step.SENT, token="x"),
            seen("192.0.2.2", **nobody),
            seen("192.0.2.3", step=Step.SENT, token="x", received=hello % b"PIPELINING"),
            seen("192.0.2.3", **nobody),
            seen("192.0.2.4", step=Step.SENT, token="x"),
            seen("192.0.2.4", **nobody | reply(501, "bad syntax")),
        ],
        (LETTER,),
    )

    honeypot, sink = Flag.HONEYPOT_SUSPECT, Flag.SINK_SUSPECT
    assert [sorted({*one} & {honeypot, sink}) for one in found] == [
        [honeypot],
        [honeypot, sink],
        [sink],
        [sink],
    ]


def test_proven_once_and_not_again_is_flaky(tmp_path: Path) -> None:
    """The later attempt was refused; a second one that was proven too is not flaky."""
    again = replace(THROUGH, token="u")
    found = flags(
        tmp_path,
        [
            seen("192.0.2.1", SOCKS5, "echo", step=Step.ECHOED, token="t", nonce="n"),
            seen("192.0.2.1", SOCKS5, "echo", attempt=1, **refusal(2)),
            seen("192.0.2.2", SOCKS5, "echo", step=Step.ECHOED, token="t", nonce="n"),
            seen("192.0.2.2", SOCKS5, "echo", attempt=1, step=Step.ECHOED, token="u", nonce="n"),
        ],
        (THROUGH, again),
    )

    assert [Flag.FLAKY in one for one in found] == [True, False]


def test_box_that_answers_for_everything_is_told(tmp_path: Path) -> None:
    """Three ports accept and none speaks; with one that speaks it is an ordinary host."""
    mute = {"step": Step.CONNECTED, "failure": Failure.STALLED}
    ports = [seen("192.0.2.1", SOCKS5, "echo", port=port, **mute) for port in (1080, 1081, 1082)]
    host = [seen("192.0.2.2", SOCKS5, "echo", port=port, **mute) for port in (1080, 1081)]
    speaks = seen("192.0.2.2", SOCKS5, "echo", port=1082, **refusal(2))

    found = flags(tmp_path, [*ports, *host, speaks])

    assert found == [[Flag.TCP_WILDCARD]] * 3 + [[]] * 3
