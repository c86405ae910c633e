"""What of cases, letters and wishes is past its period, or to be forgotten; nothing is touched."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

from survey.errors import BusyError
from survey.flows.removal import Removal, doing
from survey.mail.mailbox_source import LOOKED_BACK
from survey.model.retention import Retention, Why
from survey.storage.case_forgetting import CaseForgetting
from survey.storage.ledger import Ledger
from survey.storage.portal_keys import PortalKeys
from survey.storage.wishes import Wishes
from survey.targets.ranges import RangeSet

_WHERE = "ledger"
_EVER = datetime.min.replace(tzinfo=UTC)


def expired_cases(ledger: Ledger, keep: Retention, now: datetime) -> Iterator[Removal]:
    """Mailboxes of cases that ended, addresses of cases of long ago, marks of what was read."""
    cases = CaseForgetting(ledger)
    # a mark is only a hash, and without it a message that is still looked at would count again
    marks = max(keep.mail, LOOKED_BACK.days + 1)
    for table, days, count, forget in (
        ("case contacts", keep.contacts, cases.contacts, cases.forget_contacts),
        ("case findings", keep.findings, cases.findings, cases.forget_findings),
        ("case mail", marks, cases.mail, cases.forget_mail),
    ):
        before = now - timedelta(days=days)
        if rows := count(before):
            step = _alone(ledger, partial(forget, before))
            yield Removal(table, Why.EXPIRED, _WHERE, 1, rows, step)
    wishes, before = Wishes(ledger), now - timedelta(days=keep.mail)
    if rows := sum(one.at < before for one in wishes.since(_EVER)):
        step = doing(partial(wishes.forget, before, ()))
        yield Removal("site wishes", Why.EXPIRED, _WHERE, 1, rows, step)
    keys, before = PortalKeys(ledger), now - timedelta(days=keep.contacts)
    if rows := keys.ended(before):
        step = doing(partial(keys.forget, before))
        yield Removal("portal keys", Why.EXPIRED, _WHERE, 1, rows, step)


def cases_naming(ledger: Ledger, addresses: RangeSet) -> Iterator[Removal]:
    """What the ledger has about some addresses."""
    cases = CaseForgetting(ledger)
    if addresses.size and (rows := cases.named(addresses.ranges)):
        step = _alone(ledger, partial(cases.forget_addresses, addresses.ranges))
        yield Removal("case findings", Why.ERASED, _WHERE, 1, rows, step)
    wishes = Wishes(ledger)
    if rows := sum(one.ip is not None and one.ip in addresses for one in wishes.since(_EVER)):
        step = doing(partial(wishes.forget, _EVER, addresses.ranges))
        yield Removal("site wishes", Why.ERASED, _WHERE, 1, rows, step)


def _alone(ledger: Ledger, step: Callable[[], None]) -> Callable[[], bool]:
    """Not while letters are planned or sent: who does that goes by what it has read."""

    def carry_out() -> bool:
        try:
            with ledger.exclusive():
                step()
        except BusyError:
            return False
        return True

    return carry_out
