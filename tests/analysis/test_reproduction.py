"""R7, row by row: what makes two proofs a reproduction, and everything that does not."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_data import MORNING, arrived, seen

from survey.analysis.findings import Judged, Material, write_findings
from survey.model.arrival import Arrival, ArrivalKind
from survey.model.client import Client
from survey.model.followup import Reason, Wanted
from survey.model.observation import Observation, Step
from survey.model.plan import Depth, Waits
from survey.model.probe import Probe
from survey.protocols.envelopes import FORMS
from survey.storage.layout import Layout
from survey.storage.schemas import ARRIVALS
from survey.storage.shard_file import rows
from survey.targets.ranges import RangeSet

HOUR = timedelta(hours=1)
IP = "192.0.2.1"


@dataclass(frozen=True)
class Try:
    """One attempt at the target and the process that made it."""

    observation: Observation
    process: str = "scan"


def letter(attempt: int = 0, **known: object) -> Observation:
    """A message that was taken, each attempt an hour after the one before."""
    given = {
        "attempt": attempt,
        "token": f"t{attempt}",
        "started_at": MORNING + attempt * HOUR,
        "step": Step.SENT,
        "code": 250,
    }
    return seen(IP, **given | known)


def tunnel(attempt: int = 0, variant: str = "echo", **known: object) -> Observation:
    """A tunnel whose nonce came back."""
    given = {
        "attempt": attempt,
        "token": f"{variant}{attempt}",
        "nonce": f"n{attempt}",
        "step": Step.ECHOED,
        "canary_port": 25 if variant == "mail" else 2525,
        "started_at": MORNING + attempt * HOUR,
    }
    return seen(IP, Probe.SOCKS5, variant, **given | known)


def judged(
    folder: Path, tries: list[Try], arrivals: list[Arrival], *, several_sources: bool = False
) -> tuple[list[dict], Judged]:
    """The findings of some attempts."""
    folder.mkdir(exist_ok=True)
    observed, heard = folder / "observations.parquet", folder / "arrivals.parquet"
    tables = [rows("run", 0, [one.observation], process=one.process) for one in tries]
    pq.write_table(pa.concat_tables(tables), observed)
    columns = {name: [getattr(one, name) for one in arrivals] for name in ARRIVALS.names}
    pq.write_table(pa.Table.from_pydict(columns, schema=ARRIVALS), heard)
    layout = Layout(folder / "data")
    material = Material(
        campaign="campaign",
        run="run",
        observations=(observed,),
        arrivals=(heard,),
        optouts=RangeSet.of(()),
        optouts_version=0,
        waits=Waits(second_opinion=3600.0),
        several_sources=several_sources,
    )
    done = write_findings(layout, material)
    return pq.read_table(layout.run("campaign", "run").findings).to_pylist(), done


def message(attempt: int) -> Arrival:
    """The message of an attempt, arrived."""
    return arrived(ArrivalKind.MESSAGE, f"t{attempt}")


def through(attempt: int, variant: str = "echo") -> Arrival:
    """The tunnel of an attempt, arrived."""
    return arrived(ArrivalKind.TUNNEL, f"{variant}{attempt}", nonce=f"n{attempt}")


def test_two_messages_an_hour_apart_by_two_processes_are_a_reproduction(tmp_path: Path) -> None:
    """And the finding says when and by whose client it was proven last."""
    tries = [Try(letter()), Try(letter(1, client=Client.AIOSMTPLIB), "retest")]
    (finding,), done = judged(tmp_path, tries, [message(0), message(1)])
    assert (finding["rule"], finding["rung"], finding["verdict"]) == ("relay.reproduced", 7, "open")
    assert finding["proven_at"] == MORNING + HOUR
    assert finding["proven_by"] == Client.AIOSMTPLIB
    assert done.wanted == ()


def test_two_tunnels_are_one_too_and_mail_is_told_apart(tmp_path: Path) -> None:
    """Mail through it is only reproduced by two tunnels to our mail server."""
    first = [Try(tunnel()), Try(tunnel(variant="mail"))]
    second = [Try(tunnel(1), "retest"), Try(tunnel(1, "mail"), "retest")]
    arrivals = [through(0), through(0, "mail"), through(1), through(1, "mail")]
    (finding,), _ = judged(tmp_path / "a", first + second, arrivals)
    assert finding["rule"] == "tunnel.mail_reproduced"
    (finding,), _ = judged(tmp_path / "b", first + second, arrivals[:3])
    assert (finding["rule"], finding["rung"]) == ("tunnel.reproduced", 7)
    (finding,), _ = judged(tmp_path / "c", first + second, arrivals[:2])
    assert finding["rule"] == "tunnel.mail_proven"


@pytest.mark.parametrize(
    ("second", "process", "arrives"),
    [
        (letter(1), "scan", [0, 1]),  # the same process
        (letter(1, started_at=MORNING + HOUR - timedelta(seconds=1)), "retest", [0, 1]),
        (letter(1, started_at=MORNING - HOUR), "retest", [0, 1]),  # before the first
        (letter(1), "retest", [0]),  # its own message never arrived
        (letter(1), "retest", [1]),  # the first one's never did
        (letter(1, token="t0"), "retest", [0]),  # the same token says the same thing once
        (letter(0, variant="V0", token="t1"), "retest", [0, 1]),  # one attempt
    ],
    ids=["process", "soon", "before", "second", "first", "token", "attempt"],
)
def test_what_is_no_reproduction(
    tmp_path: Path, second: Observation, process: str, arrives: list[int]
) -> None:
    """One proof, however often, is one proof."""
    arrivals = [message(attempt) for attempt in arrives]
    (finding,), done = judged(tmp_path, [Try(letter()), Try(second, process)], arrivals)
    assert (finding["rule"], finding["rung"]) == ("relay.message_arrived", 6)
    assert [one.reason for one in done.wanted] == [Reason.SECOND_OPINION]


def test_a_torn_message_reproduces_nothing(tmp_path: Path) -> None:
    """Nor does a nonce that our canary did not give."""
    torn = arrived(ArrivalKind.MESSAGE, "t1", complete=False)
    (finding,), _ = judged(
        tmp_path / "a", [Try(letter()), Try(letter(1), "retest")], [message(0), torn]
    )
    assert finding["rung"] == 6
    other = arrived(ArrivalKind.TUNNEL, "echo1", nonce="another")
    (finding,), _ = judged(
        tmp_path / "b", [Try(tunnel()), Try(tunnel(1), "retest")], [through(0), other]
    )
    assert finding["rung"] == 5


def test_another_source_address_where_there_is_one(tmp_path: Path) -> None:
    """A campaign with several must use another; one with one can't."""
    home, other = 0xC0000232, 0xC0000233
    same = [Try(letter(source=home)), Try(letter(1, source=home), "retest")]
    moved = [Try(letter(source=home)), Try(letter(1, source=other), "retest")]
    both = [message(0), message(1)]
    for number, (tries, several, rung) in enumerate(
        [(same, False, 7), (same, True, 6), (moved, True, 7), (moved, False, 7)]
    ):
        folder = tmp_path / str(number)
        (finding,), _ = judged(folder, tries, both, several_sources=several)
        assert finding["rung"] == rung


