"""Asking DNSBLs: within permission, once, and what it does not know it does not say."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from made_data import CAMPAIGN, RUN, MadeData, arrived, seen
from made_dnsbl import ZONE, ScriptedDnsbl, answer, scripted

from survey.cli.main import main
from survey.enrichment.dnsbl import Answer
from survey.enrichment.lookup import listings_of
from survey.errors import ConfigError, GateClosedError
from survey.flows import listings
from survey.flows.judge import judge
from survey.flows.listings import Checked, after, check_listings
from survey.model.address import format_ip, parse_ip
from survey.model.arrival import ArrivalKind
from survey.model.listing import Listed
from survey.model.observation import Step
from survey.storage.listing_checks import read_checks, write_checks
from survey.targets.campaign import read_campaign

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CAMPAIGN_FILE = """\
[campaign]
id = "nightwatch"
purpose = "a test"
kind = "lab"

[targets]
ranges = ["127.16.0.0/24"]

[probes.socks5]
ports = [1080]

[rate]
packets_per_second = 100

[canary]
domains = ["a.example", "b.example"]
smtp = "127.0.0.2:2525"
echo = "127.0.0.2:2526"

[optouts]
path = "optouts.log"
"""
ZONES = """
[[listings.zones]]
zone = "{zone}"
nameserver = "127.0.0.1:{port}"
permission = "by ourselves"
queries_per_second = {rate}
codes = {{ "127.0.0.2" = "open relay", "127.0.0.3" = "open proxy" }}
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedDnsbl]:
    """A DNSBL that the test scripts; nobody waits long for it."""
    door = listings.DnsblDoor
    monkeypatch.setattr(listings, "DnsblDoor", lambda allowed: door(allowed, 0.2))
    with scripted() as one:
        yield one


@pytest.fixture
def made(tmp_path: Path) -> MadeData:
    """A data directory with a judged run: one open relay, one sink, one closed server."""
    data = MadeData(tmp_path)
    data.scan(
        [
            seen("192.0.2.1", step=Step.SENT, token="open"),
            seen("192.0.2.2", step=Step.SENT, token="sink"),
            seen("192.0.2.3", step=Step.SPOKE, refused_at="RCPT", code=554, reply=b"554 no"),
        ]
    )
    data.arrive([arrived(ArrivalKind.MESSAGE, "open")])
    judge(data.settings, CAMPAIGN, RUN)
    return data


def campaign(made: MadeData, server: ScriptedDnsbl, rate: float = 1000.0, more: str = "") -> Path:
    """A campaign that may ask the server."""
    path = made.optouts.with_name("campaign.toml")
    zones = ZONES.format(zone=ZONE, port=server.endpoint.port, rate=rate)
    path.write_text(CAMPAIGN_FILE + zones + more)
    return path


def checked(made: MadeData, server: ScriptedDnsbl, *ips: str, more: str = "") -> Checked:
    """One check."""
    path = campaign(made, server, more=more)
    wished = [parse_ip(ip) for ip in ips]
    return check_listings(made.settings, path, read_campaign(path), wished, lambda _: None)


def states(found: Checked) -> dict[str, str]:
    """What is known of each address."""
    return {format_ip(one.ip): one.state for one in found.checks}


def test_answers_are_kept_with_their_meaning(made: MadeData, server: ScriptedDnsbl) -> None:
    """Listed, not listed, unknown; and the table is private."""
    server.listed["192.0.2.1"] = ("127.0.0.3",)
    server.scripts["192.0.2.9"] = lambda _ip, _query: []
    found = checked(made, server, "192.0.2.1", "192.0.2.2", "192.0.2.9")
    (zone,) = found.zones

    assert states(found) == {
        "192.0.2.1": "listed",
        "192.0.2.2": "not_listed",
        "192.0.2.9": "unknown",
    }
    assert (zone.asked, zone.listed, zone.not_listed, zone.unknown) == (3, 1, 1, 1)
    row = read_checks(made.layout, ZONE)[parse_ip("192.0.2.1")]
    assert (row.code, row.reason) == ("127.0.0.3", "open proxy")
    assert row.since == row.last_seen == row.checked_at
    assert {path.stat().st_mode & 0o077 for path in made.layout.listings.iterdir()} == {0}
    assert '"what": "listings check"' in made.layout.audit.read_text()


