"""Deliveries to real receivers: what arrives, is refused, is put off, is in doubt, never again."""

import asyncio
import email
import email.policy
import hashlib
import json
import os
import re
import shutil
import signal
import stat
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from judged_run import JudgedRun, make_judged_run
from made_delivery import NOW, PERIOD, Post, make_post
from made_feed import FEEDS
from made_receivers import (
    MadeDrop,
    MadeMailbox,
    MadeStore,
    mail_server,
    make_certificate,
    sftp_server,
    store_server,
)
from pysequoia import Tsk, decrypt

from survey.cli.main import main
from survey.errors import BusyError, ConfigError, MessageError, StorageError
from survey.flows.deliver import rehearse, settle
from survey.flows.erasure import naming
from survey.model.address import Range, parse_ip
from survey.model.dispatch import DispatchState
from survey.notify.wrapping import columns
from survey.targets.optouts import add
from survey.targets.ranges import RangeSet

WAY = """
[mail]
host = "localhost"
port = {port}
tls = "{tls}"
authority = "{authority}"
sender = "reports@survey.example"
name = "Measurement team"
reply_to = "desk@survey.example"
recipients = ["es-prueba.example"]
per_hour = {per_hour}
"""
START = "from survey.cli.main import main; main()"
ONE = '[[delivery.mail]]\nto = ["one@es-prueba.example"]\n'
TWO = '[[delivery.mail]]\nto = ["one@es-prueba.example", "two@es-prueba.example"]\n'


@pytest.fixture
def judged_run(tmp_path: Path) -> JudgedRun:
    """Agencies, and a plan with an opt-out log."""
    return make_judged_run(tmp_path)


@asynccontextmanager
async def _mail(
    judged: JudgedRun,
    folder: Path,
    box: MadeMailbox | None = None,
    *,
    delivery: str = ONE,
    tls: str = "implicit",
    authority: str = "localhost.pem",
    per_hour: int = 30,
    keys: str = "",
    formats: Sequence[str] = ('"xarf"',),
) -> AsyncIterator[tuple[Post, MadeMailbox]]:
    pem = make_certificate(folder)
    async with mail_server(box or MadeMailbox(), pem, starttls=tls == "starttls") as made:
        way = WAY.format(port=made.port, tls=tls, authority=authority, per_hour=per_hour)
        post = make_post(judged, folder, delivery=delivery, way=way, keys=keys, formats=formats)
        yield post, made


def _states(post: Post) -> list[str]:
    return [one.state.value for one in post.dispatches()]


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
async def test_report_arrives_once(judged_run: JudgedRun, tmp_path: Path, tls: str) -> None:
    """With its files and their manifest; the ledger has hash, time and receipt; then no more."""
    async with _mail(judged_run, tmp_path, tls=tls) as (post, box):
        first = await post.deliver()
        again = await post.deliver()
    ((to, data),) = box.taken
    assert to == "one@es-prueba.example"
    message = email.message_from_bytes(data, policy=email.policy.SMTP)
    names = [part.get_filename() for part in message.iter_attachments()]
    assert names[-1] == "manifest-es-prueba-2026-W48.json"
    manifest = json.loads(list(message.iter_attachments())[-1].get_payload(decode=True))
    for part, said in zip(message.iter_attachments(), manifest["files"], strict=False):
        assert part.get_filename() == said["delivered_as"]
        assert hashlib.sha256(part.get_payload(decode=True)).hexdigest() == said["sha256"]
    (one,) = first.dispatches
    assert (one.state, one.attempts) == (DispatchState.DELIVERED, 1)
    assert one.receipt == "250 2.0.0 taken as 1"
    assert (one.changed_at, one.bytes) == (NOW, len(data))
    assert again.dispatches == first.dispatches
    path = judged_run.layout.report("es-prueba", PERIOD)
    assert not (path / one.prepared).exists()
    assert stat.S_IMODE((tmp_path / "ledger.db").stat().st_mode) == 0o600


async def test_nothing_is_said_to_a_server_of_another_name(
    judged_run: JudgedRun, tmp_path: Path
) -> None:
    """Its certificate is signed by nobody whom we trust: not even a recipient is named."""
    make_certificate(tmp_path, "other.example")
    async with _mail(judged_run, tmp_path, authority="other.example.pem") as (post, box):
        done = await post.deliver()
    assert box.taken == []
    assert "certificate verify failed" in done.put_off[0]
    assert _states(post) == ["planned"]


