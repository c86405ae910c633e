"""The pages that answer, as HTML: a case, an own test, what is lost."""

from functools import lru_cache
from typing import Any

from survey.closing.instructions import closings
from survey.model.address import format_ip
from survey.model.language import choose_language
from survey.model.site import closing_kind, control_record
from survey.model.software import PRODUCTS
from survey.site import answers
from survey.site.build import assets_of, environment, shared
from survey.site.desk import Answer, Asked, CaseSheet, OwnSheet, ServerSheet
from survey.site.facts import Facts, Piece
from survey.site.languages import speak
from survey.site.programs import kind_name
from survey.wording.language import SOURCE, Language

_REMEMBERED = 4096
"""Pages that are kept as they were made; nothing in a page is secret from its own reader."""


class Answering:
    """Makes pages; the same page for the same sheet is made once."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        assets = {name: at for name, (at, _) in assets_of(facts).items()}
        self._languages = {code: speak(code) for code in facts.guides}
        self._shared = {
            code: shared(facts, language, assets) for code, language in self._languages.items()
        }
        self.root: str = self._shared[SOURCE]["root"]
        self.case = lru_cache(_REMEMBERED)(self._case)

    @property
    def languages(self) -> tuple[str, ...]:
        """In which pages can be made."""
        return tuple(self._languages)

    def language_for(self, wanted: tuple[str, ...]) -> str:
        """The first of these that pages are written in, else English."""
        return choose_language(wanted, self._languages)

    def own_test(self, code: str, address: str, answer: Answer | None, *, other: bool) -> str:
        """The page on which one asks; ``other``: also for another address than one's own."""
        language = self._languages[code]
        return self._page(
            code,
            "own-test.html",
            "own-test",
            address=address,
            other=other,
            act=f"{self.root}{code}/own-test/",
            said=answers.said(language, answer, "own-test") if answer else "",
        )

    def own_address(self, code: str, path: str, ip: int, token: str, answer: Answer | None) -> str:
        """The page that says which record shows control of an address."""
        language = self._languages[code]
        return self._page(
            code,
            "own-address.html",
            path,
            address=format_ip(ip),
            record=f'{control_record(ip)}. TXT "{token}"',
            act=f"{self.root}{code}/{path}/",
            said=answers.said(language, answer, "own-test") if answer else "",
        )

    def own_result(self, code: str, path: str, sheet: OwnSheet) -> str:
        """The page that shows what was found."""
        language = self._languages[code]
        return self._page(
            code,
            "own-result.html",
            path,
            address=format_ip(sheet.ip),
            asked_at=language.moment(sheet.asked_at),
            state=answers.own_state(language, sheet),
            results=[answers.own_result(language, one) for one in sheet.results],
        )

    def stop(self, code: str, path: str, answer: Answer | None) -> str:
        """The page behind a letter's List-Unsubscribe."""
        language = self._languages[code]
        return self._page(
            code,
            "stop.html",
            path,
            act=f"{self.root}{code}/{path}",
            said=answers.said(language, answer, "stop") if answer else "",
        )

    def lost(self, code: str) -> str:
        """There is no such page, or one does not say so."""
        return self._page(code, "lost.html", None)

    def _case(
        self, code: str, path: str, sheet: CaseSheet, answer: Answer | None, what: str
    ) -> str:
        language = self._languages[code]
        name, steps = self._guide(code, language, sheet)
        waits = any(one.asked is Asked.WAITING for one in sheet.servers)
        if answer is Answer.DONE and what == "test" and not waits:
            answer = None  # the page's address still says that it is queued
        return self._page(
            code,
            "case.html",
            path,
            sheet=sheet,
            said=answers.said(language, answer, what) if answer else "",
            state=answers.case_state(language, sheet),
            servers=[answers.server_words(language, one) for one in sheet.servers],
            history=[answers.event_words(language, one) for one in sheet.history],
            guide={"name": name, "steps": steps},
            act=f"{self.root}{code}/{path}/",
        )

    def _guide(
        self, code: str, language: Language, sheet: CaseSheet
    ) -> tuple[str, tuple[Piece, ...]]:
        """Steps for the program that named itself, else for the kind of server."""
        guides = self._facts.guides[code]
        for server in sheet.servers:
            if _is_for(server):
                return PRODUCTS[server.software].name, guides.programs[server.software]
        kind = "mail-relay" if sheet.relay else "http-proxy"
        if sheet.servers:
            kind = closing_kind(sheet.servers[0].probe)
        return kind_name(language, kind), guides.kinds[kind]

    def _page(self, code: str, template: str, path: str | None, **more: Any) -> str:
        def page_in(other: str) -> str:
            return f"{self.root}{other}/{path}/" if path else f"{self.root}{other}/"

        known = self._shared[code] | {"here": path, "page_in": page_in} | more
        return environment().get_template(template).render(known)


def _is_for(server: ServerSheet) -> bool:
    closing = closings().get(server.software)
    return closing is not None and server.probe in closing.closes
