"""From files and keys to what letters need: the desk's means, and the way out."""

from datetime import datetime
from pathlib import Path

from survey.errors import ConfigError
from survey.flows.carriers import mail_server
from survey.flows.dispatches import Means as Outgoing
from survey.flows.dispatches import read_private
from survey.flows.letter_checks import Way
from survey.flows.letter_content import Means
from survey.mail.dkim_signature import Signature
from survey.mail.letter_post import LetterDoor, LetterPost
from survey.mail.mailbox_source import Imap, Maildir, Source
from survey.model.agency import Agency
from survey.model.experiment import Draw
from survey.notify.experiment import draw
from survey.settings import Settings
from survey.storage.keys import EXPERIMENT, LETTERS, SITE, read_key
from survey.storage.outgoing import LettersTable


def letters_table(outgoing: Outgoing) -> LettersTable:
    """``[letters]`` of ``outgoing.toml``.

    Raises:
        ConfigError: It is missing: no letter leaves then.
    """
    if outgoing.way.letters is None:
        raise ConfigError(
            outgoing.source, "letters", "is missing, so no letter leaves", "see docs/outbox.md"
        )
    return outgoing.way.letters


def letter_means(settings: Settings, outgoing: Outgoing) -> Means:
    """What letters are made with.

    Raises:
        ConfigError: ``[letters]`` or their key is missing.
    """
    table = letters_table(outgoing)
    site = read_key(settings.keys, SITE) if table.case_pages else None
    return Means(read_key(settings.keys, LETTERS), table.stop_page or "", site)


def way_out(settings: Settings, outgoing: Outgoing) -> Way:
    """How letters leave.

    Raises:
        ConfigError: Something is missing, or a key can't be read.
    """
    table = letters_table(outgoing)
    mail = outgoing.way.mail
    signature = None
    if mail is not None and mail.dkim is not None:
        key = read_private(outgoing.keys / mail.dkim.key)
        signature = Signature(mail.dkim.domain, mail.dkim.selector, key)
    return Way(
        letter_means(settings, outgoing),
        table.bounce_domain or "",
        table.per_day,
        table.per_domain_per_day,
        signature,
    )


def letter_post(outgoing: Outgoing) -> LetterPost:
    """The door through which letters leave; nothing is opened yet.

    Raises:
        ConfigError: ``[mail]`` is missing, or its password can't be read.
    """
    server = mail_server(outgoing)
    only = frozenset(letters_table(outgoing).only)
    return LetterPost(server, LetterDoor(Path(outgoing.source), server.host, only))


def lot_of(settings: Settings, agency: Agency, campaign: str, number: str, now: datetime) -> Draw:
    """What the lot says for a case.

    Raises:
        ConfigError: The agency signed an experiment and its key is missing.
    """
    if agency.experiment is None:
        return draw(b"", agency, campaign, number, now)
    return draw(read_key(settings.keys, EXPERIMENT), agency, campaign, number, now)


def answers_from(outgoing: Outgoing) -> tuple[Source, ...]:
    """The mailboxes to which bounces and answers come.

    Raises:
        ConfigError: None is named, or a password can't be read.
    """
    table = letters_table(outgoing)
    found: list[Source] = []
    if table.maildir is not None:
        found.append(Maildir(Path(table.maildir)))
    if table.imap is not None:
        one = table.imap
        authority = outgoing.source.parent / one.authority if one.authority else None
        password = read_private(outgoing.keys / one.password).decode().strip()
        found.append(Imap(one.host, one.port, authority, one.user, password, one.folder))
    if not found:
        raise ConfigError(
            outgoing.source,
            "letters",
            "names no mailbox for bounces and answers",
            "add maildir or [letters.imap]",
        )
    return tuple(found)
