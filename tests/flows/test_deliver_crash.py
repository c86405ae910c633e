"""Die between every two steps of a delivery, go on: nothing is lost, and nothing arrives twice.

Against a real mail server with TLS, a real SFTP server, an S3 store and a folder.
"""

import hashlib
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from judged_run import JudgedRun, make_judged_run
from made_delivery import Crash, Post, make_post
from made_receivers import (
    MadeDrop,
    MadeMailbox,
    MadeStore,
    mail_server,
    make_certificate,
    sftp_server,
    store_server,
)

from survey.model.dispatch import DispatchState

WAY = """
[mail]
host = "localhost"
port = {port}
authority = "localhost.pem"
sender = "reports@survey.example"
name = "Measurement team"
reply_to = "desk@survey.example"
recipients = ["es-prueba.example"]
"""
MOST_STEPS = 200
strides = pytest.mark.parametrize("stride", [7, pytest.param(1, marks=pytest.mark.long)])


@pytest.fixture
def judged_run(tmp_path: Path) -> JudgedRun:
    """Agencies, and a plan with an opt-out log."""
    return make_judged_run(tmp_path)


def _fresh(post: Post) -> None:
    """As if nothing had ever been delivered."""
    (post.folder / "ledger.db").unlink(missing_ok=True)
    shutil.rmtree(post.judged.layout.report("es-prueba", "2026-W48") / "outgoing", True)


async def _die_everywhere(
    post: Post, empty: Callable[[], None], stride: int = 1
) -> AsyncIterator[int]:
    """Die before each step in turn; yields after each death, before anything else is done."""
    for fatal in range(0, MOST_STEPS, stride):
        _fresh(post)
        empty()
        try:
            await post.deliver(fatal)
        except Crash:
            yield fatal
        else:
            assert fatal > 10
            return
    pytest.fail("it never came to an end")


@asynccontextmanager
async def _by_mail(judged: JudgedRun, folder: Path) -> AsyncIterator[tuple[Post, MadeMailbox]]:
    pem = make_certificate(folder)
    async with mail_server(MadeMailbox(), pem, starttls=False) as box:
        to = '["one@es-prueba.example", "two@es-prueba.example"]'
        delivery = f"[[delivery.mail]]\nto = {to}\n"
        yield make_post(judged, folder, delivery=delivery, way=WAY.format(port=box.port)), box


async def test_mail_is_never_sent_twice_and_never_lost(
    judged_run: JudgedRun, tmp_path: Path
) -> None:
    """A death while a message is handed over leaves a doubt, which is told; no other does."""
    doubts = 0
    async with _by_mail(judged_run, tmp_path) as (post, box):
        async for _ in _die_everywhere(post, box.taken.clear):
            broken = {one.part for one in post.dispatches() if one.state is DispatchState.HANDING}
            for _again in range(2):
                after = await post.deliver()
            counts = Counter(to for to, _ in box.taken)
            for one in after.dispatches:
                if one.part in broken:
                    assert one.state is DispatchState.UNCERTAIN
                    assert counts[one.part] <= 1
                    doubts += 1
                else:
                    assert (one.state, counts[one.part]) == (DispatchState.DELIVERED, 1)
            assert len(after.dispatches) == 2
    assert doubts


@strides
async def test_sftp_puts_every_file_once(
    judged_run: JudgedRun, tmp_path: Path, stride: int
) -> None:
    """The server is asked what it has, so that no doubt remains and nothing is put again."""
    root = tmp_path / "drop"
    root.mkdir()
    judged_run.settings.keys.mkdir()
    async with sftp_server(MadeDrop(root, judged_run.settings.keys / "drop")) as drop:
        post = make_post(
            judged_run,
            tmp_path,
            delivery=f'[[delivery.sftp]]\nhost = "127.0.0.1"\nport = {drop.port}\nuser = "survey"\n'
            f'folder = ""\nhost_key = "{drop.host_key}"\nkey = "drop"\n',
            way=f'[drops]\nhosts = ["127.0.0.1:{drop.port}"]\n',
        )

        def empty() -> None:
            drop.renamed.clear()
            for path in root.iterdir():
                path.unlink()

        async for _ in _die_everywhere(post, empty, stride):
            await _is_whole(post, lambda: {path.name: path.read_bytes() for path in root.iterdir()})
            assert max(Counter(drop.renamed).values()) == 1


@strides
async def test_store_gets_every_object_once(
    judged_run: JudgedRun, tmp_path: Path, stride: int
) -> None:
    """A conditional PUT, and the store is asked."""
    (judged_run.settings.keys).mkdir()
    access = judged_run.settings.keys / "s3"
    access.write_text("id\nsecret\n")
    access.chmod(0o600)
    async with store_server(MadeStore()) as store:
        post = make_post(
            judged_run,
            tmp_path,
            delivery='[[delivery.s3]]\nendpoint = "https://127.0.0.1"\nregion = "eu-south-2"\n'
            'bucket = "reports"\nprefix = "survey/"\ncredentials = "s3"\n',
            way=f'[drops]\nhosts = ["127.0.0.1:443", "127.0.0.1:{store.port}"]\n',
            endpoint=f"http://127.0.0.1:{store.port}",
        )

        def empty() -> None:
            store.objects.clear()
            store.puts.clear()

        async for _ in _die_everywhere(post, empty, stride):
            await _is_whole(
                post, lambda: {path.split("/")[-1]: data for path, data in store.objects.items()}
            )
            assert max(Counter(store.puts).values()) == 1


@strides
async def test_folder_gets_every_file_once(
    judged_run: JudgedRun, tmp_path: Path, stride: int
) -> None:
    """A link that never clobbers."""
    root = tmp_path / "drop"
    root.mkdir()
    post = make_post(
        judged_run,
        tmp_path,
        delivery=f'[[delivery.folder]]\nfolder = "{root}"\n',
        way=f'[drops]\nfolders = ["{root}"]\n',
    )

    def empty() -> None:
        for path in root.iterdir():
            path.unlink()

    async for _ in _die_everywhere(post, empty, stride):
        await _is_whole(post, lambda: {path.name: path.read_bytes() for path in root.iterdir()})


async def _is_whole(post: Post, there: Callable[[], dict[str, bytes]]) -> None:
    """After going on: every file is there, nothing else, and the ledger knows."""
    for _ in range(2):
        after = await post.deliver()
    assert {one.state for one in after.dispatches} == {DispatchState.DELIVERED}
    assert after.put_off == ()
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in there().items()}
    assert hashes == {one.part: one.sha256 for one in after.dispatches}
    assert len(after.dispatches) == 2
