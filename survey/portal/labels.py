"""How the portal's pages call what the tables have words of their own for."""

from survey.model.case import CaseState, Closing, Happened
from survey.model.episode import ExposureKind
from survey.model.letter import LetterKind, LetterState
from survey.model.portal import Scope
from survey.model.wish import WishKind
from survey.wording.language import Language


def labels(language: Language) -> dict[str, str]:
    """A word of ours by what it is in the tables; what is not in it is shown as it is."""
    say = language.say
    return {
        **_cases(language),
        LetterKind.FIRST_NOTICE.value: say("first notice"),
        LetterKind.REMINDER.value: say("reminder"),
        LetterKind.THANKS.value: say("thanks"),
        LetterKind.ESCALATION.value: say("escalation"),
        LetterState.PLANNED.value: say("planned"),
        LetterState.APPROVED.value: say("approved"),
        LetterState.SENDING.value: say("being sent"),
        LetterState.SENT.value: say("sent"),
        LetterState.BOUNCED.value: say("bounced"),
        LetterState.ANSWERED.value: say("answered"),
        LetterState.SUPPRESSED.value: say("suppressed"),
        Happened.AUTO_REPLY.value: say("automatic reply"),
        Happened.DELAYED.value: say("delivery delayed"),
        Happened.COMPLAINT.value: say("complaint"),
        Happened.STOPPED.value: say("no more letters wanted"),
        WishKind.TEST.value: say("test again"),
        WishKind.NOT_MINE.value: say("not my server"),
        WishKind.OPT_OUT.value: say("opt-out"),
        Scope.REPORTS.value: say("reports"),
        Scope.FEEDS.value: say("lists of servers"),
        Scope.CASES.value: say("cases"),
        Scope.QUERY.value: say("findings"),
    }


def _cases(language: Language) -> dict[str, str]:
    say = language.say
    return {
        ExposureKind.RELAY.value: say("mail relay"),
        ExposureKind.PROXY.value: say("proxy"),
        CaseState.OPEN.value: say("open"),
        CaseState.CLOSED.value: say("closed"),
        CaseState.MERGED.value: say("merged"),
        Closing.FIXED.value: say("fixed"),
        Closing.RETEST.value: say("found closed by a test"),
        Closing.LOST.value: say("not seen any more"),
        Closing.OPTED_OUT.value: say("opted out"),
        Closing.CENSORED.value: say("past its period"),
        Happened.DRAWN.value: say("drawn by lot"),
        Happened.FROZEN.value: say("no further finding comes in"),
        Happened.SPLIT.value: say("divided"),
        Happened.CONTACT.value: say("another contact"),
        Happened.LAPSED.value: say("to be approved again"),
        Happened.HANDING.value: say("handed over"),
        Happened.BACK.value: say("did not go out"),
        Happened.SETTLED.value: say("settled by a person"),
        Happened.UNPROVEN.value: say("unproven answer"),
        Happened.OPENED.value: say("opened"),
        Happened.FOUND.value: say("a finding came in"),
        Happened.LEFT.value: say("a finding went out"),
        Happened.CLOSED.value: say("closed"),
        Happened.CONFIRMED.value: say("closed for certain"),
        Happened.REOPENED.value: say("open again"),
    }
