"""An object store keeps the same guarantees as a folder: a name is taken once, whole."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import obstore
import pytest
from object_store import ENVIRONMENT, new_bucket, object_store

from survey.errors import ConfigError, StorageError
from survey.model.assignment import Receipt
from survey.model.observation import Observation
from survey.storage.layout import Layout
from survey.storage.manifest import read_manifest
from survey.storage.proof import prove_remote
from survey.storage.remote import Remote, ReplacedError
from survey.storage.shard_file import read_address, rows
from survey.storage.working_copy import WorkingCopy
from survey.storage.workplace import Workplace, open_workplace


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A store on loopback."""
    with object_store() as there:
        yield there


@pytest.fixture
def url(endpoint: str) -> str:
    """A place with nothing in it."""
    return new_bucket(endpoint)


@pytest.fixture
def remote(url: str) -> Remote:
    """The same, opened."""
    return Remote(url)


def test_second_put_under_a_name_is_refused(remote: Remote) -> None:
    """If-None-Match is what a hard link is in a folder."""
    remote.create("a/one", b"first")

    with pytest.raises(FileExistsError):
        remote.create("a/one", b"second")
    assert remote.read("a/one") == b"first"


def test_of_many_writers_at_once_one_wins(remote: Remote) -> None:
    """And what is there is what that one put, whole."""

    def put(number: int) -> int | None:
        try:
            remote.create("a/race", b"%d" % number * 1000)
        except FileExistsError:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        winners = [one for one in pool.map(put, range(8)) if one is not None]

    assert len(winners) == 1
    assert remote.read("a/race") == b"%d" % winners[0] * 1000


def test_replacing_needs_what_was_known(remote: Remote) -> None:
    """Nobody's later table is lost to an older one."""
    first = remote.create("a/table", b"first")
    second = remote.replace("a/table", b"second", first)

    with pytest.raises(ReplacedError, match="another machine wrote it"):
        remote.replace("a/table", b"third", first)
    assert remote.names("a") == {"a/table": second}


def test_url_with_a_secret_is_refused_and_not_repeated() -> None:
    """It would be in every process list, and in the error."""
    with pytest.raises(ConfigError) as refusal:
        Remote("s3://key:hunter2@bucket/prefix")
    assert "hunter2" not in str(refusal.value)


@pytest.mark.usefixtures("endpoint")
def test_store_that_refuses_is_one_line_without_secrets() -> None:
    """No such bucket; the line says what to look at."""
    with pytest.raises(StorageError) as refusal:
        Remote("s3://no-such-bucket/survey").create("a", b"x")
    assert "\n" not in str(refusal.value)
    assert ENVIRONMENT["AWS_SECRET_ACCESS_KEY"] not in str(refusal.value)


def test_store_is_proven_and_nothing_is_left(remote: Remote) -> None:
    """Each worker does so before its first slot."""
    prove_remote(remote.url)

    assert remote.names() == {}