def test_an_answer_that_holds_is_not_asked_for_again(made: MadeData, server: ScriptedDnsbl) -> None:
    """But an unknown one is."""
    server.scripts["192.0.2.9"] = lambda _ip, _query: []
    checked(made, server, "192.0.2.1", "192.0.2.9")
    before = len(server.asked)
    server.scripts.clear()
    found = checked(made, server, "192.0.2.1", "192.0.2.9")

    assert [ip for ip, _ in server.asked[before:]] == ["127.0.0.2", "127.0.0.1", "192.0.2.9"]
    assert (found.zones[0].asked, found.zones[0].cached) == (1, 1)
    assert set(states(found).values()) == {"not_listed"}


def test_nothing_is_asked_without_a_zone(made: MadeData, server: ScriptedDnsbl) -> None:
    """Off by default."""
    path = campaign(made, server)
    path.write_text(CAMPAIGN_FILE)

    with pytest.raises(ConfigError, match="no DNSBL may be asked"):
        check_listings(made.settings, path, read_campaign(path), [1], lambda _: None)
    assert server.asked == []


def test_who_opted_out_is_not_asked_about(made: MadeData, server: ScriptedDnsbl) -> None:
    """Their address is told to nobody; without the log, nobody's is."""
    made.opt_out("192.0.2.1")
    found = checked(made, server, "192.0.2.1", "192.0.2.2")

    assert server.questions() == ["192.0.2.2"]
    assert found.opted_out == 1
    made.optouts.unlink()
    with pytest.raises(GateClosedError):
        checked(made, server, "192.0.2.2")


def test_a_zone_that_is_not_to_be_believed_is_not_asked(
    made: MadeData, server: ScriptedDnsbl
) -> None:
    """It lists everybody; nothing is recorded."""
    server.listed["127.0.0.1"] = ("127.0.0.2",)
    found = checked(made, server, "192.0.2.1")

    assert server.questions() == []
    assert "127.0.0.1" in found.zones[0].trouble
    assert read_checks(made.layout, ZONE) == {}


