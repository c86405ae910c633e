"""Is an address in a DNSBL?  The question, its only door, and what an answer means (RFC 5782).

A question names an address to somebody else.  So none is asked but of a name server that the
campaign names, in a zone whose permission and rate it names; never the system's resolver.  Only an
NXDOMAIN means "not listed".  A code that the campaign gives no meaning to, an answer outside of
127.0.0.0/8 (a zone that was given up and bought by somebody), an error, a silence: unknown.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from survey.errors import GateClosedError
from survey.model.address import format_ip
from survey.model.listing import Dnsbl, Listed
from survey.model.plan import Endpoint

PATIENCE = 3.0
"""Seconds that one question waits for its answer."""
TRIES = 2
"""Questions about one address at most: a datagram may get lost."""
LISTED_ALWAYS, LISTED_NEVER = 0x7F000002, 0x7F000001
"""What every DNSBL must list, and must not (RFC 5782 s5)."""
_LOOPBACK = 127


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one question.

    Attributes:
        state: What the DNSBL says.
        codes: Its return codes, sorted; empty if it does not list the address.
        reason: What they mean, by the campaign.
        trouble: Why nothing is known, one line, or "".
    """

    state: Listed
    codes: tuple[str, ...] = ()
    reason: str = ""
    trouble: str = ""


class DnsblDoor:
    """The only way out for such questions; it opens to the named name servers alone."""

    def __init__(self, allowed: Iterable[Endpoint], patience: float = PATIENCE) -> None:
        """The campaign's name servers, and seconds to wait for an answer."""
        self._allowed = frozenset(allowed)
        self._patience = patience

    async def ask(self, at: Endpoint, question: dns.message.Message) -> dns.message.Message:
        """Send one question and wait for its answer; what comes from elsewhere is passed over.

        Raises:
            GateClosedError: The name server is not one of the campaign's.
            dns.exception.DNSException, OSError: No usable answer came.
        """
        if at not in self._allowed:
            raise GateClosedError(
                f"{format_ip(at.ip)}:{at.port}: no zone of the campaign names this name server"
            )
        return await dns.asyncquery.udp(
            question,
            format_ip(at.ip),
            timeout=self._patience,
            port=at.port,
            ignore_unexpected=True,
            ignore_errors=True,
            raise_on_truncation=True,
        )


class Pace:
    """Spreads questions evenly: no burst, whoever asks."""

    def __init__(self, per_second: float, clock: Callable[[], float]) -> None:
        """Questions per second at most, and a monotonic clock in seconds."""
        self._step = 1 / per_second
        self._clock = clock
        self._next = clock()
        self._lock = asyncio.Lock()

    async def turn(self) -> None:
        """Wait for one's turn; turns are at least the step apart, as a clock outside sees them."""
        async with self._lock:
            early = self._next - self._clock()
            if early > 0:
                await asyncio.sleep(early)
            self._next = max(self._next, self._clock()) + self._step


class Asker:
    """Asks one DNSBL, through the door and at its pace."""

    def __init__(self, dnsbl: Dnsbl, door: DnsblDoor, pace: Pace) -> None:
        """All questions of a process to one zone share one pace."""
        self._dnsbl = dnsbl
        self._door = door
        self._pace = pace
        self._meanings = dict(dnsbl.meanings)

    async def look_up(self, ip: int) -> Answer:
        """What it says about an address."""
        return await self._try(ip, self._meanings)

    async def trouble(self) -> str:
        """Why it is not to be believed, or "": it lists what it must, and not what it must not."""
        always = await self._try(LISTED_ALWAYS, None)
        if always.state is not Listed.LISTED:
            return f"does not list 127.0.0.2: {always.trouble or 'NXDOMAIN'}"
        never = await self._try(LISTED_NEVER, None)
        if never.state is not Listed.NOT_LISTED:
            return f"does not say that 127.0.0.1 is not listed: {never.trouble or 'it is listed'}"
        return ""

    async def _try(self, ip: int, meanings: dict[str, str] | None) -> Answer:
        answer = await self._ask(ip, meanings)
        for _ in range(TRIES - 1):
            if answer.trouble == _SILENCE:
                answer = await self._ask(ip, meanings)
        return answer

    async def _ask(self, ip: int, meanings: dict[str, str] | None) -> Answer:
        await self._pace.turn()
        question = dns.message.make_query(question_name(ip, self._dnsbl.zone), "A")
        try:
            said = await self._door.ask(self._dnsbl.nameserver, question)
        except dns.exception.Timeout:
            return Answer(Listed.UNKNOWN, trouble=_SILENCE)
        except (dns.exception.DNSException, OSError) as error:
            return Answer(Listed.UNKNOWN, trouble=type(error).__name__)
        return read_answer(said, question, meanings)


_SILENCE = "no answer"


def question_name(ip: int, zone: str) -> dns.name.Name:
    """The octets backwards, in the zone."""
    octets = ".".join(reversed(format_ip(ip).split(".")))
    return dns.name.from_text(f"{octets}.{zone}.")


def read_answer(
    said: dns.message.Message, question: dns.message.Message, meanings: dict[str, str] | None
) -> Answer:
    """What an answer to a question means.

    Args:
        said: A stranger's message.
        question: What was asked.
        meanings: Meaning of each return code; None takes any in 127.0.0.0/8.
    """
    rcode = said.rcode()
    if rcode == dns.rcode.NXDOMAIN:
        return Answer(Listed.NOT_LISTED)
    if rcode != dns.rcode.NOERROR:
        return Answer(Listed.UNKNOWN, trouble=dns.rcode.to_text(rcode))
    (asked,) = question.question
    records = said.get_rrset(
        said.answer, asked.name, dns.rdataclass.IN, dns.rdatatype.A, dns.rdatatype.NONE
    )
    codes = tuple(sorted({record.address for record in records or ()}, key=IPv4Address))
    trouble = _why_not(codes)
    if trouble:
        return Answer(Listed.UNKNOWN, trouble=trouble)
    known = tuple(code for code in codes if meanings is None or code in meanings)
    if not known:
        return Answer(Listed.UNKNOWN, trouble=f"the campaign gives {codes[0]} no meaning")
    reason = ", ".join(dict.fromkeys(meanings[code] for code in known)) if meanings else ""
    return Answer(Listed.LISTED, known, reason)


def _why_not(codes: tuple[str, ...]) -> str:
    """Why these are no return codes of a DNSBL, or ""."""
    if not codes:
        return "an answer without an address"
    strange = [code for code in codes if IPv4Address(code).packed[0] != _LOOPBACK]
    return f"the answer {strange[0]} is no return code" if strange else ""
