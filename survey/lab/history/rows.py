"""Looks as rows of observations and arrivals, column by column."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from survey.lab.history.looks import Looks, Said
from survey.lab.history.scale import START
from survey.lab.history.servers import PORTS, PROBES, Flags, Numbers, Stands
from survey.lab.history.territory import Territory
from survey.model.arrival import ArrivalKind
from survey.model.client import Client
from survey.storage.schemas import ARRIVALS, OBSERVATIONS

ECHO_PORT, MAIL_PORT = 2526, 2525

_DAY = 86_400_000_000
_FIRST = int(START.timestamp() * 1_000_000)

Bytes = list[bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """How a conversation of one kind ends; see ``model.observation``."""

    step: str
    failure: str | None = None
    protocol: str | None = None
    refused_at: str | None = None
    code: int | None = None
    reply: bytes = b""
    said: bytes = b""


_SMTP, _HTTP, _SOCKS4, _SOCKS5 = "smtp", "http", "socks4", "socks5"
SHUT = Answer("nothing", "refused")
SILENT = Answer("nothing", "connect_timeout")
DENIED = {
    "smtp_relay": Answer(
        "spoke", None, _SMTP, "RCPT", 554, b"554 5.7.1 Relay access denied\r\n", b"220 ESMTP\r\n"
    ),
    "http_connect": Answer(
        "spoke", None, _HTTP, "CONNECT", 403, b"HTTP/1.1 403 Forbidden\r\nServer: squid\r\n\r\n"
    ),
    "socks5": Answer("spoke", None, _SOCKS5, "METHOD", 255, b"\x05\xff"),
    "socks4": Answer("spoke", None, _SOCKS4, "CONNECT", 91, b"\x00\x5b\0\0\0\0\0\0"),
}
GIVEN = {
    "smtp_relay": Answer("sent", None, _SMTP, None, 250, b"250 2.0.0 Ok: queued\r\n"),
    "http_connect": Answer(
        "echoed", None, _HTTP, None, 200, b"HTTP/1.1 200 Connection established\r\n\r\n"
    ),
    "socks5": Answer("echoed", None, _SOCKS5, None, 0, b"\x05\0\0\x01\0\0\0\0\0\0"),
    "socks4": Answer("echoed", None, _SOCKS4, None, 90, b"\0\x5a\0\0\0\0\0\0"),
}
BUSY = {
    "smtp_relay": Answer("connected", "stalled"),
    "http_connect": Answer("spoke", None, _HTTP, "CONNECT", 503, b"HTTP/1.1 503 Busy\r\n\r\n"),
    "socks5": Answer("spoke", None, _SOCKS5, "CONNECT", 1, b"\x05\x01\0\x01\0\0\0\0\0\0"),
    "socks4": Answer("connected", "closed"),
}
"""What the crowd says that does not deny: nothing can be told of it."""

POSTMASTER = Answer("accepted", None, _SMTP, None, 250, b"250 2.1.5 Ok\r\n", b"220 ESMTP\r\n")
"""What a closed relay says to mail for itself."""

ANSWERS: tuple[Answer, ...] = (
    SILENT,
    SHUT,
    *(table[probe] for table in (DENIED, GIVEN, BUSY) for probe in DENIED),
    POSTMASTER,
)
_PLACES = {id(answer): place for place, answer in enumerate(ANSWERS)}

PROGRAMS = ("Postfix", "Exim 4.98", "Sendmail 8.18.1/8.18.1")


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Observations to be, as columns of numbers; texts follow from them.

    Attributes:
        ip: Tested address.
        port: Tested port.
        probe: Place in PROBES.
        variant: Place in VARIANTS.
        attempt: 0 in a scan.
        at: Microseconds since 1970.
        answer: Place in ANSWERS.
        server: Which server gave it; -1 for the crowd.
    """

    ip: Numbers
    port: Numbers
    probe: Numbers
    variant: Numbers
    attempt: Numbers
    at: Numbers
    answer: Numbers
    server: Numbers

    def __len__(self) -> int:
        return len(self.ip)

    def take(self, places: Numbers | Flags) -> "Rows":
        """Some of them, in that order."""
        return Rows(*(getattr(self, name)[places] for name in self.__slots__))

    def in_order(self) -> "Rows":
        """In the order of a shard's file."""
        return self.take(np.lexsort((self.attempt, self.variant, self.port, self.ip)))


VARIANTS = ("V0", "V1", "V3", "echo", "mail", "C0", "C1")
_RELAY, _ECHO, _MAIL = 1, 3, 4
_CONTROLS = ((5, POSTMASTER), (6, DENIED["smtp_relay"]))
TESTS = (_RELAY, _ECHO)
"""The form that everybody is asked first."""


