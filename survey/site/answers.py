"""Sentences of the pages that answer: how a case stands, what happened, what a test said."""

from dataclasses import dataclass
from datetime import datetime

from survey.model.address import format_ip
from survey.model.case import Closing, Happened
from survey.model.letter import LetterKind
from survey.model.site import closing_kind
from survey.model.software import PRODUCTS
from survey.site.desk import (
    Answer,
    Asked,
    CaseSheet,
    Event,
    Look,
    OwnResult,
    OwnSheet,
    ServerSheet,
)
from survey.site.programs import kind_name
from survey.wording.language import Language


@dataclass(frozen=True, slots=True)
class ServerWords:
    """One server of a case, as text."""

    name: str
    address: str
    finding: str
    first: str
    last: str
    exit: str
    software: str
    look: str
    evidence: tuple[str, ...]
    waiting: str


def server_words(language: Language, server: ServerSheet) -> ServerWords:
    """What its section says."""
    return ServerWords(
        name=server.name,
        address=f"{format_ip(server.ip)}:{server.port}",
        finding=kind_name(language, closing_kind(server.probe)),
        first=language.moment(server.first_seen),
        last=language.moment(server.last_open),
        exit=server.exit,
        software=PRODUCTS[server.software].name if server.software in PRODUCTS else "",
        look=_looked(language, server.look, server.looked_at),
        evidence=server.evidence,
        waiting=_waiting(language, server),
    )


def case_state(language: Language, sheet: CaseSheet) -> str:
    """How a case stands, in one sentence."""
    say = language.say
    if sheet.opted_out:
        return say("You opted out: nothing is sent to these addresses any more.")
    looked = [one.looked_at for one in sheet.servers if one.look is Look.CLOSED and one.looked_at]
    if sheet.closed_at is None and looked and len(looked) == len(sheet.servers):
        day = language.day(max(looked))  # the case itself is closed when letters are planned
        return say("It is closed: our tests found it so on %(day)s. Thank you.", day=day)
    if sheet.closed_at is None:
        if sheet.relay:
            return say(
                "The mail server is an open relay as far as we know. We ask you to close it."
            )
        return say("The server is an open proxy as far as we know. We ask you to close it.")
    day = language.day(sheet.closed_at)
    if sheet.closed_by in {Closing.FIXED, Closing.RETEST}:
        return say("It is closed: our tests found it so on %(day)s. Thank you.", day=day)
    return say("This case was closed on %(day)s, since nothing was heard of the server.", day=day)


def event_words(language: Language, event: Event) -> tuple[str, str]:
    """When and what."""
    return language.moment(event.at), _happened(language, event)


def said(language: Language, answer: Answer, what: str) -> str:
    """What became of a wish."""
    say = language.say
    if answer is Answer.DONE:
        return {
            "test": say("It is queued. Come back in some minutes: the result is shown here."),
            "not-mine": say("Thank you. A person reads it."),
            "stop": say("Done: no further letter about this case goes out."),
            "opt-out": say("Done: it is in force, in a running survey within seconds."),
        }.get(what, "")
    return {
        Answer.TOO_SOON: say("That was asked for a moment ago, or too often today. Try later."),
        Answer.BUSY: say("Too many people ask at this moment. Try again in an hour."),
        Answer.NOT_PLANNED: say(
            "This address is in no survey of ours at present, or has opted out, so it can’t be "
            "tested."
        ),
        Answer.WRONG: say("That can’t be used as it is written. Please look at it again."),
        Answer.NOT_FOUND: say(
            "We don’t see the record yet. Name servers may need an hour; try again then."
        ),
        Answer.NO_ANSWER: say("The name server did not answer. Try again in some minutes."),
    }[answer]


def own_state(language: Language, sheet: OwnSheet) -> str:
    """How the test of an own address stands."""
    say = language.say
    if sheet.asked is Asked.WAITING:
        return say("The test is queued or under way. Load this page again in some minutes.")
    if sheet.asked is Asked.DROPPED:
        return say("The test could not be made.")
    if any(one.look is Look.OPEN for one in sheet.results):
        return say("Something is open to strangers. Below it says where.")
    return say("We found nothing that is open to strangers.")


def own_result(language: Language, result: OwnResult) -> tuple[int, str]:
    """One port, explained."""
    say = language.say
    if result.look is Look.OPEN:
        if result.relay:
            text = say("an open mail relay. It passed a message of a stranger’s on: close it.")
        else:
            text = say("an open proxy. It opened a connection for a stranger: close it.")
    elif result.look is Look.CLOSED:
        text = say("closed to strangers. It answered, and refused what it should refuse.")
    else:
        text = say("nothing found. It did not answer, or not in a way that says anything.")
    return result.port, text


def _looked(language: Language, look: Look | None, at: datetime | None) -> str:
    say = language.say
    if look is None or at is None:
        return say("none since it was proven")
    when = language.moment(at)
    return {
        Look.OPEN: say("open, %(when)s", when=when),
        Look.CLOSED: say("closed to strangers, %(when)s", when=when),
        Look.UNKNOWN: say("no answer that says anything, %(when)s", when=when),
    }[look]


def _waiting(language: Language, server: ServerSheet) -> str:
    if server.asked is not Asked.WAITING or server.asked_at is None:
        return ""
    return language.say(
        "A test was asked for, %(when)s. Load this page again in some minutes.",
        when=language.moment(server.asked_at),
    )


def _happened(language: Language, event: Event) -> str:
    say = language.say
    if event.what is Happened.SENT:
        return {
            LetterKind.FIRST_NOTICE: say("We wrote to you."),
            LetterKind.REMINDER: say("We wrote again."),
            LetterKind.THANKS: say("We wrote to thank you."),
            LetterKind.ESCALATION: say("We wrote to the authority that is responsible."),
        }[event.letter or LetterKind.FIRST_NOTICE]
    return {
        Happened.OPENED: say("The case was opened."),
        Happened.ANSWERED: say("Your answer arrived."),
        Happened.CLOSED: say("The case was closed."),
        Happened.CONFIRMED: say("A second test on another day found it closed, too."),
        Happened.REOPENED: say("It was found open again."),
    }[event.what]
