"""The programs that the site has steps for, and by what a visitor's browser finds one."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from survey.closing.instructions import ROUTER, Closing, closings
from survey.model.probe import Probe
from survey.model.site import closing_kind, closing_kinds
from survey.model.software import PRODUCTS
from survey.site.facts import Facts, Guides, Piece
from survey.wording.language import Language


@dataclass(frozen=True, slots=True)
class Program:
    """One program in one language.

    Attributes:
        id: Its product id, or ROUTER.
        name: As its makers write it.
        kinds: What of it is closed, in words.
        steps: What to do.
        links: Its makers' own documentation.
        proven: Whether a test carries the steps out.
    """

    id: str
    name: str
    kinds: str
    steps: tuple[Piece, ...]
    links: tuple[str, ...]
    proven: bool


@dataclass(frozen=True, slots=True)
class KindOfServer:
    """One kind of open server in one language.

    Attributes:
        id: Its place in the site.
        name: What it is called.
        meaning: What is wrong with it, one sentence.
        steps: What to do.
        programs: Those that may be it.
    """

    id: str
    name: str
    meaning: str
    steps: tuple[Piece, ...]
    programs: tuple[Program, ...]


def programs_in(language: Language, guides: Guides) -> tuple[Program, ...]:
    """All programs by name; routers, which have none, at the end."""
    found = [
        Program(
            id=one.software,
            name=_name(language, one.software),
            kinds=language.listed([kind_name(language, kind) for kind in _kinds(one.closes)]),
            steps=guides.programs[one.software],
            links=one.links,
            proven=one.proven,
        )
        for one in closings().values()
    ]
    return tuple(sorted(found, key=lambda one: (one.id == ROUTER, one.name.casefold())))


def kinds_in(language: Language, guides: Guides) -> tuple[KindOfServer, ...]:
    """All kinds of servers."""
    programs = programs_in(language, guides)
    return tuple(
        KindOfServer(
            id=kind,
            name=kind_name(language, kind),
            meaning=_meaning(language, kind),
            steps=guides.kinds[kind],
            programs=tuple(one for one in programs if _closes(closings()[one.id], kind)),
        )
        for kind in closing_kinds()
    )


def kind_name(language: Language, kind: str) -> str:
    """What a kind of server is called."""
    return {
        "mail-relay": language.say("Open mail relay"),
        "http-proxy": language.say("Open HTTP proxy"),
        "socks-proxy": language.say("Open SOCKS proxy"),
        "telnet-gateway": language.say("Open telnet gateway"),
    }[kind]


def search_script(facts: Facts) -> str:
    """Every program that tells itself in what it says, as a script of data."""
    known = closings()
    rows = [
        {
            "id": one.id,
            "name": one.name,
            "page": one.id in known,
            "signs": list(facts.signs.get(one.id, ())),
        }
        for one in PRODUCTS.values()
    ]
    return f"const PROGRAMS = {json.dumps(rows, separators=(',', ':'))};\n"


def _name(language: Language, software: str) -> str:
    if software == ROUTER:
        return language.say("Router, camera or other device")
    return PRODUCTS[software].name


def _kinds(probes: Iterable[Probe]) -> list[str]:
    named = {closing_kind(probe) for probe in probes}
    return [kind for kind in closing_kinds() if kind in named]


def _closes(closing: Closing, kind: str) -> bool:
    return kind in _kinds(closing.closes)


def _meaning(language: Language, kind: str) -> str:
    return {
        "mail-relay": language.say(
            "A mail server that takes mail from anyone on the internet and sends it on to anyone."
        ),
        "http-proxy": language.say(
            "A proxy, or a web server that was made one, which fetches pages and opens connections "
            "for anyone."
        ),
        "socks-proxy": language.say(
            "A proxy that opens connections to anywhere for anyone, mail servers among them."
        ),
        "telnet-gateway": language.say(
            "A prompt that connects anyone who asks to anywhere; old, rare, and mostly forgotten."
        ),
    }[kind]
