"""A judged survey of a small internet, the same every time: what the notebooks are run on.

Three documentation networks, six countries, nine networks of unequal care, a gap in the registries,
and every situation that the rules tell apart often enough to be seen.
"""

import random
from pathlib import Path

from made_data import CAMPAIGN, RUN, MadeData, arrived, seen

from survey.canary.record import mapped
from survey.flows.judge import judge
from survey.model.address import format_ip, parse_ip
from survey.model.arrival import Arrival, ArrivalKind
from survey.model.failure import Failure
from survey.model.observation import Observation, Protocol, Step
from survey.model.probe import Probe

_BLOCKS = ("192.0.2.0", "198.51.100.0", "203.0.113.0")
# first address, how many, country, network, its name, how carelessly it is run
_PLACES = (
    ("192.0.2.0", 96, "ES", 64496, "ALTAMAR-BROADBAND", 0.30),
    ("192.0.2.96", 64, "ES", 64497, "CIERZO-HOSTING", 0.10),
    ("192.0.2.160", 64, "MX", 64498, "JACARAL-TELECOM", 0.35),
    ("192.0.2.224", 32, "MX", 64499, "VEREDA-UNIVERSITY", 0.05),
    ("198.51.100.0", 128, "BR", 64500, "PALMERA-BROADBAND", 0.40),
    ("198.51.100.128", 64, "FI", 64501, "BOREAL-HOSTING", 0.02),
    ("198.51.100.192", 64, "IN", 64502, "INDIGO-MOBILE", 0.25),
    ("203.0.113.0", 128, "US", 64503, "KESTREL-CLOUD", 0.08),
    ("203.0.113.128", 64, "US", 64504, "LAUREL-CABLE", 0.15),
)
_DENIED = b"454 4.7.1 <probe@a.example>: Relay access denied\r\n"


def make_survey(folder: Path) -> MadeData:
    """The data directory, judged."""
    lines = [(parse_ip(start), size, rest) for start, size, *rest in _PLACES]
    made = MadeData(
        folder,
        _BLOCKS,
        "".join(f"{at},{at + size - 1},{rest[0]}\n" for at, size, rest in lines),
        "".join(f"{at}\t{at + size - 1}\t{rest[1]}\t-\t{rest[2]}\n" for at, size, rest in lines),
    )
    chance = random.Random(2004)
    observations: list[Observation] = []
    arrivals: list[Arrival] = []
    for at, size, rest in [*lines, (parse_ip("203.0.113.192"), 64, ("", 0, "", 0.2))]:
        for ip in range(at, at + size):
            for probe in (Probe.SMTP_RELAY, Probe.SOCKS5, Probe.HTTP_CONNECT):
                if chance.random() < 0.35:
                    mine, heard = _host(chance, format_ip(ip), probe, float(rest[3]))
                    observations += mine
                    arrivals += heard
    made.scan(observations)
    made.arrive(arrivals)
    judge(made.settings, CAMPAIGN, RUN)
    return made


def _host(
    chance: random.Random, ip: str, probe: Probe, neglect: float
) -> tuple[list[Observation], list[Arrival]]:
    """What one answering port did, and what arrived at the canary for it."""
    token = f"{probe}{ip}".replace(".", "x").replace("_", "x")
    outcome = chance.random()
    if probe.is_relay:
        return _relay(ip, token, outcome, neglect)
    return _proxy(ip, probe, token, outcome, neglect)


def _relay(
    ip: str, token: str, outcome: float, neglect: float
) -> tuple[list[Observation], list[Arrival]]:
    greeting = f"220 mx-{ip.replace('.', '-')}.example ESMTP\r\n".encode()
    known = {"token": token, "protocol": Protocol.SMTP, "received": greeting}
    if outcome < neglect:
        sent = seen(ip, step=Step.SENT, code=250, reply=b"250 2.0.0 queued\r\n", **known)
        return [sent], [arrived(ArrivalKind.MESSAGE, token, peer=mapped(ip))]
    if outcome < neglect + 0.04:  # a sink: takes everything, delivers nothing
        return [seen(ip, step=Step.SENT, code=250, reply=b"250 ok\r\n", **known)], []
    if outcome < neglect + 0.08:
        later = b"450 4.2.0 Greylisted, try again later\r\n"
        return [seen(ip, step=Step.SPOKE, refused_at="RCPT", code=450, reply=later, **known)], []
    if outcome < 0.97:
        return [seen(ip, step=Step.SPOKE, refused_at="RCPT", code=454, reply=_DENIED, **known)], []
    return [seen(ip, failure=Failure.STALLED)], []


def _proxy(
    ip: str, probe: Probe, token: str, outcome: float, neglect: float
) -> tuple[list[Observation], list[Arrival]]:
    socks = probe is Probe.SOCKS5
    own = Protocol.SOCKS5 if socks else Protocol.HTTP
    if outcome < neglect:
        exit_ip = mapped("203.0.113.250") if outcome < neglect / 3 else mapped(ip)
        through = []
        tried = []
        for variant, port in (("echo", 443), ("mail", 25)):
            mark = f"{token}{variant}"
            open_port = variant == "echo" or outcome < neglect / 2
            nonce = f"nonce{mark}" if open_port else ""
            if open_port:
                through.append(
                    arrived(ArrivalKind.TUNNEL, mark, nonce=nonce, peer=exit_ip, canary_port=port)
                )
            tried.append(
                seen(
                    ip,
                    probe,
                    variant,
                    canary_port=port,
                    step=Step.ECHOED if open_port else Step.SPOKE,
                    refused_at=None if open_port else "CONNECT",
                    code=(0 if socks else 200) if open_port else (2 if socks else 403),
                    token=mark,
                    nonce=nonce,
                    protocol=own,
                )
            )
        return tried, through
    if not socks and outcome < neglect + 0.2:  # a web server that says yes to everything
        page = b"HTTP/1.1 200 OK\r\nContent-Length: 612\r\n\r\n<html>"
        known = {"code": 200, "reply": page, "received": page, "protocol": Protocol.HTTP}
        return [seen(ip, probe, "echo", step=Step.ACCEPTED, **known)], []
    if outcome < 0.8:
        at, code = ("METHOD", 255) if socks else ("CONNECT", 407)
        known = {"refused_at": at, "code": code, "protocol": own, "token": token}
        return [seen(ip, probe, "echo", step=Step.SPOKE, **known)], []
    other = {"failure": Failure.WRONG_PROTOCOL, "protocol": Protocol.SSH}
    return [seen(ip, probe, "echo", received=b"SSH-2.0-x\r\n", **other)], []
