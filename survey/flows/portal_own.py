"""One agency's part of one run, as its reports have it, kept until anything of it changes.

What it rests on is looked at with each question: the agency's file, the run's tables, and the
opt-out log.  So whoever opts out is in no answer from then on.
"""

import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from survey.analysis.jurisdiction import view
from survey.analysis.space import territory
from survey.errors import ConfigError
from survey.model.agency import Agency
from survey.model.exposure import OpenServer
from survey.model.plan import Plan
from survey.model.probe import Probe
from survey.portal.desk import NotReadyError, Question
from survey.settings import Settings
from survey.storage.agencies import find_agency
from survey.storage.layout import Layout
from survey.targets.optouts import OptOuts, read_log
from survey.targets.ranges import RangeSet

_KEPT = 64
"""Parts of runs in memory."""
_SERVERS = 500_000
"""Open servers in all of them, at about 700 bytes each; one part may have more."""

Stamp = tuple[tuple[int, int, int], ...]
"""Of files: by whichever of it a changed one differs."""


@dataclass(frozen=True, slots=True)
class Own:
    """What an agency may see of a run.

    Attributes:
        servers: Open findings, by address, port and probe.
        members: Those of the asked addresses that are the jurisdiction's.
        territory: All addresses of the jurisdiction, whoever opted out.
        of_run: How many addresses of the plan inside it opted out.
    """

    servers: tuple[OpenServer, ...]
    members: frozenset[int]
    territory: RangeSet
    of_run: int

    def page(self, question: Question) -> tuple[list[OpenServer], str]:
        """At most ``limit`` of them, and where the list goes on, or ""."""
        found: list[OpenServer] = []
        for server in self.asked(question):
            if len(found) == question.limit:
                return found, _after(found[-1])
            found.append(server)
        return found, ""

    def asked(self, question: Question) -> Iterator[OpenServer]:
        """The servers that a question is about, behind its ``after``."""
        start = _place(question.after) if question.after else (-1, -1, "")
        for part in question.addresses if question.addresses is not None else (None,):
            first = max(start, (part.start, -1, "")) if part else start
            for at in range(bisect_left(self.servers, first, key=_key), len(self.servers)):
                server = self.servers[at]
                if part and server.ip > part.end:
                    break
                if _key(server) != start and _fits(server, question):
                    yield server


class Owns:
    """The parts of agencies of one campaign's runs."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self._settings, self._layout, self._log = settings, Layout(settings.data), log
        self._lock = threading.Lock()
        self._agencies: dict[str, tuple[Stamp, Agency]] = {}
        self._optouts: tuple[Stamp, OptOuts] | None = None
        self._owns: OrderedDict[tuple[str, str], tuple[object, Own]] = OrderedDict()

    def agency(self, id_: str) -> Agency | None:
        """The agency as its file says now; None if there is no such file any more."""
        stamp = _stamp(self._settings.agencies / f"{id_}.toml")
        known = self._agencies.get(id_)
        if known is None or known[0] != stamp:
            try:
                known = stamp, find_agency(self._settings.agencies, id_)
            except ConfigError:
                return None
            self._agencies[id_] = known
        return known[1]

    def optouts(self) -> OptOuts:
        """The opt-out log as it is now.

        Raises:
            GateClosedError: It can't be read, so nobody knows who must be left out.
        """
        stamp = _stamp(self._log)
        if self._optouts is None or self._optouts[0] != stamp or stamp[0] == (0, 0, 0):
            self._optouts = stamp, read_log(self._log)
        return self._optouts[1]

    def own(self, agency: Agency, plan: Plan, addresses: frozenset[int] = frozenset()) -> Own:
        """An agency's part of a run.

        Args:
            agency: Whose.
            plan: The run's.
            addresses: Of these it is said which are the agency's (``members``).

        Raises:
            NotReadyError: The run's tables are gone.
            SurveyError: As of ``analysis.jurisdiction.view``.
        """
        run = self._layout.run(plan.campaign, plan.run)
        out = self.optouts()
        stamp = (agency, addresses, out.version, _stamp(run.hosts, run.findings))
        key = agency.id, plan.run
        known = self._owns.get(key)
        if known is None or known[0] != stamp:
            with self._lock:  # who waited finds what the other has read
                known = self._owns.pop(key, None)
                if known is None or known[0] != stamp:
                    if not (run.hosts.is_file() and run.findings.is_file()):
                        raise NotReadyError
                    known = stamp, self._read(agency, plan, addresses, out)
                self._owns[key] = known
                self._make_room()
        return known[1]

    def _make_room(self) -> None:
        """Forget what nobody has read anew for longest."""
        while len(self._owns) > 1 and (
            len(self._owns) > _KEPT
            or sum(len(own.servers) for _, own in self._owns.values()) > _SERVERS
        ):
            self._owns.popitem(last=False)

    def _read(self, agency: Agency, plan: Plan, addresses: frozenset[int], out: OptOuts) -> Own:
        with view(self._layout, plan, agency.jurisdiction, out.ranges) as seen:
            main = seen.registries.main
            return Own(
                servers=seen.servers(),
                members=seen.among(addresses) if addresses else frozenset(),
                territory=territory(agency.jurisdiction, main.country, main.network),
                of_run=seen.opted_out,
            )


def _after(server: OpenServer) -> str:
    """What to ask for to go on behind a server."""
    return f"{server.ip}-{server.port}-{server.probe}"


def _place(text: str) -> tuple[int, int, str]:
    ip, _, rest = text.partition("-")
    port, _, probe = rest.partition("-")
    if not (ip.isdecimal() and port.isdecimal() and probe in set(Probe)):
        return 2**32, 0, ""  # whoever made that up has come to the end
    return int(ip), int(port), probe


def _key(server: OpenServer) -> tuple[int, int, str]:
    return server.ip, server.port, server.probe.value


def _fits(server: OpenServer, question: Question) -> bool:
    return (
        question.asn in {None, server.asn}
        and question.port in {None, server.port}
        and question.probe in {None, server.probe}
    )


def _stamp(*paths: Path) -> Stamp:
    return tuple(_stamp_of(paths))


def _stamp_of(paths: Iterable[Path]) -> Iterator[tuple[int, int, int]]:
    for path in paths:
        try:
            said = path.stat()
        except OSError:
            yield 0, 0, 0
        else:
            yield said.st_ino, said.st_size, said.st_mtime_ns
