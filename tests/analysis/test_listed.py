"""Which public listings name a finding's server: by address, range, proven name, or over DNS."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from made_data import CAMPAIGN, MORNING, RUN, MadeData, arrived, seen

import survey
from survey.cli.main import main
from survey.enrichment.formats import Format
from survey.enrichment.lookup import listings_of
from survey.enrichment.snapshots import import_snapshot
from survey.errors import ConfigError
from survey.flows.judge import judge
from survey.model.address import parse_ip
from survey.model.arrival import ArrivalKind
from survey.model.listing import Listed
from survey.model.observation import Protocol, Step
from survey.model.probe import Probe
from survey.storage.listing_checks import Check, write_checks
from survey.storage.registries import SnapshotKind

NAMED = b"EHLO p.example\r\nMAIL FROM:<t@a.example>\r\nRCPT TO:<postmaster@mail.bad.example>\r\n"
GREETING = b"220 mail.bad.example ready\r\n"
FETCHED = datetime(2026, 11, 20, tzinfo=UTC)
ZONE = """\
:2:listed
192.0.2.0/24
192.0.2.1 :3:open relay at $
!192.0.2.64/26
"""
NAMES = """\
*.bad.example :4:bad name
.good.example
!mail.good.example
"""


@pytest.fixture
def made(tmp_path: Path) -> MadeData:
    """A judged run over servers that are listed in different ways."""
    data = MadeData(tmp_path)
    common = {"received": GREETING, "protocol": Protocol.SMTP}
    data.scan(
        [
            seen("192.0.2.1", step=Step.SENT, token="open", **common),
            seen("192.0.2.1", variant="C0", step=Step.ACCEPTED, code=250, sent=NAMED, **common),
            seen("192.0.2.1", Probe.SOCKS5, "echo", step=Step.SPOKE, refused_at="METHOD", code=255),
            seen("192.0.2.2", step=Step.SENT, token="sink", **common),
            seen("192.0.2.70", step=Step.SENT, token="out", **common),
            seen("198.51.100.1", step=Step.CONNECTED),
        ]
    )
    data.arrive([arrived(ArrivalKind.MESSAGE, "open")])
    judge(data.settings, CAMPAIGN, RUN)
    for name, text, type_ in (("zone", ZONE, Format.IP4SET), ("names", NAMES, Format.DNSET)):
        path = tmp_path / name
        path.write_text(text)
        import_snapshot(
            data.layout,
            SnapshotKind.LISTING,
            path,
            source=f"{name}.example",
            written_as=type_,
            retrieved_at=FETCHED,
        )
    return data


def listed(made: MadeData) -> dict[tuple[str, str], dict[str, str]]:
    """Reason of each listing, by address and probe of the finding."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    with survey.open(made.layout.root) as notebook:
        for row in notebook.listed(CAMPAIGN, RUN).to_arrow_table().to_pylist():
            key = (row["address"], row["probe"])
            found.setdefault(key, {})[row["listing"]] = row["reason"]
    return found


def test_a_finding_names_its_listings(made: MadeData) -> None:
    """The narrowest entry speaks; an exclusion and an unproven name list nobody."""
    relay = {"zone.example": "open relay at 192.0.2.1", "names.example": "bad name"}

    assert listed(made) == {
        ("192.0.2.1", "smtp_relay"): relay,
        ("192.0.2.1", "socks5"): {"zone.example": "open relay at 192.0.2.1"},
        ("192.0.2.2", "smtp_relay"): {"zone.example": "listed"},
    }


def test_the_letters_look_up_says_the_same(made: MadeData) -> None:
    """One address at a time, for explain and letters."""
    today = datetime.now(UTC).date()
    relay = listings_of(made.layout, parse_ip("192.0.2.1"), today, "mail.bad.example")

    assert [(one.name, one.reason, one.code) for one in relay] == [
        ("names.example", "bad name", "127.0.0.4"),
        ("zone.example", "open relay at 192.0.2.1", "127.0.0.3"),
    ]
    assert {one.known_since for one in relay} == {FETCHED}
    assert listings_of(made.layout, parse_ip("192.0.2.70"), today) == ()
    for host, names in (("mail.good.example", 0), ("a.mail.good.example", 1), ("good.example", 1)):
        found = listings_of(made.layout, parse_ip("203.0.113.1"), today, host)
        assert len(found) == names, host