def test_a_later_test_that_finds_nothing_takes_it_back(tmp_path: Path) -> None:
    """It stays open for what was proven; no letter can go out about it."""
    tries = [Try(letter()), Try(letter(1), "retest")]
    shut = letter(2, step=Step.SPOKE, refused_at="RCPT", code=554, reply=b"554 relaying denied")
    (finding,), _ = judged(tmp_path, [*tries, Try(shut, "later")], [message(0), message(1)])
    assert (finding["rule"], finding["verdict"]) == ("relay.message_arrived", "open")
    assert finding["last_seen"] == MORNING + 2 * HOUR
    assert finding["proven_at"] == MORNING + HOUR


def test_reproductions_of_neighbours_are_not_mixed(tmp_path: Path) -> None:
    """Another port, probe or address is another target."""
    tries = [Try(tunnel()), Try(tunnel(1, port=1081), "retest")]
    findings, _ = judged(tmp_path, tries, [through(0), through(1)])
    assert [one["rung"] for one in findings] == [5, 5]


def test_what_came_after_a_greylist_belongs_to_the_second_try(tmp_path: Path) -> None:
    """Both carried the same token; the first brought no message."""
    first = letter(step=Step.SPOKE, refused_at="RCPT", code=450, reply=b"450 greylisted")
    again = letter(1, token="t0", reason=Reason.GREYLISTED)
    (finding,), _ = judged(tmp_path / "a", [Try(first), Try(again, "retest")], [message(0)])
    assert (finding["rule"], finding["code"]) == ("relay.message_arrived", 250)
    assert finding["proven_at"] == MORNING + HOUR
    third = letter(2)
    (finding,), _ = judged(
        tmp_path / "b",
        [Try(first), Try(again, "retest"), Try(third, "later")],
        [message(0), message(2)],
    )
    assert finding["rule"] == "relay.reproduced"


