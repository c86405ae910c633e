"""One click (RFC 8058): who has a letter's address for it wants no more of them."""

from datetime import datetime

from survey.errors import ConfigError
from survey.flows.case_contacts import Reach
from survey.model.letter import LetterKind
from survey.notify.letter_token import read_token
from survey.storage.cases import Cases
from survey.storage.ledger import Ledger
from survey.storage.outbox import Outbox


def stop_letters(
    ledger: Ledger, reach: Reach | None, key: bytes, token: str, now: datetime
) -> bool:
    """No more letters about the case, and none to the mailbox; in force when this returns.

    It waits for nobody: who sends meanwhile asks right before each message.

    Args:
        ledger: The ledger.
        reach: Whose suppression list gets the mailbox; None: only the case is stopped.
        key: The secret that letters' tokens are made with.
        token: What stands in the address.
        now: UTC.

    Returns:
        Whether the token is one of ours; of the letter that it names nothing is told.

    Raises:
        GateClosedError: The suppression list can't be written.
        StorageError: The ledger can't be written.
    """
    named = read_token(key, token)
    if named is None:
        return False
    number, kind = named
    try:
        case, recipient = Cases(ledger).get(number), _recipient(ledger, number, kind)
    except ConfigError:
        return False
    if recipient and reach is not None:
        reach.suppress(recipient, "one click in a letter", now, asked=True)
    if not case.stopped:
        Cases(ledger).stop(case, now, "one click")
    return True


def _recipient(ledger: Ledger, number: str, kind: LetterKind) -> str:
    return Outbox(ledger).get(number, kind).recipient