async def test_refusal_for_now_is_tried_again(judged_run: JudgedRun, tmp_path: Path) -> None:
    """To a recipient or to the message; each run tries once."""
    async with _mail(judged_run, tmp_path, MadeMailbox(rcpt="450 4.2.0 later")) as (post, box):
        assert "450 4.2.0 later" in (await post.deliver()).put_off[0]
        box.rcpt, box.data = None, "451 4.3.0 full"
        assert "451 4.3.0 full" in (await post.deliver()).put_off[0]
        assert _states(post) == ["planned"]
        box.data = None
        assert (await post.deliver()).put_off == ()
    assert len(box.taken) == 1
    assert post.dispatches()[0].attempts == 3


async def test_refusal_for_good_waits_for_a_person(judged_run: JudgedRun, tmp_path: Path) -> None:
    """It is told each time and never tried again, until a person says so."""
    async with _mail(judged_run, tmp_path, MadeMailbox(rcpt="550 5.1.1 nobody")) as (post, box):
        for _ in range(2):
            done = await post.deliver()
        (one,) = done.having(DispatchState.REFUSED)
        assert (one.attempts, one.receipt) == (1, "550 5.1.1 nobody")
        box.rcpt = None
        ledger = post.ledger()
        settle(ledger, one.id[:8], arrived=False, by="Ana, by phone", now=NOW)
        ledger.close()
        await post.deliver()
    assert _states(post) == ["delivered"]
    assert len(box.taken) == 1


async def test_doubt_is_never_sent_again_by_itself(judged_run: JudgedRun, tmp_path: Path) -> None:
    """The connection broke after the message; a person settles it, once."""
    async with _mail(judged_run, tmp_path, MadeMailbox(hangs_up=True)) as (post, box):
        for _ in range(3):
            done = await post.deliver()
        (one,) = done.having(DispatchState.UNCERTAIN)
        assert len(box.taken) == 1
        ledger = post.ledger()
        settle(ledger, one.id[:8], arrived=True, by="Ana, by phone", now=NOW)
        with pytest.raises(ConfigError, match="only a doubt can be settled"):
            settle(ledger, one.id[:8], arrived=False, by="Ben", now=NOW)
        ledger.close()
        done = await post.deliver()
    assert done.dispatches[0].receipt == "settled by Ana, by phone"
    assert len(box.taken) == 1


async def test_limit_holds_over_restarts(judged_run: JudgedRun, tmp_path: Path) -> None:
    """One message an hour to a domain: the second one waits for the next hour."""
    async with _mail(judged_run, tmp_path, delivery=TWO, per_hour=1) as (post, box):
        for _ in range(2):
            done = await post.deliver()
        assert "1 an hour went to es-prueba.example" in done.put_off[0]
        assert len(box.taken) == 1
        await post.deliver(now=NOW + timedelta(minutes=61))
    assert [to for to, _ in box.taken] == ["one@es-prueba.example", "two@es-prueba.example"]


async def test_door_keeps_what_it_does_not_know(judged_run: JudgedRun, tmp_path: Path) -> None:
    """An agency's file alone reaches nobody: domain, host and folder must be allowed."""
    for delivery, said in (
        ('[[delivery.mail]]\nto = ["one@other.example"]\n', "does not have 'other.example'"),
        (f'[[delivery.folder]]\nfolder = "{tmp_path}/../x"\n', "has nothing above"),
        (
            (
                '[[delivery.sftp]]\nhost = "127.0.0.9"\nuser = "x"\nfolder = "x"\n'
                'host_key = "ssh-ed25519 AAAA"\nkey = "x"\n'
            ),
            "does not have '127.0.0.9:22'",
        ),
    ):
        async with _mail(judged_run, tmp_path, delivery=delivery) as (post, box):
            with pytest.raises(ConfigError, match=said):
                await post.deliver()
        assert box.taken == []
        assert post.dispatches() == ()


async def test_door_that_was_shut_since_stays_shut(judged_run: JudgedRun, tmp_path: Path) -> None:
    """What was planned while it was open does not leave any more."""
    async with _mail(judged_run, tmp_path, MadeMailbox(rcpt="450 later")) as (post, box):
        await post.deliver()
        box.rcpt = None
        way = post.means.source
        way.write_text(way.read_text().replace("es-prueba.example", "other.example"))
        post.means = type(post.means)(*_reread(post))
        with pytest.raises(ConfigError, match="so nothing is sent there"):
            await post.deliver()
    assert box.taken == []