GREY = {"step": Step.SPOKE, "refused_at": "RCPT", "code": 450, "reply": b"450 4.2.0 greylisted"}


def wants(folder: Path, observations: list[Observation], *arrivals: Arrival) -> list[Wanted]:
    """The follow-ups that a judgement asks for."""
    _, done = judged(folder, [Try(one) for one in observations], list(arrivals))
    return list(done.wanted)


def test_a_greylist_is_asked_again_with_the_same_triplets(tmp_path: Path) -> None:
    """All envelopes that were put off, the same tokens, the same source, five minutes later."""
    source = 0xC0000232
    put_off = [
        letter(variant=variant, token=variant, source=source, **GREY) for variant in ("V1", "V0")
    ]
    denied = letter(
        variant="V3", step=Step.SPOKE, refused_at="RCPT", code=454, reply=b"454 Relay access denied"
    )
    (one,) = wants(tmp_path, [*put_off, denied])
    assert (one.reason, one.variants) == (Reason.GREYLISTED, ("V1", "V0"))
    assert (one.token_attempt, one.source) == (0, source)
    assert one.not_before == MORNING + timedelta(seconds=300)


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        ({"code": 451, "reply": b"451 4.7.1 Please try again later"}, True),
        ({"code": 450, "reply": b"450 4.3.2 Service currently unavailable"}, True),
        ({"code": 451, "refused_at": "DATA", "step": Step.SPOKE, "reply": b"451 wait"}, True),
        ({"code": 454, "reply": b"454 4.7.1 <x@a.example>: Relay access denied"}, False),
        ({"code": 421, "reply": b"421 too busy, try again later"}, False),
        ({"code": 452, "reply": b"452 out of storage"}, False),
        ({"code": 554, "reply": b"554 greylisted for ever"}, False),
    ],
)
def test_only_what_asks_to_come_back_is_asked_again(
    tmp_path: Path,
    known: dict,
    asked: bool,  # noqa: FBT001 - a column
) -> None:
    """A stock Postfix would say 454 for ever."""
    found = wants(tmp_path, [letter(**GREY | known)])
    assert [one.reason for one in found] == [Reason.GREYLISTED] * asked


def test_a_greeting_that_asks_to_come_back_has_no_triplet(tmp_path: Path) -> None:
    """Then the normal course is taken."""
    (one,) = wants(tmp_path, [letter(**GREY | {"refused_at": "GREETING", "token": ""})])
    assert (one.reason, one.variants, one.token_attempt) == (Reason.GREYLISTED, (), None)


def test_the_next_envelope_follows_a_message_that_never_came(tmp_path: Path) -> None:
    """Whatever forms are left, ten minutes later; none once it has arrived or all were tried."""
    (one,) = wants(tmp_path / "a", [letter()])
    assert one.reason is Reason.NEXT_ENVELOPE
    assert one.variants[0] not in {"V1", "C0"}
    assert one.not_before == MORNING + timedelta(seconds=600)
    assert one.token_attempt is None
    *forms, last, control = one.variants
    assert {*forms, last} < {form.variant for form in FORMS if form.depth is Depth.STANDARD}
    assert control == "C2"
    assert wants(tmp_path / "b", [letter(variant=last)]) == []
    (one,) = wants(tmp_path / "c", [letter()], message(0))
    assert one.reason is Reason.SECOND_OPINION


def test_what_is_open_is_asked_again_by_others(tmp_path: Path) -> None:
    """A relay with the form that went through, a proxy in its normal course."""
    source = 0xC0000232
    (one,) = wants(tmp_path / "a", [letter(variant="V0", source=source)], message(0))
    assert (one.reason, one.variants, one.source) == (Reason.SECOND_OPINION, ("V0", "C2"), source)
    assert one.not_before == MORNING + HOUR
    assert one.independent
    (one,) = wants(tmp_path / "b", [tunnel(), tunnel(variant="mail")], through(0))
    assert (one.reason, one.variants) == (Reason.SECOND_OPINION, ())
    (one,) = wants(tmp_path / "c", [letter(tls=True)], message(0))
    assert not one.independent


def test_nothing_is_asked_of_the_closed_and_the_silent(tmp_path: Path) -> None:
    """Nobody is tested again for nothing."""
    closed = letter(step=Step.SPOKE, refused_at="RCPT", code=554, reply=b"554 relaying denied")
    assert wants(tmp_path / "a", [closed]) == []
    assert wants(tmp_path / "b", [letter(step=Step.NOTHING, token="")]) == []
    assert wants(tmp_path / "c", [tunnel(step=Step.ACCEPTED, nonce="")]) == []
