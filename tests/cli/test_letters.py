"""Letters as a person sends them: plan, look, approve, rehearse, send, read what comes back."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from judged_run import IP
from made_cases import Office, make_office
from made_incoming import dsn, words
from made_receivers import MadeMailbox, mail_server, make_certificate

from survey.cli import letters
from survey.cli.main import main
from survey.model.address import parse_ip
from survey.model.letter import LetterKind
from survey.notify.letter_token import letter_token

WAY = """
[mail]
host = "localhost"
port = {port}
authority = "localhost.pem"
sender = "desk@survey.example"
name = "Measurement team"
reply_to = "desk@survey.example"
recipients = []

[letters]
stop_page = "https://survey.example/stop"
maildir = "{maildir}"
"""
FIRST, SECOND = "OSYS-2026-000001", "OSYS-2026-000002"


@contextmanager
def _serving(box: MadeMailbox, pem: Path) -> Iterator[None]:
    """A real mail server beside the command."""
    ready, done = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with mail_server(box, pem, starttls=False):
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait(30)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(30)
        loop.close()


class Person:
    """Who types."""

    def __init__(self, office: Office) -> None:
        settings = office.judged.settings
        self._front = ["--data", str(settings.data), "--keys", str(settings.keys)]
        self._front += ["--agencies", str(settings.agencies)]
        folder = office.folder
        self._environment = {
            "SURVEY_OUTGOING": str(folder / "outgoing.toml"),
            "SURVEY_CONTACTS": str(office.contacts),
        }

    def types(self, *words_: str) -> Result:
        """One command."""
        return CliRunner().invoke(main, [*self._front, *words_], env=self._environment)

    def gets(self, *words_: str) -> Result:
        """One command that works."""
        result = self.types(*words_)
        assert result.exit_code == 0, result.output
        return result


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """A judged run, which is not judged again, since it has no observations."""
    monkeypatch.setattr(letters, "trace", lambda _settings, _campaign: None)
    office = make_office(tmp_path)
    chosen = {parse_ip(IP["relay"]), parse_ip(IP["proxy"])}
    rows = [row for row in office.findings() if row["ip"] in chosen]
    office.judge(rows)
    yield office
    office.ledger.close()


@pytest.fixture
def freshly_proven(office: Office) -> Office:
    """The commands go by the clock on the wall."""
    office.prove(datetime.now(UTC) - timedelta(hours=1))
    return office


def test_letters_go_out_and_come_back(freshly_proven: Office, tmp_path: Path) -> None:
    """The whole way over a real mail server with TLS, and a maildir."""
    office, person = freshly_proven, Person(freshly_proven)
    maildir = tmp_path / "maildir"
    for name in ("new", "cur", "tmp"):
        (maildir / name).mkdir(parents=True)
    pem = make_certificate(tmp_path)
    box = MadeMailbox()
    with _serving(box, pem):
        text = WAY.format(port=box.port, maildir=maildir)
        (tmp_path / "outgoing.toml").write_text(text, encoding="utf-8")
        planned = json.loads(person.gets("notify", "plan", "--json").stdout)
        assert planned[0]["letters"] == {"first_notice": 2}
        waiting = json.loads(person.gets("notify", "status", "--json").stdout)["to_approve"]
        assert [one["case"] for one in waiting] == [FIRST, SECOND]

        shown = person.gets("notify", "preview", "--case", FIRST)
        assert IP["relay"] in shown.stdout
        assert waiting[0]["sha256"] in shown.stderr
        for one in waiting:
            asked = ["--agency", "es-prueba", "--content", one["sha256"], "--by", "A. Person"]
            person.gets("notify", "approve", one["case"], *asked)

        assert "2 letters would be sent" in person.gets("notify", "send").stderr
        assert box.taken == []
        assert "2 letters sent" in person.gets("notify", "send", "--really").stderr
        assert "0 letters sent" in person.gets("notify", "send", "--really").stderr
    assert len(box.taken) == 2
    data = box.taken[0][1]
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in data

    token = "2026-000001-f-0123456789abcdef0123"
    for number, message in ((FIRST, dsn()), (SECOND, words())):
        true = letter_token(office.key, number, LetterKind.FIRST_NOTICE)
        (maildir / "new" / number).write_bytes(message.replace(token.encode(), true.encode()))
    read = json.loads(person.gets("notify", "bounces", "--json").stdout)
    assert read["letters"] == {"first_notice bounced": 1, "first_notice answered": 1}
    assert json.loads(person.gets("notify", "bounces", "--json").stdout)["read"] == {}

    listed = person.gets("case").stdout
    assert FIRST in listed
    assert IP["relay"] not in listed
    case = person.gets("case", FIRST)
    for what in ("opened", "approved", "A. Person", "sent", "bounced", IP["relay"]):
        assert what in case.stdout, what
    told = json.loads(person.gets("case", SECOND, "--json").stdout)
    assert told["letters"][0]["state"] == "answered"
    status = person.gets("notify", "status")
    assert "letters first_notice bounced" in status.stderr
    assert IP["relay"] not in status.output
    audit = office.judged.layout.audit.read_text(encoding="utf-8")
    for what in ("letters planned", "letter approved", "letters sent", '"case"'):
        assert what in audit, what
    assert IP["relay"] not in audit


def test_without_letters_in_outgoing_nothing_is_planned(office: Office, tmp_path: Path) -> None:
    """One line with file, key and cure; exit code 2."""
    (tmp_path / "outgoing.toml").write_text("", encoding="utf-8")
    result = Person(office).types("notify", "plan")
    assert result.exit_code == 2
    assert "outgoing.toml: letters: is missing, so no letter leaves" in result.stderr


def test_what_waits_for_somebody_is_exit_code_1(office: Office, tmp_path: Path) -> None:
    """The proof is older than a day: nothing leaves, a test is queued."""
    office.plan()
    office.approve_all()
    office.prove(datetime.now(UTC) - timedelta(hours=30))
    text = WAY.format(port=1, maildir=tmp_path).replace("stop_page", "# stop_page")
    (tmp_path / "outgoing.toml").write_text(text, encoding="utf-8")
    result = Person(office).types("notify", "send", "--really")
    assert result.exit_code == 1
    assert "not proven in the last 24 hours" in result.stderr


def test_case_that_is_none_is_refused(office: Office, tmp_path: Path) -> None:
    """By its form, and by its number."""
    (tmp_path / "outgoing.toml").write_text("", encoding="utf-8")
    person = Person(office)
    assert "write OSYS-2026-000123" in person.types("case", "17").stderr
    assert "there is no case" in person.types("case", "OSYS-2026-000099").stderr


def test_agency_reads_all_that_waits_and_gives_its_list_back(
    office: Office, tmp_path: Path
) -> None:
    """A line that it takes out waits on; what was planned anew since is refused."""
    office.plan()
    text = WAY.format(port=1, maildir=tmp_path)
    (tmp_path / "outgoing.toml").write_text(text, encoding="utf-8")
    person, folder = Person(office), tmp_path / "review"
    person.gets("notify", "preview", "--agency", "es-prueba", "--to", str(folder))
    place = folder / "trial"
    assert sorted(path.name for path in place.iterdir()) == [
        f"{FIRST}-first_notice.eml",
        f"{FIRST}-first_notice.txt",
        f"{SECOND}-first_notice.eml",
        f"{SECOND}-first_notice.txt",
        "approve.csv",
    ]
    assert all(path.stat().st_mode & 0o077 == 0 for path in [place, *place.iterdir()])
    path = place / "approve.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(lines[:2]), encoding="utf-8")
    asked = ["--agency", "es-prueba", "--by", "A. Person", "--list", str(path)]
    assert "1 letters may go out" in person.gets("notify", "approve", *asked).stderr
    states = {case: one.state.value for (case, _), one in office.letters().items()}
    assert states == {FIRST: "approved", SECOND: "planned"}
    result = person.types("notify", "approve", *asked)
    assert result.exit_code == 1
    assert "0 letters that wait" in result.stderr
    path.write_text("case,letter\nx,y\n", encoding="utf-8")
    assert "line 2: names no letter" in person.types("notify", "approve", *asked).stderr
    again = person.types("notify", "preview", "--agency", "es-prueba", "--to", str(folder))
    assert "is not empty" in again.stderr


def test_letters_are_printed_to_be_posted(office: Office, tmp_path: Path) -> None:
    """All that wait for an agency, or one of a case; where the agency says, and for it alone."""
    office.plan()
    text = WAY.format(port=1, maildir=tmp_path).replace("stop_page", "# stop_page")
    (tmp_path / "outgoing.toml").write_text(text, encoding="utf-8")
    person, folder = Person(office), tmp_path / "review"
    all_of_it = ["--agency", "es-prueba", "--to", str(folder), "--pdf"]
    person.gets("notify", "preview", *all_of_it)
    names = {path.name for path in (folder / "trial").glob("*.pdf")}
    assert names == {f"{FIRST}-first_notice.pdf", f"{SECOND}-first_notice.pdf"}

    shown = person.gets(
        "notify", "preview", "--case", FIRST, "--pdf", "--to", str(tmp_path / "one")
    )
    path = tmp_path / "one" / f"{FIRST}-first_notice.pdf"
    assert str(path) in shown.stderr
    assert path.read_bytes() == (folder / "trial" / path.name).read_bytes()
    assert path.stat().st_mode & 0o077 == 0

    for wrong in (["--pdf"], ["--to", str(tmp_path / "one")]):
        refused = person.types("notify", "preview", "--case", FIRST, *wrong)
        assert (refused.exit_code, "--to FOLDER with --pdf" in refused.stderr) == (2, True)
