"""The whole site as files: every page in every language, and what they share."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

from survey.model.address import format_ip
from survey.model.agency import Agency
from survey.model.language import direction
from survey.model.probe import Probe
from survey.model.retention import Retention
from survey.site.facts import Facts
from survey.site.figures_page import figures_page
from survey.site.folder import MARK
from survey.site.languages import own_name, speak
from survey.site.policy import POLICY
from survey.site.programs import kinds_in, programs_in, search_script
from survey.wording.language import SOURCE, Language

_PROBES = {
    Probe.SMTP_RELAY: "SMTP",
    Probe.HTTP_CONNECT: "HTTP CONNECT",
    Probe.HTTP_GET: "HTTP GET",
    Probe.HTTP_POST: "HTTP POST",
    Probe.SOCKS4: "SOCKS 4",
    Probe.SOCKS4A: "SOCKS 4a",
    Probe.SOCKS5: "SOCKS 5",
    Probe.TELNET: "Telnet",
}
_MARK_LENGTH = 10


@dataclass(frozen=True, slots=True)
class Other:
    """A language that a page is also there in."""

    code: str
    tag: str
    name: str


def root_of(page: str) -> str:
    """Where the site begins on its host, as a path with ``/`` at both ends."""
    return f"{urlsplit(page).path.rstrip('/')}/"


def site_files(facts: Facts) -> dict[str, bytes]:
    """Every file by its path below the site's root; those of ``.well-known`` are not among them."""
    assets = assets_of(facts)
    made = {name: data.encode() for name, data in assets.values()}
    for code in facts.guides:
        for path, page in _pages(facts, code, {name: at for name, (at, _) in assets.items()}):
            made[path] = page.encode()
    made["robots.txt"] = b"User-agent: *\nDisallow: /case/\n"
    made[MARK] = json.dumps(
        {"made_at": facts.made_at.isoformat(timespec="seconds"), "languages": sorted(facts.guides)},
        indent=2,
    ).encode()
    return made