def joined(parts: list[Rows]) -> Rows:
    """Several of them as one."""
    return Rows(*(np.concatenate([getattr(one, name) for one in parts]) for name in Rows.__slots__))


def microseconds(days: NDArray[np.float64]) -> Numbers:
    """A day of a history as microseconds since 1970."""
    result: Numbers = _FIRST + np.rint(days * _DAY / 1_000_000).astype(np.int64) * 1_000_000
    return result


def rows_of(stands: Stands, looks: Looks, attempts: Numbers | None = None) -> Rows:
    """What a survey writes down of looks: a row for each form that was tried.

    A relay that takes the first form is asked no other; in a scan, one that does not is asked for
    its postmaster and for a domain that can't exist, too.  A proxy is asked for our echo port and,
    where that works, for our mail port.
    """
    service = stands.service[looks.stand]
    tables = [GIVEN, DENIED]
    places = np.array(
        [
            [_PLACES[id(SILENT)] for _ in PROBES],
            *([_PLACES[id(table[probe])] for probe in PROBES] for table in tables),
            [_PLACES[id(SHUT)] for _ in PROBES],
        ]
    )
    relay = service == 0
    tried = attempts if attempts is not None else np.zeros(len(service), dtype=np.int64)
    whole = Rows(
        ip=stands.ip[looks.stand],
        port=np.array(PORTS)[service],
        probe=service,
        variant=np.where(relay, _RELAY, _ECHO),
        attempt=tried,
        at=microseconds(looks.days),
        answer=places[looks.said, service],
        server=stands.server[looks.stand],
    )
    mail = whole.take(~relay & (looks.said == Said.OPEN))
    mail.variant[:] = _MAIL
    mail.at[:] += 2_000_000
    asked = relay & (looks.said == Said.DENIED) & (attempts is None)
    controls = []
    for variant, answer in _CONTROLS:
        control = whole.take(asked)
        control.variant[:] = variant
        control.answer[:] = _PLACES[id(answer)]
        controls.append(control)
    return joined([whole, mail, *controls])


def crowd_rows(ip: Numbers, service: Numbers, at: Numbers, busy: Flags) -> Rows:
    """What the crowd says: a refusal of each form, or something that tells nothing."""
    answer = np.array(
        [[_PLACES[id(table[probe])] for probe in PROBES] for table in (DENIED, BUSY)]
    )[busy.astype(int), service]
    relay = service == 0
    one = Rows(
        ip=ip,
        port=np.array(PORTS)[service],
        probe=service,
        variant=np.where(relay, _RELAY, _ECHO),
        attempt=np.zeros(len(ip), dtype=np.int64),
        at=at,
        answer=answer,
        server=np.full(len(ip), -1),
    )
    more = []
    for variant in (0, 2):
        other = one.take(relay & ~busy)
        other.variant[:] = variant
        more.append(other)
    return joined([one, *more])


