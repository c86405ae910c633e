"""A site takes the place of the old one whole, and of nothing else."""

import threading
from pathlib import Path

import pytest

from survey.errors import ConfigError
from survey.site.folder import MARK, write_site


def test_everybody_may_read_it(tmp_path: Path) -> None:
    """It is public: 0644 in 0755, whatever the umask."""
    write_site(tmp_path / "site", {"a/b/index.html": b"x", MARK: b"{}"})
    assert (tmp_path / "site/a/b/index.html").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "site/a/b").stat().st_mode & 0o777 == 0o755
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_an_earlier_site_is_gone(tmp_path: Path) -> None:
    """A page that is not made any more is not served any more."""
    write_site(tmp_path / "site", {"old.html": b"old", MARK: b"{}"})
    write_site(tmp_path / "site", {"new.html": b"new", MARK: b"{}"})
    assert sorted(path.name for path in (tmp_path / "site").iterdir()) == ["new.html", MARK]
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_what_is_no_site_is_left_alone(tmp_path: Path) -> None:
    """A mistyped folder is not deleted."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home/thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match="holds something else than a site"):
        write_site(tmp_path / "home", {MARK: b"{}"})
    assert (tmp_path / "home/thesis.txt").read_text() == "mine"


def test_readers_see_one_site_or_the_other(tmp_path: Path) -> None:
    """At no moment is there none, or a page without its style."""
    site = tmp_path / "site"
    write_site(site, {"index.html": b"0", MARK: b"{}"})
    done = threading.Event()
    seen = set()

    def look() -> None:
        while not done.is_set():
            seen.add((site / "index.html").read_bytes())

    watcher = threading.Thread(target=look)
    watcher.start()
    for turn in range(50):
        write_site(site, {"index.html": str(turn).encode(), MARK: b"{}"})
    done.set()
    watcher.join()
    assert seen <= {str(turn).encode() for turn in range(50)}