def test_store_that_clobbers_is_refused(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does not know If-None-Match would lose shards."""
    real = obstore.put

    def put(*arguments: object, **options: object) -> object:
        return real(*arguments, **{**options, "mode": "overwrite"})

    monkeypatch.setattr(obstore, "put", put)
    with pytest.raises(StorageError, match="honours If-None-Match"):
        prove_remote(f"{remote.url}/clobbers")


@pytest.fixture
def place(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Workplace:
    """A worker's, with a copy of its own."""
    monkeypatch.setenv("SURVEY_COPIES", str(tmp_path / "copies"))
    return open_workplace(url)


def another(place: Workplace, folder: Path) -> Workplace:
    """Another machine's."""
    return replace(place, layout=Layout(folder))


def test_shard_is_committed_once_and_the_loser_gets_what_is_there(
    place: Workplace,
    tmp_path: Path,
    make_receipt: Callable[..., Receipt],
    make_observation: Callable[..., Observation],
) -> None:
    """Two workers that did the same shard."""
    other = another(place, tmp_path / "other")
    paths = [one.layout.run("c", "2026-W48").shard(0) for one in (place, other)]
    assert place.committed(paths[0]) is None

    table = rows("2026-W48", 0, [make_observation()])
    mine = place.commit(paths[0], table, make_receipt(observations=1, worker="one:1"))
    theirs = other.commit(paths[1], table, make_receipt(observations=1, worker="two:2"))

    assert (mine.worker, theirs.worker) == ("one:1", "one:1")
    assert (
        another(place, tmp_path / "third").committed(
            tmp_path / "third" / paths[0].relative_to(place.layout.root)
        )
        == mine
    )
    assert len(read_address(paths[1], 0xC0000201)) == 1


@pytest.mark.parametrize("before", [True, False])
def test_worker_that_dies_around_the_put_leaves_a_whole_shard_or_none(
    place: Workplace,
    monkeypatch: pytest.MonkeyPatch,
    make_receipt: Callable[..., Receipt],
    make_observation: Callable[..., Observation],
    *,
    before: bool,
) -> None:
    """Before: it is done again.  After, when the answer was lost: it counts."""
    path = place.layout.run("c", "2026-W48").shard(0)
    table = rows("2026-W48", 0, [make_observation()])
    real = obstore.put

    def put(*arguments: object, **options: object) -> object:
        if not before:
            real(*arguments, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(obstore, "put", put)
    with pytest.raises(KeyboardInterrupt):
        place.commit(path, table, make_receipt(observations=1, worker="one:1"))
    monkeypatch.setattr(obstore, "put", real)

    assert (place.committed(path) is None) == before
    again = place.commit(path, table, make_receipt(observations=1, worker="two:2"))
    assert again.worker == ("two:2" if before else "one:1")
    assert not list(path.parent.glob("commit-*"))


def test_message_is_noted_at_the_url_before_it_leaves(place: Workplace, tmp_path: Path) -> None:
    """Whoever does the shard again knows of it, on any machine."""
    path = place.layout.run("c", "2026-W48").messages(3)
    sent, note = place.messages(path)
    assert not sent
    note(0xC0000201)
    note(0xC0000201)

    other = another(place, tmp_path / "other")
    sent, _ = other.messages(other.layout.run("c", "2026-W48").messages(3))
    assert sent == {0xC0000201: 2}


def copy_of(remote: Remote, folder: Path) -> WorkingCopy:
    """A machine's copy."""
    return WorkingCopy(Layout(folder), remote)


def test_copy_gets_what_another_wrote_and_has_a_manifest(
    remote: Remote,
    place: Workplace,
    tmp_path: Path,
    make_receipt: Callable[..., Receipt],
    make_observation: Callable[..., Observation],
) -> None:
    """A listing is the manifest of a URL."""
    for shard in (0, 1):
        path = place.layout.run("c", "2026-W48").shard(shard)
        table = rows("2026-W48", shard, [make_observation()])
        place.commit(path, table, make_receipt(shard=shard, observations=1))
    mine = copy_of(remote, tmp_path / "mine")

    assert mine.exchange().fetched == 2
    assert len(read_manifest(Layout(tmp_path / "mine").run("c", "2026-W48")).shards) == 2
    assert mine.exchange().fetched == 0


def test_local_matters_stay_local(remote: Remote, tmp_path: Path) -> None:
    """Locks, queues, logs, reports, and what a query puts aside."""
    root = tmp_path / "mine"
    mine = copy_of(remote, root)
    names = (
        "coordinator.lock", "coordinator.json", "audit.log", "scratch/x", "reports/es/r/x.html",
        "arrivals/2026-11-23.log", "campaigns/c/r/handouts.log", "campaigns/c/r/followups.log",
        "campaigns/c/r/wishes.json", "campaigns/c/r/manifest.json", "letters/c/x.eml",
        "campaigns/c/r/shards/shard-000000.parquet.aa.part",
    )  # fmt: skip
    shared = ("campaigns/c/r/plan.json", "arrivals/2026-11-23.parquet", "campaigns/c/r/done.json")
    for name in (*names, *shared):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    mine.put()

    assert set(remote.names()) == set(shared)


def test_table_that_two_machines_made_is_not_overwritten(remote: Remote, tmp_path: Path) -> None:
    """The second is told, and its own stays where it is."""
    names = [tmp_path / name / "campaigns" / "c" / "r" / "findings.parquet" for name in ("a", "b")]
    copies = [copy_of(remote, tmp_path / name) for name in ("a", "b")]
    for number, (path, one) in enumerate(zip(names, copies, strict=True)):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"first")
        one.put()  # the same content is no conflict
        path.write_bytes(b"second %d" % number)
    copies[0].put()

    with pytest.raises(ReplacedError):
        copies[1].put()
    assert names[1].read_bytes() == b"second 1"


def test_copy_that_forgot_what_it_knew_compares(remote: Remote, tmp_path: Path) -> None:
    """After a crash before copy.json was written: nothing is fetched or put twice, or lost."""
    root = tmp_path / "mine"
    path = root / "campaigns" / "c" / "r" / "plan.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"{}")
    copy_of(remote, root).put()
    (root / "copy.json").unlink()
    again = copy_of(remote, root).exchange()

    assert again.fetched == 0
    assert remote.read("campaigns/c/r/plan.json") == b"{}"
