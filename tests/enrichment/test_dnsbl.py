"""What an answer of a DNSBL means, and that nothing but a campaign's own name servers is asked."""

import asyncio
import itertools
from collections.abc import Callable, Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_dnsbl import MEANINGS, ZONE, ScriptedDnsbl, answer, nxdomain, scripted

from survey.enrichment.dnsbl import Answer, Asker, DnsblDoor, Pace, question_name, read_answer
from survey.errors import GateClosedError
from survey.model.address import parse_ip
from survey.model.listing import Listed
from survey.model.plan import Endpoint

IP = "192.0.2.7"
QUERY = dns.message.make_query(question_name(parse_ip(IP), ZONE), "A")


def meant(wire: bytes) -> Answer:
    """What an answer means to a campaign."""
    return read_answer(dns.message.from_wire(wire), QUERY, dict(MEANINGS))


def test_the_octets_are_asked_backwards() -> None:
    """RFC 5782 s2.1."""
    assert question_name(parse_ip("10.0.2.10"), ZONE).to_text() == f"10.2.0.10.{ZONE}."


def test_nxdomain_alone_means_not_listed() -> None:
    """Only the DNSBL's own word."""
    assert meant(nxdomain(QUERY)) == Answer(Listed.NOT_LISTED)


def test_codes_have_the_meaning_that_the_campaign_gives_them() -> None:
    """Several at once; one that has no meaning beside one that has is left out."""
    assert meant(answer(QUERY, "127.0.0.2")) == Answer(Listed.LISTED, ("127.0.0.2",), "open relay")
    assert meant(answer(QUERY, "127.0.0.3", "127.0.0.2", "127.0.0.9")) == Answer(
        Listed.LISTED, ("127.0.0.2", "127.0.0.3"), "open relay, open proxy"
    )


@pytest.mark.parametrize(
    ("wire", "trouble"),
    [
        (answer(QUERY, rcode=dns.rcode.SERVFAIL), "SERVFAIL"),
        (answer(QUERY, rcode=dns.rcode.REFUSED), "REFUSED"),
        (answer(QUERY, rcode=dns.rcode.FORMERR), "FORMERR"),
        (answer(QUERY), "without an address"),
        (answer(QUERY, "127.0.0.9"), "no meaning"),
        (answer(QUERY, "127.255.255.254"), "no meaning"),
        (answer(QUERY, "192.0.2.80"), "no return code"),
        (answer(QUERY, "127.0.0.2", "192.0.2.80"), "no return code"),
    ],
    ids=["servfail", "refused", "formerr", "empty", "strange", "error", "parked", "mixed"],
)
def test_whatever_else_is_unknown(wire: bytes, trouble: str) -> None:
    """Errors, parked zones and codes without a meaning are never "listed", nor "not listed"."""
    said = meant(wire)

    assert said.state is Listed.UNKNOWN
    assert trouble in said.trouble
    assert (said.codes, said.reason) == ((), "")


def test_an_answer_about_another_name_says_nothing() -> None:
    """Also if a CNAME leads there: a DNSBL has no need of it."""
    said = dns.message.make_response(QUERY)
    said.answer.append(dns.rrset.from_text("other.example.", 60, "IN", "A", "127.0.0.2"))

    assert meant(said.to_wire()).state is Listed.UNKNOWN


@given(st.binary(max_size=300))
def test_any_bytes_are_an_answer_or_unreadable(data: bytes) -> None:
    """A stranger's datagram never lists anybody by accident, and raises nothing of ours."""
    try:
        said = dns.message.from_wire(data)
    except Exception:  # noqa: BLE001 - dnspython's many ways to say no
        return
    read_answer(said, QUERY, dict(MEANINGS))


@pytest.fixture
def server() -> Iterator[ScriptedDnsbl]:
    """A DNSBL that the test scripts."""
    with scripted() as one:
        yield one


async def looked_up(server: ScriptedDnsbl, ip: str = IP, patience: float = 0.3) -> Answer:
    """One look-up as a check does it."""
    dnsbl = server.dnsbl()
    clock = asyncio.get_running_loop().time
    door = DnsblDoor([dnsbl.nameserver], patience)
    return await Asker(dnsbl, door, Pace(dnsbl.queries_per_second, clock)).look_up(parse_ip(ip))


