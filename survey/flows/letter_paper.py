"""A planned letter on its agency's paper: the words that were planned, and no others."""

from survey.errors import MessageError
from survey.flows.cases import CaseDesk, facts_of
from survey.flows.letter_content import Means, compose, recipient_of
from survey.model.case import OutboxLetter


class Papers:
    """Puts letters of one campaign on paper.

    Args:
        desk: The campaign's.
        means: What its letters are made with.
    """

    def __init__(self, desk: CaseDesk, means: Means) -> None:
        self._desk, self._means, self._facts = desk, means, facts_of(desk)

    def of(self, letter: OutboxLetter) -> bytes:
        """The PDF, to be posted.

        Only words are kept of a letter, so it is composed once more, and compared.

        Raises:
            MessageError: It would say something else by now; plan anew.
            ConfigError: The agency's logo can't be used.
        """
        case = self._desk.cases.get(letter.case)
        findings = self._desk.cases.findings_of(case.number)
        letters = {one.kind: one for one in self._desk.outbox.letters(case=case.number)}
        content = compose(
            self._desk,
            self._facts,
            case,
            findings,
            letter.kind,
            letters,
            self._means,
            recipient_of(self._desk, self._facts, case, findings, letter.kind),
            letter.planned_at,
        )
        if content.sha256 != letter.sha256:
            raise MessageError(
                f"{letter.case} {letter.kind}: it would say something else by now; "
                "run `survey notify plan`"
            )
        return content.paper()