async def test_agencys_key_hides_everything(judged_run: JudgedRun, tmp_path: Path) -> None:
    """Message and files can be opened with it, and by nobody else."""
    key = Tsk.generate("Agencia <one@es-prueba.example>")
    cert = key.extract_certificate()
    (judged_run.settings.agencies / "es.asc").write_bytes(bytes(cert))
    root = tmp_path / "drop"
    root.mkdir()
    keys = f'\n[keys]\nopenpgp = "es.asc"\nfingerprint = "{cert.fingerprint.upper()}"\n\n'
    delivery = f'{ONE}\n[[delivery.folder]]\nfolder = "{root}"\n'
    async with _mail(judged_run, tmp_path, delivery=delivery, keys=keys) as (post, box):
        way = post.means.source
        way.write_text(f'{way.read_text()}\n[drops]\nfolders = ["{root}"]\n')
        post.means = type(post.means)(*_reread(post))
        await post.deliver()
    assert _states(post) == ["delivered"] * 3
    assert b"192.0.2." not in box.taken[0][1]
    assert {path.suffix for path in root.iterdir()} == {".pgp"}
    for path in root.iterdir():
        data = path.read_bytes()
        assert b"192.0.2." not in data
        opened = decrypt(data, decryptor=key.decryptor())
        assert opened.bytes
        assert (b"192.0.2." in opened.bytes) == ("xarf" in path.name)


def _reread(post: Post) -> tuple[object, Path, Path]:
    from survey.storage.outgoing import read_outgoing  # noqa: PLC0415

    return read_outgoing(post.means.source), post.means.source, post.means.keys


async def test_report_made_anew(judged_run: JudgedRun, tmp_path: Path) -> None:
    """Before anything left it takes the old one's place; afterwards only when that is said."""
    async with _mail(judged_run, tmp_path, MadeMailbox(rcpt="450 later")) as (post, box):
        await post.deliver()
        post.report(servers=7)
        box.rcpt = None
        await post.deliver()
        assert len(box.taken) == 1
        assert _subject(box.taken[0][1]).endswith("(revisión 2)")
        post.report(servers=8)
        await post.deliver()
        assert len(box.taken) == 1
        for _ in range(2):
            await post.deliver(corrected=True)
    assert len(box.taken) == 2
    assert _subject(box.taken[1][1]).endswith("(revisión 3)")


def _subject(data: bytes) -> str:
    return str(email.message_from_bytes(data, policy=email.policy.SMTP)["Subject"])


@pytest.mark.parametrize(
    ("language", "subject", "opening"),
    [
        ("es", "Secure Your Server: informe 2026-W48 para es-prueba", "Este es el informe"),
        ("ja", "Secure Your Server\uff1aes-prueba 向け報告書 2026-W48", "向けの報告書 2026-W48"),
        ("fi", "Secure Your Server: report 2026-W48 for es-prueba", "This is the report"),
    ],
)
async def test_message_speaks_the_agencys_language(
    judged_run: JudgedRun, tmp_path: Path, language: str, subject: str, opening: str
) -> None:
    """Its first language that reports are written in, else English; each line short enough."""
    async with _mail(judged_run, tmp_path) as (post, box):
        path = judged_run.settings.agencies / "es-prueba.toml"
        text = re.sub(r"languages = .*", f'languages = ["{language}"]', path.read_text())
        path.write_text(text, encoding="utf-8")
        await post.deliver()
    message = email.message_from_bytes(box.taken[0][1], policy=email.policy.SMTP)
    body = message.get_body().get_content()
    assert message["Subject"] == f"[TLP:AMBER] {subject}"
    assert opening in body
    assert "manifest-es-prueba-2026-W48.json" in body
    assert "desk@survey.example" in body
    assert max(map(columns, body.splitlines())) <= 72


async def test_opt_out_since_stops_the_delivery(judged_run: JudgedRun, tmp_path: Path) -> None:
    """Who opted out after the report was made is handed to nobody."""
    async with _mail(judged_run, tmp_path, MadeMailbox(rcpt="450 later")) as (post, box):
        ip = parse_ip("198.51.100.1")  # not in it
        add(judged_run.optouts, (Range(ip, ip),), "owner", "by phone", NOW, NOW)
        assert "450 later" in (await post.deliver()).put_off[0]
        box.rcpt = None
        ip = parse_ip("192.0.2.1")
        add(judged_run.optouts, (Range(ip, ip),), "owner", "by phone", NOW, NOW)
        with pytest.raises(StorageError, match="make it again"):
            await post.deliver()
    assert box.taken == []


