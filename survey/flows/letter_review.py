"""Everything that waits for an agency's approval, to be read in one sitting; and its list back."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from survey.errors import ConfigError, StorageError
from survey.flows.case_view import read_message
from survey.flows.cases import CaseDesk
from survey.flows.letter_approval import approve
from survey.flows.letter_files import read_content
from survey.flows.letter_paper import Papers
from survey.model.case import OutboxLetter
from survey.model.letter import LetterKind, LetterState
from survey.storage.audit import record
from survey.storage.files import private_folder, replace_bytes, replace_text

LIST = "approve.csv"
_COLUMNS = ("case", "letter", "language", "findings", "content")


@dataclass(frozen=True, slots=True)
class Approved:
    """What an agency's list did.

    Attributes:
        letters: How many letters may go out.
        refused: Of the others, each with why.
    """

    letters: int
    refused: tuple[str, ...]


def write_review(
    desk: CaseDesk, agency: str, folder: Path, now: datetime, papers: Papers | None = None
) -> int:
    """Write each waiting letter of an agency as text and message, and the list; how many.

    With ``papers`` each is there on the agency's paper, too.

    The agency takes lines that it does not approve out of ``approve.csv``, and gives it back.

    Raises:
        ConfigError: There is something in the folder already.
        StorageError: A content is gone or changed.
        MessageError: One can't be put on paper, for it would say something else by now.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(folder, "", "is not empty", "name a new folder for each review")
    waiting = list(_waiting(desk, agency))
    sheets = [papers.of(one) for one in waiting] if papers is not None else []
    record(desk.layout, "letter review", f"agency={agency} letters={len(waiting)}", now=now)
    private_folder(folder)
    rows = io.StringIO(newline="")
    table = csv.writer(rows)
    table.writerow(_COLUMNS)
    for one in waiting:
        data = read_content(desk.layout, one)
        subject, text = read_message(data)
        name = f"{one.case}-{one.kind}"
        head = f"to: {one.recipient}\nsubject: {subject}\ncontent: {one.sha256}\n\n"
        replace_text(folder / f"{name}.txt", head + text)
        replace_bytes(folder / f"{name}.eml", data)
        if sheets:
            replace_bytes(folder / f"{name}.pdf", sheets.pop(0))
        table.writerow([one.case, one.kind.value, one.language, one.tests, one.sha256])
    replace_text(folder / LIST, rows.getvalue())
    return len(waiting)


def approve_list(desk: CaseDesk, path: Path, agency: str, by: str, now: datetime) -> Approved:
    """Approve every letter of a list, each by its content.

    Raises:
        ConfigError: The list can't be read, or a line of it is none.
    """
    done, refused = 0, []
    for number, kind, content in _lines(path):
        try:
            approve(desk, number, content, agency=agency, by=by, kind=kind, now=now)
        except (ConfigError, StorageError) as error:
            refused.append(f"{number} {kind}: {error}")
        else:
            done += 1
    return Approved(done, tuple(refused))


def _waiting(desk: CaseDesk, agency: str) -> Iterator[OutboxLetter]:
    mine = {one.number for one in desk.cases.all(desk.plan.campaign) if one.key.agency == agency}
    for letter in desk.outbox.letters(desk.plan.campaign):
        if letter.case in mine and letter.state is LetterState.PLANNED:
            yield letter


def _lines(path: Path) -> list[tuple[str, LetterKind, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeError, csv.Error) as error:
        raise ConfigError(path, "", f"can't be read ({error})", f"give back {LIST}") from error
    found = []
    for line, row in enumerate(rows, 2):
        try:
            found.append((row["case"], LetterKind(row["letter"]), row["content"].strip().lower()))
        except (KeyError, ValueError, AttributeError) as error:
            raise ConfigError(
                path, f"line {line}", "names no letter", "keep case, letter and content as written"
            ) from error
    return found