def _pages(facts: Facts, code: str, assets: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(path below the root, HTML) of each page in one language."""
    guides = facts.guides[code]
    language = speak(code)
    below = "" if code == SOURCE else f"{code}/"
    known = shared(facts, language, assets)

    def page(template: str, path: str, **more: object) -> tuple[str, str]:
        place = f"{below}{path}/" if path else below
        text = environment().get_template(template).render(known | _place(known, path) | more)
        return f"{place}index.html", text

    programs = programs_in(language, guides)
    kinds = kinds_in(language, guides)
    for path, _ in known["menu"]:
        if path == "own-test":
            continue  # it answers, and is no file
        yield page(f"{path or 'index'}.html", path, programs=programs, kinds=kinds)
    for kind in kinds:
        yield page("kind.html", f"close/{kind.id}", kind=kind)
    for program in programs:
        yield page("program.html", f"close/{program.id}", program=program)
    yield (
        f"{below}404.html",
        environment().get_template("lost.html").render(known | _place(known, "", lost=True)),
    )


def _place(shared: Mapping[str, Any], path: str, *, lost: bool = False) -> dict[str, object]:
    """What depends on which page it is; a page that is lost is none of them."""
    root: str = shared["root"]

    def page_in(code: str) -> str:
        below = "" if code == SOURCE else f"{code}/"
        return f"{root}{below}{path}/" if path else f"{root}{below}"

    return {"here": None if lost else path, "page_in": page_in}


def shared(facts: Facts, language: Language, assets: Mapping[str, str]) -> dict[str, Any]:
    """What every page of a language may name."""
    campaign = facts.campaign
    root = root_of(campaign.identity.page)
    below = "" if language.code == SOURCE else f"{language.code}/"
    authority = campaign.authority
    return {
        "c": campaign,
        "code": language.code,
        "tag": language.tag,
        "direction": direction(language.code),
        "say": language.say,
        "own_name": own_name(language),
        "languages": [_other(code) for code in sorted(facts.guides)],
        "policy": POLICY,
        "root": root,
        "to": lambda path: f"{root}{below}{path}/" if path else f"{root}{below}",
        "asset": lambda name: f"{root}{assets[name]}",
        "menu": _menu(language, figures=facts.figures is not None, served=facts.served),
        "figures": figures_page(language, facts.figures) if facts.figures else None,
        "day": language.day(facts.made_at),
        "n_agencies": language.count(
            "%(n)s agency takes part.", "%(n)s agencies take part.", len(facts.agencies)
        ),
        "by_country": _by_country(facts.agencies, language),
        "authority_name": _authority_name(facts),
        "valid_until": language.day(authority.valid_until) if authority else "",
        "questions": _questions(language),
        "addresses": [format_ip(ip) for ip in campaign.identity.source_addresses],
        "ports": _ports(port for _, table in campaign.probes.chosen for port in _ports_of(table)),
        "rate": language.number(campaign.rate.packets_per_second),
        "per_24": _number(language, campaign.rate.per_24_per_second),
        "per_host": campaign.rate.per_host_connections,
        "probes": [
            {
                "id": probe.value,
                "name": _PROBES[probe],
                "ports": _ports(_ports_of(table)),
                "sent": _sent(facts, probe),
            }
            for probe, table in campaign.probes.chosen
        ],
        "periods": _periods(language, campaign.retention.periods),
    }


def _menu(language: Language, *, figures: bool, served: bool) -> tuple[tuple[str, str], ...]:
    """The pages that are everywhere: path and name."""
    pages = (
        ("", language.say("Start")),
        ("close", language.say("Close it")),
        ("letter", language.say("Is it genuine?")),
        ("scanning", language.say("How we scan")),
        ("own-test", language.say("Test yours")),
        ("opt-out", language.say("Opt out")),
        ("figures", language.say("Figures")),
        ("agencies", language.say("Agencies")),
        ("privacy", language.say("Privacy")),
        ("contact", language.say("Contact")),
    )
    left_out = {"" if figures else "figures", "" if served else "own-test"} - {""}
    return tuple(one for one in pages if one[0] not in left_out)


def _questions(language: Language) -> tuple[tuple[str, str], ...]:
    """The six questions, and what to do if the answer is the wrong one."""
    say = language.say
    return (
        (
            say("Can the server be reached from networks that are not yours, and must it be?"),
            say("If not: let it listen on an inner address, or keep strangers out by a firewall."),
        ),
        (
            say("Does it run a version that its makers still look after?"),
            say("If not: replace it. Old versions are open in ways that no setting closes."),
        ),
        (
            say("Are all patches of the program and of the system under it installed?"),
            say("If not: install them, and let them come by themselves from now on."),
        ),
        (
            say("Does it serve only networks that you have named, and people who log in?"),
            say("If not: that is what makes it open. Close it by the steps on this site."),
        ),
        (
            say("Does somebody look for strangers in its log and its queue?"),
            say("If not: name a person and a day of the week, or let a program watch and warn."),
        ),
        (
            say("Is there a mailbox abuse@ at your domain, and does somebody read it?"),
            say("If not: set it up. It is where others tell you first that something is wrong."),
        ),
    )


def _periods(language: Language, kept: Retention) -> list[tuple[str, str]]:
    """What is kept, and for how many days, the shortest first."""
    say = language.say
    rows = [
        (say("What servers said in our tests, word for word"), kept.evidence),
        (say("What was seen of single addresses"), kept.observations),
        (say("What arrived at our own test server"), kept.arrivals),
        (say("Whether a server was open"), kept.findings),
        (say("Mailboxes of those who answer for networks"), kept.contacts),
        (say("What public databases say about addresses"), kept.listings),
        (say("Reports and letters"), kept.reports),
        (say("What people wrote to us"), kept.mail),
        (say("Who exported what"), kept.audit),
    ]
    return [(what, language.number(days)) for what, days in sorted(rows, key=lambda row: row[1])]


def _by_country(agencies: tuple[Agency, ...], language: Language) -> list[tuple[str, list[Agency]]]:
    """Agencies by their country's name in the reader's language, then by their own."""
    named = sorted(
        ((language.country(agency.country), agency) for agency in agencies),
        key=lambda pair: (pair[0], pair[1].name),
    )
    return [
        (country, [agency for _, agency in some])
        for country, some in groupby(named, key=lambda pair: pair[0])
    ]


def _authority_name(facts: Facts) -> str:
    """The agency on whose authority we act, as it signs; its id if it takes part no more."""
    if facts.campaign.authority is None:
        return ""
    wanted = facts.campaign.authority.agency
    return next((one.name for one in facts.agencies if one.id == wanted), wanted)


def _number(language: Language, value: float) -> str:
    """With as many decimals as it has."""
    places = len(f"{value:f}".rstrip("0").partition(".")[2])
    return language.decimal(value, places) if places else language.number(value)


def _other(code: str) -> Other:
    language = speak(code)
    return Other(code, language.tag, own_name(language))


def _ports_of(table: Any) -> tuple[int, ...]:
    return (*table.ports, *getattr(table, "tls_ports", ()))


def _ports(ports: Iterator[int] | tuple[int, ...]) -> str:
    return ", ".join(map(str, sorted(set(ports))))


def _sent(facts: Facts, probe: Probe) -> str:
    """What a probe sends, with the campaign's own names in it."""
    said = facts.campaign.identity
    text = (files(__package__) / "sent" / f"{probe}.txt").read_text(encoding="utf-8")
    for stands, real in (
        ("probe.example", said.helo),
        ("<page>", said.page),
        ("<contact>", f"<{said.contact}>" if probe.is_relay else said.contact),
        ('"<operator>"', f'"{said.operator}"'),
    ):
        text = text.replace(stands, real)
    return text.rstrip("\n")


def assets_of(facts: Facts) -> dict[str, tuple[str, str]]:
    """(path, text) of what pages share, by name; a path changes with the text, for caches."""
    texts = {
        "site.css": _own("site.css"),
        "close.js": _own("close.js"),
        "programs.js": search_script(facts),
    }
    return {name: (f"assets/{_marked(name, text)}", text) for name, text in texts.items()}


def _marked(name: str, text: str) -> str:
    mark = hashlib.sha256(text.encode()).hexdigest()[:_MARK_LENGTH]
    stem, _, ending = name.rpartition(".")
    return f"{stem}.{mark}.{ending}"


def _own(name: str) -> str:
    return (files(__package__) / "assets" / name).read_text(encoding="utf-8")


@cache
def environment() -> Environment:
    """The templates of the site: everything is escaped, a fact that is missing is an error."""
    return Environment(
        loader=PackageLoader(__package__ or "survey.site", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
