"""Which connection of a relay test follows another: what is left to try, and whether it may be.

A server is left alone as soon as it has taken a message or refused one, has shown that it is no
place for any envelope of ours, or has made us wait too long.  One that hung up at a refusal, or
refused DATA, hears the rest in the next connection; there are never more than groups of forms.
"""

from collections.abc import Sequence

from survey.model.failure import Failure
from survey.model.observation import Step
from survey.protocols.envelopes import Form
from survey.protocols.relay import CLOSING, Offer, Outcome

_HUNG_UP = frozenset({None, Failure.CLOSED, Failure.RESET})
_NO_MAIL = frozenset({521, 556})  # RFC 7504
_AUTHENTICATE = frozenset({530, 538})  # RFC 4954 s6


class Course:
    """The connections of one relay test.

    Args:
        groups: The forms, connection by connection (``envelopes.connections``).
    """

    def __init__(self, groups: Sequence[tuple[Form, ...]]) -> None:
        self._groups = list(groups)
        self._connections = len(groups)

    def wanted(self) -> tuple[Form, ...]:
        """What the next connection is to try; none once the test is over."""
        return self._groups[0] if self._groups and self._connections else ()

    def heard(self, outcome: Outcome) -> None:
        """A connection is over: plan the next."""
        self._connections -= 1
        if _is_enough(outcome.offers):
            self._groups.clear()
        elif outcome.left:
            self._groups[0] = outcome.left
        else:
            del self._groups[0]


def _is_enough(offers: Sequence[Offer]) -> bool:
    """Whether a server that answered so is left alone."""
    last = offers[-1].answer
    return (
        not offers[-1].tried
        or last.failure not in _HUNG_UP
        or last.step is Step.SENT
        or (last.step is Step.ACCEPTED and last.failure is not None)
        or last.refused_at in ("MESSAGE", "STARTTLS", "EHLO")
        or last.code == CLOSING
        or last.code in _NO_MAIL
        or all(_wants_login(offer) for offer in offers)
    )


def _wants_login(offer: Offer) -> bool:
    """Whether it takes no sender from who has not authenticated."""
    return offer.answer.refused_at == "MAIL" and offer.answer.code in _AUTHENTICATE