def test_a_zone_that_stops_answering_is_left_alone(
    made: MadeData, server: ScriptedDnsbl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some unknowns in a row; what it said before is kept."""
    monkeypatch.setattr(listings, "GIVE_UP_AFTER", 3)
    monkeypatch.setattr(listings, "AT_ONCE", 1)
    for last in range(10, 30):
        server.scripts[f"192.0.2.{last}"] = lambda _ip, query: [answer(query, rcode=5)]
    found = checked(made, server, "192.0.2.1", *(f"192.0.2.{last}" for last in range(10, 30)))

    assert len(server.questions()) == 4
    assert found.zones[0].trouble == "gave no usable answer 3 times in a row"
    assert states(found)["192.0.2.1"] == "not_listed"
    assert found.zones[0].unknown == 20


def test_since_and_last_seen_go_from_answer_to_answer() -> None:
    """An unknown answer changes neither; being taken off the list ends them."""
    listed = Answer(Listed.LISTED, ("127.0.0.2",), "open relay")
    days = [NOW + timedelta(days=day) for day in range(5)]
    first = after(None, ZONE, 1, listed, days[0])
    second = after(first, ZONE, 1, listed, days[1])
    silent = after(second, ZONE, 1, Answer(Listed.UNKNOWN), days[2])
    gone = after(silent, ZONE, 1, Answer(Listed.NOT_LISTED), days[3])
    again = after(gone, ZONE, 1, listed, days[4])

    assert (second.since, second.last_seen, second.stands) == (days[0], days[1], True)
    assert (silent.state, silent.since, silent.last_seen) == (Listed.UNKNOWN, days[0], days[1])
    assert silent.stands
    assert silent.asked_at == days[2]
    assert (gone.state, gone.since, gone.stands) == (Listed.NOT_LISTED, None, False)
    assert (again.since, again.stands) == (days[4], True)


def test_a_silence_alone_lists_nobody() -> None:
    """Nor does it say that an address is not listed."""
    row = after(None, ZONE, 1, Answer(Listed.UNKNOWN), NOW)

    assert (row.state, row.stands, row.checked_at) == (Listed.UNKNOWN, False, None)


def test_what_a_dnsbl_answered_is_a_listing(made: MadeData, server: ScriptedDnsbl) -> None:
    """For findings and letters, beside those of snapshots."""
    server.listed["192.0.2.1"] = ("127.0.0.2",)
    checked(made, server, "192.0.2.1", "192.0.2.2")
    today = datetime.now(UTC).date()
    (entry,) = listings_of(made.layout, parse_ip("192.0.2.1"), today)

    assert (entry.name, entry.snapshot, entry.code, entry.reason) == (
        ZONE,
        "check",
        "127.0.0.2",
        "open relay",
    )
    assert entry.known_since == entry.last_seen
    assert listings_of(made.layout, parse_ip("192.0.2.2"), today) == ()


def run(made: MadeData, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of ``survey`` in this data directory."""
    result = CliRunner().invoke(main, ["--data", str(made.layout.root), *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_asks_about_a_runs_open_and_suspected_servers(
    made: MadeData, server: ScriptedDnsbl
) -> None:
    """Unless it is given addresses; the campaign may stand anywhere."""
    server.listed["192.0.2.1"] = ("127.0.0.2",)
    path = str(campaign(made, server))
    code, out, err = run(made, "listings", "check", path, "--json")

    assert code == 0, err
    assert server.questions() == ["192.0.2.1", "192.0.2.2"]
    found = {row["ip"]: row for row in json.loads(out)}
    assert found["192.0.2.1"]["state"] == "listed"
    assert found["192.0.2.1"]["listing"] == ZONE
    assert "1 listed, 1 not listed, 0 unknown" in err
    assert "by ourselves" in err
    code, out, _ = run(made, "listings", "check", "192.0.2.77", "--campaign", path, "--json")
    assert (code, [row["ip"] for row in json.loads(out)]) == (0, ["192.0.2.77"])
    assert server.questions()[-1] == "192.0.2.77"


@pytest.mark.parametrize("arguments", [(), ("192.0.2.1",), ("a.toml", "b.toml")])
def test_the_command_needs_one_campaign(made: MadeData, arguments: tuple[str, ...]) -> None:
    """It alone says who may be asked."""
    code, _, err = run(made, "listings", "check", *arguments)

    assert code == 2
    assert "one campaign says which DNSBLs may be asked" in err


def test_the_command_fails_if_a_zone_could_not_be_asked(
    made: MadeData, server: ScriptedDnsbl
) -> None:
    """So that a schedule notices."""
    del server.listed["127.0.0.2"]
    code, out, err = run(made, "listings", "check", str(campaign(made, server)), "--json")

    assert code == 1
    assert json.loads(out) == []
    assert "does not list 127.0.0.2" in err


def test_ctrl_c_keeps_what_was_answered(
    made: MadeData, server: ScriptedDnsbl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next check goes on there; exit code 3 says so."""
    ask = listings.Asker.look_up

    async def interrupted(asker: listings.Asker, ip: int) -> Answer:
        if ip == parse_ip("192.0.2.2"):
            raise KeyboardInterrupt
        return await ask(asker, ip)

    monkeypatch.setattr(listings, "AT_ONCE", 1)
    monkeypatch.setattr(listings.Asker, "look_up", interrupted)
    path = str(campaign(made, server))
    code, _, err = run(made, "listings", "check", path)

    assert code == 3
    assert "run it again to go on" in err
    assert list(read_checks(made.layout, ZONE)) == [parse_ip("192.0.2.1")]


def test_rows_past_their_retention_die(made: MadeData, server: ScriptedDnsbl) -> None:
    """What nobody asks about any more is not kept for ever."""
    checked(made, server, "192.0.2.1")
    rows = read_checks(made.layout, ZONE)
    old = rows[parse_ip("192.0.2.1")]
    aged = replace(old, asked_at=old.asked_at - timedelta(days=31))
    write_checks(made.layout, ZONE, {aged.ip: aged})
    checked(made, server, "192.0.2.2", more="[retention]\nfindings = 30\nevidence = 30\n")

    assert list(read_checks(made.layout, ZONE)) == [parse_ip("192.0.2.2")]


def test_the_command_imports_a_file_whole_or_names_the_line(made: MadeData, tmp_path: Path) -> None:
    """And lists what is in force, by the names that a campaign's targets may have."""
    path = tmp_path / "zone.txt"
    path.write_text("$TTL 600\n192.0.2.0/24 :2:listed\n!192.0.2.9\n")
    words = ["--format", "ip4set", "--listing", "bl.example", "--licence", "ours"]
    code, _, err = run(made, "listings", "import", str(path), *words)
    assert code == 0
    assert "2 entries, in force from" in err
    code, out, _ = run(made, "listings", "list", "--json")
    assert code == 0
    (known,) = json.loads(out)
    assert (known["name"], known["ranges"], known["names"]) == ("bl.example", 2, 0)

    path.write_text("192.0.2.0/24\n192.0.2.300\n")
    code, _, err = run(made, "listings", "import", str(path), *words)
    assert code == 2
    assert f"{path}: line 2: " in err
    assert json.loads(run(made, "listings", "list", "--json")[1]) == [known]
