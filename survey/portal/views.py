"""The portal's pages for people, as HTML; every stranger's word is escaped here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from survey.model.language import choose_language, direction
from survey.model.portal import Scope
from survey.portal.desk import (
    AnswerSheet,
    CaseRow,
    CaseSheet,
    Count,
    FindingRow,
    Findings,
    OptOutSheet,
    Page,
    Reader,
    ReportSheet,
)
from survey.portal.labels import labels
from survey.portal.languages import own_name, speak, written
from survey.wording.language import Language


@dataclass(frozen=True, slots=True)
class Place:
    """Which page it is, for whom.

    Attributes:
        code: Its language, one of ``written()``.
        here: Its path below the language.
        reader: Who reads it, or None before the login.
        token: What its forms give back.
    """

    code: str
    here: str
    reader: Reader | None = None
    token: str = ""


class Views:
    """Makes the pages of a portal at ``base``."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._languages = {code: speak(code) for code in written()}
        self._names = [(code, one.tag, own_name(one)) for code, one in self._languages.items()]

    @property
    def codes(self) -> frozenset[str]:
        """Every language that there is."""
        return frozenset(self._languages)

    def language_for(self, wanted: Sequence[str]) -> str:
        """The first of these that pages are written in, else English."""
        return choose_language(tuple(wanted), self._languages)

    def login(self, place: Place, *, failed: bool) -> str:
        """Where a key is given."""
        return self._page(place, "login", failed=failed)

    def home(self, place: Place, page: Page[ReportSheet] | None) -> str:
        """What the key opens, and the reports; None if it opens none."""
        language, reader = self._languages[place.code], place.reader
        assert reader is not None
        known = labels(language)
        return self._page(
            place,
            "home",
            opens=language.listed([known[one] for one in sorted(reader.key.scopes)]),
            until=language.moment(reader.key.expires_at),
            may=page is not None,
            items=[_report(language, one) for one in page.items] if page else [],
            next=_next(page, {}) if page else "",
        )

    def findings(
        self, place: Place, asked: Mapping[str, str], found: Findings | None, wrong: str = ""
    ) -> str:
        """Open findings."""
        language = self._languages[place.code]
        rows = found.page.items if found else ()
        return self._page(
            place,
            "findings",
            asked=_asked(asked),
            wrong=wrong,
            run=found.run if found else None,
            shown=language.count(
                "%(n)s finding on this page", "%(n)s findings on this page", len(rows)
            ),
            items=[_finding(language, one) for one in rows],
            next=_next(found.page, asked) if found else "",
        )

    def cases(
        self, place: Place, asked: Mapping[str, str], page: Page[CaseRow] | None, wrong: str = ""
    ) -> str:
        """Cases."""
        language = self._languages[place.code]
        known, rows = labels(language), page.items if page else ()
        return self._page(
            place,
            "cases",
            asked=_asked(asked),
            wrong=wrong,
            shown=language.count("%(n)s case on this page", "%(n)s cases on this page", len(rows)),
            items=[_case(language, known, one) for one in rows],
            next=_next(page, asked) if page else "",
        )

    def case(self, place: Place, sheet: CaseSheet) -> str:
        """One case."""
        language, row = self._languages[place.code], sheet.row
        known = labels(language)
        shown = _case(language, known, row)
        facts = [
            (language.say("Kind"), shown["kind"]),
            (language.say("State"), shown["state"]),
            (language.say("Network"), shown["network"]),
            (language.say("Opened"), shown["opened"]),
            (language.say("Closed"), language.moment(row.closed_at) if row.closed_at else ""),
            (language.say("Operator’s mailbox"), row.contact),
        ]
        return self._page(
            place,
            "case",
            number=row.number,
            ours=row.ours,
            facts=[(name, value) for name, value in facts if value],
            servers=[
                {
                    "ip": one.ip,
                    "port": one.port,
                    "probe": one.probe,
                    "since": language.moment(one.added_at),
                }
                for one in row.servers
            ],
            letters=[
                (
                    _joined(language, known, (one.kind, one.state)),
                    language.moment(one.sent_at) if one.sent_at else "",
                )
                for one in sheet.letters
            ],
            history=[
                (language.moment(one.at), _joined(language, known, (one.letter, one.what)))
                for one in sheet.history
            ],
        )

    def counts(self, place: Place, optouts: OptOutSheet | None, answers: AnswerSheet | None) -> str:
        """Opt-outs and answers; None what the key does not open."""
        language = self._languages[place.code]
        return self._page(
            place,
            "counts",
            optouts=_optouts(language, optouts) if optouts else None,
            answers=_answers(language, answers) if answers else None,
        )

    def trouble(self, place: Place, status: int) -> str:
        """What went wrong, without a word about what there is."""
        say = self._languages[place.code].say
        title, text = {
            403: (say("Not for this key"), say("Your key does not open this.")),
            404: (say("Not found"), say("There is no such thing that your key may see.")),
            409: (
                say("Withdrawn"),
                say("This report names an address that opted out since. It is to be made again."),
            ),
            429: (say("Too often"), say("Please wait a moment.")),
            503: (say("Not now"), say("This can’t be told at the moment. Please try again later.")),
        }.get(status, (say("This won’t do"), say("The request can’t be understood.")))
        return self._page(place, "trouble", title=title, text=text)

    def _page(self, place: Place, template: str, **more: Any) -> str:
        language = self._languages[place.code]
        below = f"{self._base}/{place.code}/"
        return (
            _environment()
            .get_template(f"{template}.html")
            .render(
                base=self._base,
                code=place.code,
                tag=language.tag,
                direction=direction(place.code),
                say=language.say,
                own_name=own_name(language),
                languages=self._names,
                here=place.here,
                to=lambda path: f"{below}{path}",
                menu=_menu(language, place.reader),
                reader=place.reader,
                token=place.token,
                **more,
            )
        )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(__package__ or "survey.portal", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _menu(language: Language, reader: Reader | None) -> list[tuple[str, str]]:
    """The pages that the key opens."""
    opens = reader.key.scopes if reader else frozenset()
    pages = [("", language.say("Reports"), set(Scope))]
    pages += [("findings", language.say("Findings"), {Scope.QUERY})]
    pages += [("cases", language.say("Cases"), {Scope.CASES})]
    pages += [("counts", language.say("Opt-outs and answers"), {Scope.QUERY, Scope.CASES})]
    return [(path, label) for path, label, scopes in pages if opens & scopes]


def _asked(asked: Mapping[str, str]) -> dict[str, str]:
    return {name: asked.get(name, "")[:100] for name in ("address", "network", "asn", "port")}


def _next(page: Page[Any], asked: Mapping[str, str]) -> str:
    """Where the list goes on, as a query on the same page."""
    return f"?{urlencode({**asked, 'after': page.after})}" if page.after else ""


def _report(language: Language, one: ReportSheet) -> dict[str, Any]:
    tested = language.count("%(n)s address tested", "%(n)s addresses tested", one.addresses_tested)
    out = language.count("%(n)s opted out", "%(n)s opted out", one.addresses_opted_out)
    return {
        "period": one.period,
        "made": language.say("Made on %(when)s", when=language.moment(one.generated_at)),
        "counts": f"{tested} · {out}",
        "files": [
            {
                "name": file.name,
                "format": file.format,
                "rows": "" if file.rows is None else language.number(file.rows),
                "bytes": language.number(file.bytes),
            }
            for file in one.files
        ],
    }


def _finding(language: Language, one: FindingRow) -> dict[str, Any]:
    elsewhere = language.say("outside your jurisdiction")
    return {
        "ip": one.ip,
        "port": one.port,
        "probe": one.probe,
        "rung": one.rung,
        "network": _network(one.asn, one.network),
        "last": language.moment(one.last_seen),
        "exit": one.egress_ip or (elsewhere if one.egress_elsewhere else ""),
        "banner": one.banner,
    }


def _case(language: Language, known: Mapping[str, str], one: CaseRow) -> dict[str, Any]:
    return {
        "number": one.number,
        "kind": known.get(one.kind, one.kind),
        "state": _joined(language, known, (one.state, one.closed_by)),
        "network": _network(one.asn, one.network),
        "servers": language.number(len(one.servers)),
        "opened": language.moment(one.opened_at),
    }


def _joined(language: Language, known: Mapping[str, str], words: Sequence[str | None]) -> str:
    """What it is, and more of it if there is more, in the words of the pages."""
    first, *rest = [known.get(word, word) for word in words if word]
    for more in rest:
        # i18n: e.g. "first notice: sent"; languages differ in the colon and the space around it
        first = language.say("%(what)s: %(more)s", what=first, more=more)
    return first


def _network(asn: int | None, name: str) -> str:
    return " ".join(part for part in (f"AS{asn}" if asn else "", name) if part)


def _optouts(language: Language, sheet: OptOutSheet) -> dict[str, Any]:
    all_ = language.count(
        "%(n)s address of your jurisdiction opted out.",
        "%(n)s addresses of your jurisdiction opted out.",
        sheet.addresses,
    )
    planned = language.count(
        "The newest run would have tested %(n)s of them.",
        "The newest run would have tested %(n)s of them.",
        sheet.of_newest_run,
    )
    return {
        "said": language.together([all_, planned]),
        "prefixes": sheet.prefixes,
        "elsewhere": language.count(
            "%(n)s address in other places, which are not named.",
            "%(n)s addresses in other places, which are not named.",
            sheet.elsewhere,
        ),
        "months": [
            (one.month, language.number(one.wishes), language.number(one.addresses))
            for one in sheet.months
        ],
    }


def _answers(language: Language, sheet: AnswerSheet) -> list[tuple[str, list[tuple[str, str]]]]:
    known = labels(language)

    def counted(counts: Sequence[Count]) -> list[tuple[str, str]]:
        return [
            (_joined(language, known, one.what.split(" ")), language.number(one.number))
            for one in counts
        ]

    return [
        (language.say("Cases"), counted(sheet.cases)),
        (language.say("Letters"), counted(sheet.letters)),
        (language.say("What came back"), counted(sheet.answers)),
        (language.say("What operators asked for"), counted(sheet.wishes)),
    ]