async def test_a_listed_address_is_found(server: ScriptedDnsbl) -> None:
    """Over a real socket."""
    server.listed[IP] = ("127.0.0.3",)

    assert await looked_up(server) == Answer(Listed.LISTED, ("127.0.0.3",), "open proxy")
    assert (await looked_up(server, "192.0.2.8")).state is Listed.NOT_LISTED


async def test_silence_is_asked_again_once_and_then_unknown(server: ScriptedDnsbl) -> None:
    """A datagram may get lost; a server that does not answer is not pestered."""
    server.scripts[IP] = lambda _ip, _query: []

    assert await looked_up(server) == Answer(Listed.UNKNOWN, trouble="no answer")
    assert server.questions() == [IP, IP]


def changed(query: dns.message.Message, how: Callable[[dns.message.Message], None]) -> bytes:
    """A proper answer, then changed."""
    said = dns.message.make_response(query)
    said.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "127.0.0.2"))
    how(said)
    return said.to_wire()


def _other_id(said: dns.message.Message) -> None:
    said.id ^= 1


def _truncated(said: dns.message.Message) -> None:
    said.flags |= dns.flags.TC


def _a_question(said: dns.message.Message) -> None:
    said.flags &= ~dns.flags.QR


@pytest.mark.parametrize(
    "datagram",
    [
        lambda query: changed(query, _other_id),
        lambda query: changed(query, _truncated),
        lambda query: changed(query, _a_question),
        lambda query: changed(query, lambda _: None)[:20],
        lambda _query: b"",
        lambda _query: b"\xff" * 600,
    ],
    ids=["another id", "truncated", "a question", "cut off", "empty", "garbage"],
)
async def test_odd_datagrams_are_no_answer(
    server: ScriptedDnsbl, datagram: Callable[[dns.message.Message], bytes]
) -> None:
    """Forged, broken or cut: unknown."""
    server.scripts[IP] = lambda _ip, query: [datagram(query)]

    assert (await looked_up(server)).state is Listed.UNKNOWN


async def test_the_answer_behind_a_forged_one_counts(server: ScriptedDnsbl) -> None:
    """What does not fit the question is passed over, not believed."""
    server.scripts[IP] = lambda _ip, query: [changed(query, _other_id), nxdomain(query)]

    assert (await looked_up(server)).state is Listed.NOT_LISTED


async def test_the_door_opens_to_named_servers_only(server: ScriptedDnsbl) -> None:
    """Not one datagram goes elsewhere."""
    door = DnsblDoor([Endpoint(parse_ip("127.0.0.9"), 53)])

    with pytest.raises(GateClosedError, match="no zone of the campaign names this name server"):
        await door.ask(server.endpoint, QUERY)
    assert server.asked == []


async def test_a_dnsbl_that_lists_everybody_is_not_believed(server: ScriptedDnsbl) -> None:
    """A zone that was given up often ends as a wildcard (RFC 5782 s5)."""
    dnsbl = server.dnsbl()
    clock = asyncio.get_running_loop().time
    asker = Asker(dnsbl, DnsblDoor([dnsbl.nameserver], 0.3), Pace(1000, clock))

    assert await asker.trouble() == ""
    server.listed["127.0.0.1"] = ("127.0.0.2",)
    assert "127.0.0.1" in await asker.trouble()
    del server.listed["127.0.0.2"]
    assert await asker.trouble() == "does not list 127.0.0.2: NXDOMAIN"
    server.scripts["127.0.0.2"] = lambda _ip, _query: []
    assert "no answer" in await asker.trouble()


async def test_questions_are_as_far_apart_as_permitted() -> None:
    """With a clock of our own: no burst after a pause, none when many ask at once."""
    now = 100.0
    times: list[float] = []
    pace = Pace(10, lambda: now)

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    async def ask() -> None:
        await pace.turn()
        times.append(now)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "sleep", sleep)
        await asyncio.gather(*(ask() for _ in range(5)))
        now += 60
        await asyncio.gather(*(ask() for _ in range(3)))

    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert min(gaps) >= 0.1 - 1e-9
    assert times[0] == 100.0
    assert times[5] == pytest.approx(160.4)