class Scribe:
    """Writes rows as the tables of the survey.

    Args:
        territory: Whose domain a server's name is in.
        stands: Whose addresses lie in which network.
    """

    def __init__(self, territory: Territory, stands: Stands) -> None:
        first = np.unique(stands.server, return_index=True)[1]
        owners = territory.owners[territory.range_of(stands.ip[first])]
        self._domains = [
            territory.networks[owner].domain if owner >= 0 else "nowhere.example"
            for owner in owners.tolist()
        ]

    def observations(self, rows: Rows, run: str, round_: int, shard: int, reason: str) -> pa.Table:
        """Some rows of one shard, in the file's order."""
        count = len(rows)
        probe = np.array([_CODES[name] for name in PROBES])[rows.probe]
        proven = np.isin(rows.answer, _GIVEN)
        tokens, nonces = self._proofs(rows, run, round_, proven)
        greeting = self._greetings(rows)
        fill = partial(_fill, count)
        columns: dict[str, pa.Array] = {
            "run": fill(run, pa.string()),
            "round": fill(round_, pa.uint16()),
            "shard": fill(shard, pa.uint32()),
            "process": fill(f"{run}-{round_}", pa.string()),
            "ip": pa.array(rows.ip.astype(np.uint32)),
            "port": pa.array(rows.port.astype(np.uint16)),
            "probe": _words([*_CODES], probe),
            "variant": _words(VARIANTS, rows.variant),
            "canary_port": pa.array(
                np.array([0, 0, 0, ECHO_PORT, MAIL_PORT, 0, 0], dtype=np.uint16)[rows.variant]
            ),
            "tls": fill(False, pa.bool_()),
            "attempt": pa.array(rows.attempt.astype(np.uint8)),
            "started_at": pa.array(rows.at).cast(pa.timestamp("us", tz="UTC")),
            "duration": pa.array((0.2 + (rows.ip % 89) / 100).astype(np.float32)),
            "step": _words([one.step for one in ANSWERS], rows.answer),
            "failure": _words([one.failure for one in ANSWERS], rows.answer),
            "protocol": _words([one.protocol for one in ANSWERS], rows.answer),
            "refused_at": _words([one.refused_at for one in ANSWERS], rows.answer),
            "code": _words([one.code for one in ANSWERS], rows.answer, pa.int32()),
            "reply": _words([one.reply for one in ANSWERS], rows.answer, pa.binary()),
            "token": tokens,
            "nonce": nonces,
            "received": greeting,
            "sent": _words([b"EHLO", *([b""] * 6)], rows.variant, pa.binary()),
            "bytes_in": pa.array((rows.answer > 1).astype(np.uint32) * 120),
            "bytes_out": pa.array((rows.answer > 1).astype(np.uint32) * 90),
            "source": fill(None, pa.uint32()),
            "reason": fill(reason, pa.string()),
            "client": fill(str(Client.OURS), pa.string()),
        }
        return pa.table([columns[name] for name in OBSERVATIONS.names], schema=OBSERVATIONS)

    def arrivals(self, rows: Rows, run: str, round_: int) -> pa.Table:
        """What came to our canary of them, a little later."""
        some = rows.take(np.isin(rows.answer, _GIVEN))
        everything = np.ones(len(some), dtype=bool)
        tokens, nonces = self._proofs(some, run, round_, everything)
        relay = some.probe == 0
        fill = partial(_fill, len(some))
        peers = [b"\0" * 10 + b"\xff\xff" + int(ip).to_bytes(4, "big") for ip in some.ip]
        ports = np.where(some.variant == _ECHO, ECHO_PORT, MAIL_PORT)
        kinds = [str(ArrivalKind.TUNNEL), str(ArrivalKind.MESSAGE)]
        columns: dict[str, pa.Array] = {
            "at": pa.array(some.at + 3_000_000).cast(pa.timestamp("us", tz="UTC")),
            "kind": _words(kinds, relay.astype(int)),
            "token": tokens,
            "nonce": nonces,
            "peer": pa.array(peers, pa.binary(16)),
            "peer_port": fill(40_000, pa.uint16()),
            "canary_port": pa.array(ports.astype(np.uint16)),
            "complete": pa.array(relay),
            "sender": fill(b"", pa.binary()),
            "helo": fill(b"", pa.binary()),
            "size": fill(900, pa.uint32()),
            "headers": fill(b"", pa.binary()),
        }
        return pa.table([columns[name] for name in ARRIVALS.names], schema=ARRIVALS)

    def _proofs(
        self, rows: Rows, run: str, round_: int, proven: Flags
    ) -> tuple[pa.Array, pa.Array]:
        """Marks in the place of signed tokens, and nonces; only of what was proven."""
        tokens, nonces = [""] * len(rows), [""] * len(rows)
        mark = f"{run}{round_:03d}".replace("-", "").lower()
        for place in np.flatnonzero(proven).tolist():
            target = f"{rows.ip[place]:08x}{rows.port[place]:04x}{rows.variant[place]}"
            tokens[place] = f"{mark}{target}".ljust(56, "a")
            if rows.probe[place]:
                nonces[place] = f"n{mark}{target}".ljust(32, "a")
        return pa.array(tokens, pa.string()), pa.array(nonces, pa.string())

    def _greetings(self, rows: Rows) -> pa.Array:
        """First bytes of each: a mail server that is no crowd's greets with its own name."""
        common = _words([one.said or one.reply for one in ANSWERS], rows.answer, pa.binary())
        named = np.flatnonzero((rows.server >= 0) & (rows.probe == 0) & (rows.answer > 1))
        if not len(named):
            return common
        said: list[bytes] = common.to_pylist()
        for place in named.tolist():
            server = int(rows.server[place])
            program = PROGRAMS[server % len(PROGRAMS)]
            said[place] = f"220 mx{server}.{self._domains[server]} ESMTP {program}\r\n".encode()
        return pa.array(said, pa.binary())


_CODES = {"smtp_relay": 0, "socks5": 1, "http_connect": 2, "socks4": 3}
_GIVEN = [_PLACES[id(answer)] for answer in GIVEN.values()]


def day_of(at: int) -> str:
    """The UTC day of a moment, as files of arrivals are named."""
    return f"{START + timedelta(microseconds=at - _FIRST):%Y-%m-%d}"


def _fill(count: int, value: object, kind: pa.DataType) -> pa.Array:
    return pa.repeat(pa.scalar(value, kind), count)


def _words(words: object, places: Numbers, kind: pa.DataType | None = None) -> pa.Array:
    """One word for each place."""
    dictionary = pa.array(list(words), kind or pa.string())  # type: ignore[call-overload]
    return dictionary.take(pa.array(places))