async def test_changed_file_is_not_delivered(judged_run: JudgedRun, tmp_path: Path) -> None:
    """A file that is not the manifest's, or a message that is too large, stays here."""
    async with _mail(judged_run, tmp_path) as (post, box):
        folder = judged_run.layout.report("es-prueba", PERIOD)
        post.report(servers=200)
        way = post.means.source
        way.write_text(way.read_text() + "largest = 10000\n")
        post.means = type(post.means)(*_reread(post))
        with pytest.raises(MessageError, match=r"mail\.largest"):
            await post.deliver()
        (path,) = folder.glob("*.jsonl")
        path.write_text("{}\n")
        with pytest.raises(StorageError, match="make the report again"):
            await post.deliver()
    assert box.taken == []
    assert post.dispatches() == ()


async def test_dry_run_writes_everything_and_sends_nothing(
    judged_run: JudgedRun, tmp_path: Path
) -> None:
    """The messages lie there as they would go out; the ledger stays empty."""
    async with _mail(judged_run, tmp_path, delivery=TWO) as (post, box):
        made = rehearse(judged_run.settings, "es-prueba", PERIOD, post.means, NOW)
    folder = judged_run.layout.report("es-prueba", PERIOD) / "dry-run"
    written = [path for path in folder.rglob("*") if path.is_file()]
    assert sorted(path.read_bytes() for path in written) == sorted(one.data for one in made)
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in written)
    assert (len(made), box.taken, post.dispatches()) == (2, [], ())


async def test_one_delivery_at_a_time(judged_run: JudgedRun, tmp_path: Path) -> None:
    """A second one would take the first one's steps for broken off."""
    async with _mail(judged_run, tmp_path) as (post, box):
        ledger = post.ledger()
        with ledger.exclusive(), pytest.raises(BusyError):
            await post.deliver()
        ledger.close()
    assert box.taken == []


async def test_other_file_of_that_name_stays(judged_run: JudgedRun, tmp_path: Path) -> None:
    """Nothing is overwritten, and the manifest does not say that all is there."""
    root = tmp_path / "drop"
    root.mkdir()
    delivery = f'[[delivery.folder]]\nfolder = "{root}"\n'
    post = make_post(
        judged_run, tmp_path, delivery=delivery, way=f'[drops]\nfolders = ["{root}"]\n'
    )
    name = next(judged_run.layout.report("es-prueba", PERIOD).glob("*.jsonl")).name
    (root / name).write_text("theirs")
    for _ in range(2):
        done = await post.deliver()
    assert _states(post) == ["refused", "planned"]
    assert "waits for the other files" in done.put_off[0]
    assert (root / name).read_text() == "theirs"
    assert not list(root.glob("manifest*"))


async def test_sftp_server_with_another_key_gets_nothing(
    judged_run: JudgedRun, tmp_path: Path
) -> None:
    """Somebody else answers at its address."""
    root, other = tmp_path / "drop", tmp_path / "other"
    root.mkdir()
    other.mkdir()
    judged_run.settings.keys.mkdir()
    drop = MadeDrop(root, judged_run.settings.keys / "drop")
    async with sftp_server(drop), sftp_server(MadeDrop(other, tmp_path / "key")) as stranger:
        post = make_post(
            judged_run,
            tmp_path,
            delivery=f'[[delivery.sftp]]\nhost = "127.0.0.1"\nport = {drop.port}\nuser = "survey"\n'
            f'folder = ""\nhost_key = "{stranger.host_key}"\nkey = "drop"\n',
            way=f'[drops]\nhosts = ["127.0.0.1:{drop.port}"]\n',
        )
        done = await post.deliver()
    assert "Host key is not trusted" in done.put_off[0]
    assert list(root.iterdir()) == []