def checks(made: MadeData, *rows: tuple[str, Listed, datetime | None, datetime | None]) -> None:
    """What a DNSBL answered: state, last time it listed the address, last time it answered."""
    write_checks(
        made.layout,
        "dns.example",
        {
            parse_ip(ip): Check(
                "dns.example",
                parse_ip(ip),
                state,
                "127.0.0.2" if last_seen else None,
                "open relay" if last_seen else None,
                MORNING if last_seen else None,
                last_seen,
                checked_at,
                checked_at or MORNING,
            )
            for ip, state, last_seen, checked_at in rows
        },
    )


def test_an_answer_over_dns_is_a_listing_while_it_stands(made: MadeData) -> None:
    """An unknown answer changes nothing, one that says "not listed" ends it."""
    later = MORNING + timedelta(days=1)
    checks(
        made,
        ("192.0.2.1", Listed.LISTED, later, later),
        ("192.0.2.2", Listed.UNKNOWN, later, later),
        ("192.0.2.70", Listed.NOT_LISTED, MORNING, later),
        ("198.51.100.1", Listed.UNKNOWN, None, None),
    )

    assert {ip for (ip, _), entries in listed(made).items() if "dns.example" in entries} == {
        "192.0.2.1",
        "192.0.2.2",
    }


def test_who_opts_out_is_in_no_view_of_listings(made: MadeData) -> None:
    """Also of those that name single addresses."""
    checks(made, ("192.0.2.1", Listed.LISTED, MORNING, MORNING))
    made.opt_out("192.0.2.1")

    with survey.open(made.layout.root) as notebook:
        for view in ("listing_checks", "listed"):
            rows = notebook.sql(f"FROM {view}").project("ip").fetchall()
            assert (parse_ip("192.0.2.1"),) not in rows
        assert notebook.sql(
            "SELECT count(*) FROM listings WHERE snapshot = 'check'"
        ).fetchall() == [(0,)]


def test_without_any_listing_one_reads_how_to_have_some(tmp_path: Path) -> None:
    """A table that nothing was written for names its command; what rests on it is empty."""
    data = MadeData(tmp_path)
    data.scan([seen("192.0.2.1", step=Step.CONNECTED)])
    judge(data.settings, CAMPAIGN, RUN)

    with survey.open(data.layout.root) as notebook:
        for view in ("listings", "listing_names", "listing_checks"):
            with pytest.raises(ConfigError, match="survey listings"):
                notebook.sql(f"FROM {view}")
        assert notebook.sql("FROM listed").fetchall() == []
        assert "known_since" in notebook.sql("FROM listed").columns


def test_findings_as_json_say_since_when(made: MadeData) -> None:
    """Each finding has its listings, or an empty list; the table names them."""
    campaign = made.optouts.with_name("campaign.toml")
    campaign.write_text(
        '[campaign]\nid = "nightwatch"\npurpose = "a test"\nkind = "lab"\n'
        '[targets]\nranges = ["127.16.0.0/24"]\n[probes.socks5]\nports = [1080]\n'
        "[rate]\npackets_per_second = 100\n"
        '[canary]\ndomains = ["a.example", "b.example"]\nsmtp = "127.0.0.2:2525"\n'
        'echo = "127.0.0.2:2526"\n[optouts]\npath = "optouts.log"\n'
    )
    command = ["--data", str(made.layout.root), "findings", str(campaign)]
    result = CliRunner().invoke(main, [*command, "--json"])
    assert result.exit_code == 0, result.stderr
    found = {(row["ip"], row["probe"]): row["listings"] for row in json.loads(result.stdout)}

    assert found["192.0.2.1", "smtp_relay"] == [
        {"listing": "names.example", "since": FETCHED.isoformat()},
        {"listing": "zone.example", "since": FETCHED.isoformat()},
    ]
    assert found["198.51.100.1", "smtp_relay"] == []
    shown = CliRunner().invoke(main, [*command, "--verdict", "open"]).stdout
    assert "names.example, zone.example" in shown
