"""IANA's file: which server has which addresses."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from made_mirror import mirror

from survey.enrichment.contacts.bootstrap import fetch_bootstrap, read_bootstrap
from survey.errors import ConfigError, StorageError
from survey.model.address import parse_ip

SHAPE = Path(__file__).parents[2] / "made" / "rdap_shapes" / "bootstrap.json"


def test_the_narrowest_range_names_the_server() -> None:
    """Parts of a registry's range may be another's; the file says when it was published."""
    bootstrap = read_bootstrap(SHAPE)

    assert bootstrap.published == datetime(2026, 11, 3, 19, 0, 2, tzinfo=UTC)
    assert bootstrap.server_of(parse_ip("203.0.113.5")) == "https://rdap.apnic.example/"
    assert bootstrap.server_of(parse_ip("203.0.113.130")) == "https://rdap.lacnic.example/rdap/"
    assert bootstrap.server_of(parse_ip("10.0.0.1")) is None


def test_servers_without_tls_are_left_out(tmp_path: Path) -> None:
    """Anybody on the way could answer for them; and a missing last slash is added."""
    path = tmp_path / "ipv4.json"
    services = [
        [["192.0.2.0/24"], ["http://rdap.arin.example/"]],
        [["198.51.100.0/24"], ["http://rdap.ripe.example/", "https://rdap.ripe.example/x"]],
    ]
    path.write_text(json.dumps({"publication": "2026-11-03T19:00:02", "services": services}))
    bootstrap = read_bootstrap(path)

    assert bootstrap.server_of(parse_ip("192.0.2.7")) is None
    assert bootstrap.server_of(parse_ip("198.51.100.7")) == "https://rdap.ripe.example/x/"
    assert bootstrap.published.tzinfo is not None


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        {"publication": "2026-11-03T19:00:02Z"},
        {"publication": "lately", "services": []},
        {"publication": 5, "services": []},
        {"publication": "2026-11-03T19:00:02Z", "services": 5},
        {"publication": "2026-11-03T19:00:02Z", "services": [[["192.0.2.0/24"]]]},
        {"publication": "2026-11-03T19:00:02Z", "services": [[["192.0.2.1/24"], ["https://a/"]]]},
        {"publication": "2026-11-03T19:00:02Z", "services": [[[5], ["https://a/"]]]},
        {"publication": "2026-11-03T19:00:02Z", "services": [[["192.0.2.0/24"], [5]]]},
        {"publication": "2026-11-03T19:00:02Z", "services": [[["2001:db8::/32"], ["https://a/"]]]},
    ],
)
def test_another_file_is_refused_in_one_line(tmp_path: Path, content: Any) -> None:
    """The file for IPv6, say; with the cure."""
    path = tmp_path / "ipv4.json"
    path.write_text(json.dumps(content))

    with pytest.raises(ConfigError, match=r"fetch IANA's ipv4\.json again") as caught:
        read_bootstrap(path)
    assert "\n" not in str(caught.value)


def test_the_file_is_fetched(tmp_path: Path) -> None:
    """Whole, checked, and instead of an older one."""
    path = tmp_path / "ipv4.json"
    path.write_bytes(SHAPE.read_bytes().replace(b"2026-11-03", b"2026-10-03"))
    with mirror(SHAPE.read_bytes()) as place:
        fetched = fetch_bootstrap(path, mirror=place)

    assert fetched == read_bootstrap(path) == read_bootstrap(SHAPE)


@pytest.mark.parametrize(
    ("body", "kind", "wrong"),
    [
        (SHAPE.read_bytes().replace(b"2026-11-03", b"2026-11-02"), "application/json", "is older"),
        (SHAPE.read_bytes(), "text/html", "is of type 'text/html'"),
        (SHAPE.read_bytes()[:-9], "application/json", "is no JSON"),
        (b" " * 300 + b"{}", "application/json", "is no RDAP bootstrap file"),
        (b"{}", "application/json", "bytes"),
        (b" " * 2_000_000, "application/json", "bytes"),
    ],
)
def test_what_is_not_the_file_changes_nothing(
    tmp_path: Path, body: bytes, kind: str, wrong: str
) -> None:
    """The old one stays, and why is said in one line."""
    path = tmp_path / "ipv4.json"
    path.write_bytes(SHAPE.read_bytes())
    with mirror(body, kind) as place, pytest.raises(StorageError, match=wrong):
        fetch_bootstrap(path, mirror=place, pause=lambda _: None)

    assert path.read_bytes() == SHAPE.read_bytes()
    assert [one.name for one in tmp_path.iterdir()] == ["ipv4.json"]