async def test_store_that_gives_no_answer_is_asked(judged_run: JudgedRun, tmp_path: Path) -> None:
    """It took the object and the connection broke: it has it, so it is delivered."""
    judged_run.settings.keys.mkdir()
    access = judged_run.settings.keys / "s3"
    access.write_text("id\nsecret\n")
    access.chmod(0o600)
    async with store_server(MadeStore(silent=True)) as store:
        post = make_post(
            judged_run,
            tmp_path,
            delivery='[[delivery.s3]]\nendpoint = "https://127.0.0.1"\nregion = "eu-south-2"\n'
            'bucket = "reports"\ncredentials = "s3"\n',
            way=f'[drops]\nhosts = ["127.0.0.1:443", "127.0.0.1:{store.port}"]\n',
            endpoint=f"http://127.0.0.1:{store.port}",
        )
        done = await post.deliver()
    assert _states(post) == ["delivered", "delivered"]
    assert all("asked: it is there" in one.receipt for one in done.dispatches)
    assert len(store.puts) == 2


async def test_killed_process_repeats_nothing(judged_run: JudgedRun, tmp_path: Path) -> None:
    """As a person would: the command is killed while the server says that it took the message."""

    class Killer(MadeMailbox):
        async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802
            answer = await super().handle_DATA(server, session, envelope)  # type: ignore[arg-type]
            if running:
                os.kill(running.pop(), signal.SIGKILL)
                await asyncio.sleep(0.2)
            return answer

    running: list[int] = []
    async with _mail(judged_run, tmp_path, Killer(), delivery=TWO) as (post, box):
        settings = judged_run.settings
        typed = ["--data", str(settings.data), "--keys", str(settings.keys)]
        typed += ["--agencies", str(settings.agencies), "report", "deliver"]
        typed += ["--agency", "es-prueba", "--period", PERIOD, "--outgoing"]
        typed += [str(post.means.source)]

        async def run(*, kill: bool) -> tuple[int | None, str]:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", START, *typed, stderr=asyncio.subprocess.PIPE
            )
            if kill:
                running.append(process.pid)
            _, said = await process.communicate()
            return process.returncode, said.decode()

        assert (await run(kill=True))[0] == -signal.SIGKILL
        code, said = await run(kill=False)
        assert code == 1, said
        assert "1 need a person" in said
        assert [to for to, _ in box.taken] == ["one@es-prueba.example", "two@es-prueba.example"]
        (doubt,) = [line for line in said.split() if line.startswith("(one@")]
        assert doubt
        shown = CliRunner().invoke(
            main, [*typed[:6], "report", "ledger", "--json", "--outgoing", typed[-1]]
        )
        rows = json.loads(shown.stdout)
        assert [row["state"] for row in rows] == ["uncertain", "delivered"]
        settled = CliRunner().invoke(
            main,
            [*typed[:6], "report", "settle", rows[0]["id"], "--arrived", "--outgoing", typed[-1]],
        )
        assert settled.exit_code == 0, settled.stderr
        assert (await run(kill=False))[0] == 0
    assert len(box.taken) == 2


async def test_erasure_finds_what_waits_for_delivery(judged_run: JudgedRun, tmp_path: Path) -> None:
    """The report whose lists name the address, messages, and what is sealed go."""
    key = Tsk.generate("Agencia <one@es-prueba.example>")
    cert = key.extract_certificate()
    (judged_run.settings.agencies / "es.asc").write_bytes(bytes(cert))
    shutil.rmtree(judged_run.layout.campaigns)  # its shards are none
    folder = judged_run.layout.report("es-prueba", PERIOD)
    every = [f'"{format_}"' for format_ in FEEDS]
    for keys in ("", f'\n[keys]\nopenpgp = "es.asc"\nfingerprint = "{cert.fingerprint.upper()}"\n'):
        async with _mail(
            judged_run, tmp_path, MadeMailbox(rcpt="450 later"), keys=keys, formats=every
        ) as (post, _box):
            await post.deliver()
        assert list(folder.rglob("*.eml"))
        gone = RangeSet.of([Range(*[parse_ip("192.0.2.1")] * 2)])
        sealed = {path for path in folder.rglob("*.eml") if b"multipart/enc" in path.read_bytes()}
        now, earlier = datetime.now(UTC), datetime(2026, 1, 1, tzinfo=UTC)
        early, late = (
            len(list(naming(judged_run.layout, gone, now, when))) for when in (earlier, now)
        )
        assert late - early == len(sealed) == (1 if keys else 0)
        for one in naming(judged_run.layout, gone, datetime.now(UTC)):
            one.carry_out()
        left = {path.name for path in folder.rglob("*") if path.is_file()}
        assert left == set()
        (tmp_path / "ledger.db").unlink()
