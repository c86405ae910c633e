"""Campaign files: what is read, and one clear line for every kind of mistake."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import BaseModel

from survey.errors import ConfigError
from survey.model.address import parse_ip
from survey.model.plan import Endpoint, Kind
from survey.model.probe import Probe
from survey.storage.config_file import tables_of
from survey.targets.campaign import Campaign, read_campaign
from survey.targets.ranges import parse_cidr

Write = Callable[..., Path]
DOCS = Path(__file__).parents[2] / "docs" / "campaign.md"


def zone(change: tuple[str, str] = ("", "")) -> str:
    """A DNSBL that may be asked, changed in one place."""
    text = (
        '[[listings.zones]]\nzone = "bl.example"\nnameserver = "127.0.0.9:53"\n'
        'permission = "by ourselves"\nqueries_per_second = 2.5\n'
        'codes = { "127.0.0.2" = "open relay" }\n'
    )
    assert change[0] in text
    return text.replace(*change)


def test_survey_is_read_into_exact_types(write: Write, survey_text: str, tmp_path: Path) -> None:
    """Addresses become numbers, times UTC, paths absolute."""
    text = survey_text.replace("2099-01-01T00:00:00Z", "2099-01-01T01:00:00+01:00")
    campaign = read_campaign(write(text, ('"5.6.7.0/24"', '"5.6.7.0/24", "lists/no.txt"')))
    assert campaign.id == "national"
    assert campaign.kind is Kind.SURVEY
    assert campaign.valid_until == datetime(2099, 1, 1, tzinfo=UTC)
    assert campaign.targets.ranges == (parse_cidr("5.6.0.0/16"),)
    assert campaign.targets.excluded_ranges == (parse_cidr("5.6.7.0/24"),)
    assert campaign.targets.exclusion_files == (tmp_path / "lists/no.txt",)
    assert campaign.canary.smtp == Endpoint(parse_ip("203.0.113.25"), 25)
    assert campaign.optouts.path == tmp_path / "optouts.jsonl"
    chosen = [(probe, table.ports) for probe, table in campaign.probes.chosen]
    assert chosen == [(Probe.SMTP_RELAY, (25,)), (Probe.HTTP_CONNECT, (3128, 8080))]


def test_lab_needs_neither_authority_nor_identity(write: Write, lab_text: str) -> None:
    """Nobody outside hears a lab; everything else has a default."""
    campaign = read_campaign(write(lab_text))
    assert campaign.authority is None
    assert campaign.valid_until is None
    assert campaign.identity.helo == "probe.lab.example"
    assert campaign.names.source == "none"
    assert campaign.cluster.lease_seconds == 12


def test_relative_paths_start_from_the_campaigns_folder(
    write: Write, lab_text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Wherever the command is run."""
    write(lab_text, ('"optouts.jsonl"', '"../org/optouts.jsonl"'))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    campaign = read_campaign(Path("..") / "campaign.toml")
    assert campaign.optouts.path.resolve() == tmp_path.parent / "org" / "optouts.jsonl"
    assert campaign.optouts.path.is_absolute()


def test_names_have_a_source(write: Write, lab_text: str, tmp_path: Path) -> None:
    """A hosts file or the campaign's own resolver."""
    hosts = read_campaign(write(lab_text + '[names]\nhosts = "hosts"\n'))
    assert hosts.names.source == f"hosts:{tmp_path / 'hosts'}"
    resolver = read_campaign(write(lab_text + '[names]\nresolver = "127.0.0.1:5353"\n'))
    assert resolver.names.source == "dns:127.0.0.1:5353"


def test_stated_keys_are_those_of_the_file(write: Write, lab_text: str, tmp_path: Path) -> None:
    """Defaults and retention are not what a person stated about a run."""
    stated = dict(read_campaign(write(lab_text + "[retention]\nevidence = 9\n")).stated())
    assert stated["rate.packets_per_second"] == "1000"
    assert stated["targets.ranges"] == '["127.16.0.0/24"]'
    assert stated["canary.smtp"] == '"127.0.0.53:2525"'
    assert stated["optouts.path"] == f'"{tmp_path / "optouts.jsonl"}"'
    assert not [key for key in stated if key.startswith(("retention", "cluster", "identity"))]


def test_dnsbls_are_no_part_of_what_a_run_is(write: Write, lab_text: str) -> None:
    """A permission may come or go while a run is unfinished; nothing is asked without one."""
    plain = read_campaign(write(lab_text))
    asking = read_campaign(write(lab_text + zone()))
    (one,) = asking.listings.zones

    assert plain.listings.zones == ()
    assert plain.stated() == asking.stated()
    assert one.dnsbl.nameserver == Endpoint(parse_ip("127.0.0.9"), 53)
    assert one.dnsbl.meanings == (("127.0.0.2", "open relay"),)
    assert one.dnsbl.cache_hours == 24


def test_a_lab_asks_nobody_outside(write: Write, lab_text: str) -> None:
    """Also no DNSBL, whatever its permission."""
    with pytest.raises(ConfigError, match="is outside of a lab") as caught:
        read_campaign(write(lab_text + zone(("127.0.0.9", "192.0.2.53"))))
    assert caught.value.key == "listings.zones.0.nameserver"


def test_ended_campaign_can_still_be_read(write: Write, survey_text: str) -> None:
    """It must be possible to stop, judge and report it; planning refuses it."""
    campaign = read_campaign(write(survey_text, ("2099-01-01", "2001-01-01")))
    assert campaign.valid_until == datetime(2001, 1, 1, tzinfo=UTC)


BOTH_MISTAKES = [
    ("purpose =", "purposes =", "campaign.purpose", "'purposes' should be it"),
    ("[rate]", "[rates]", "rate", "'rates' should be it"),
    ("[optouts]\npath", "[optouts]\nfile", "optouts.path", "add it"),
    ('path = "optouts.jsonl"', "", "optouts.path", "add it"),
    ("packets_per_second = 1000", "", "rate.packets_per_second", "add it"),
    ("packets_per_second = 1000", 'packets_per_second = "1"', "rate.packets_per_second", "whole"),
    ("packets_per_second = 1000", "packets_per_second = 1.5", "rate.packets_per_second", "whole"),
    ("packets_per_second = 1000", "packets_per_second = true", "rate.packets_per_second", "whole"),
    ("packets_per_second = 1000", "packets_per_second = 0", "rate.packets_per_second", "least 1"),
    (
        "packets_per_second = 1000",
        "packets_per_second = 1000001",
        "rate.packets_per_second",
        "at most 1000000",
    ),
    ("= 1000", "= 1000\nper_24_per_second = 0", "rate.per_24_per_second", "above 0"),
    ("= 1000", "= 1000\nper_24_per_second = nan", "rate.per_24_per_second", "a number"),
    ("= 1000", '= 1000\nper_24_per_second = "1"', "rate.per_24_per_second", "a number"),
    ("= 1000", "= 1000\nper_24_per_second = 1e9", "rate.per_24_per_second", "at most 100000"),
    ("= 1000", "= 1000\nper_host_connections = 99", "rate.per_host_connections", "at most 16"),
    ("= 1000", "= 1000\n[cluster]\nslots = 2000", "cluster.slots", "at most 1024"),
    ("= 1000", "= 1\n[cluster]\nslots = 2", "cluster.slots", "at most 1"),
    ("= 1000", "= 1000\n[cluster]\nlease_seconds = 60", "cluster.lease_seconds", "at most 12"),
    ("= 1000", "= 1000\n[cluster]\nshard_seconds = 0", "cluster.shard_seconds", "at least 1"),
    ("= 1000", "= 1000\n[retention]\nevidence = 0", "retention.evidence", "at least 1"),
    ("= 1000", "= 1000\n[followups]\ngreylisted = 0", "followups.greylisted", "above 0"),
    ("= 1000", "= 1000\n[followups]\nwish = 1", "followups.wish", "known keys"),
    ('kind = "', 'kind = "x', "campaign.kind", "'survey' or 'lab'"),
    ('kind = "', 'kind = 3 # "', "campaign.kind", "'survey' or 'lab'"),
    ("[campaign]\n", "campaign = 3\n[autority]\n", "campaign", "[campaign] with keys"),
    ('id = "', 'id = "Not an id ', "campaign.id", "lower-case"),
    ('id = "', 'id = "../', "campaign.id", "lower-case"),
    ('purpose = "', 'purpose = "\\n', "campaign.purpose", "one line"),
    (
        "[targets]\nranges = [",
        '[targets]\nranges = ["1.2.3.0/99", ',
        "targets.ranges.0",
        "192.0.2.0/24",
    ),
    (
        "[targets]\nranges = [",
        '[targets]\nranges = ["127.0.0.9/8", ',
        "targets.ranges.0",
        "write 127.0.0.0/8",
    ),
    (
        "[targets]\nranges = [",
        '[targets]\nranges = ["2001:db8::/32", ',
        "targets.ranges.0",
        "192.0.2.0/24",
    ),
    ("[targets]\nranges = [", "[targets]\nranges = [5, ", "targets.ranges.0", "192.0.2.0/24"),
    ("[targets]\nranges = [", '[targets]\nranges = "no" # [', "targets.ranges", "a [list]"),
    ("[targets]\nranges = [", "[targets]\nranges = [] # [", "targets", "give ranges"),
    ("[targets]\nranges = [", "[targets]\n# [", "targets", "give ranges"),
    ("[targets]\n", '[targets]\ncountries = ["Spain"]\n', "targets.countries.0", '"ES"'),
    ("[targets]\n", '[targets]\nnetworks = ["AS64496"]\n', "targets.networks.0", "whole"),
    ("[targets]\n", "[targets]\nnetworks = [0]\n", "targets.networks.0", "at least 1"),
    ("[targets]\n", "[targets]\nlists = [3]\n", "targets.lists.0", "write it like"),
    ("[probes.", "[probes.finger]\nports = [79]\n[probes.", "probes.finger", "known keys: smtp"),
    ("[probes.", "[probes.socks]\nports = [79]\n[probes.", "probes.socks", "did you mean 'socks"),
    ("[probes.", "[probes.socks4]\nports = []\n[probes.", "probes.socks4.ports", "at least 1"),
    ("[probes.", "[probes.socks4]\n[probes.", "probes.socks4.ports", "add it"),
    ("[probes.", "[probes.socks4]\nports = [0]\n[probes.", "probes.socks4.ports.0", "least 1"),
    (
        "[probes.",
        "[probes.socks4]\nports = [1, 70000]\n[probes.",
        "probes.socks4.ports.1",
        "at most 65535",
    ),
    ("[probes.", "[probes.socks4]\nports = [1, 2, 1]\n[probes.", "probes.socks4.ports", "once"),
    ("[probes.", '[probes.socks4]\nports = ["1"]\n[probes.', "probes.socks4.ports.0", "whole"),
    ("[probes.", "[probes.socks4]\nports = 25\n[probes.", "probes.socks4.ports", "a [list]"),
    (
        "[probes.",
        "[probes.socks4]\nport = 25\n[probes.",
        "probes.socks4.ports",
        "'port' should be it",
    ),
    ("[canary]\ndomains = [", '[canary]\ndomains = ["x.example"] # [', "canary.domains", "least 2"),
    ("domains = [", 'domains = ["a.example.org", ', "canary.domains", "at most 2"),
    ("domains = [", 'domains = ["nodot", "b.example.org"] # [', "canary.domains.0", "probe."),
    (
        "domains = [",
        'domains = ["a.example.org", "A.example.org"] # [',
        "canary.domains",
        "give two",
    ),
    ('smtp = "', 'smtp = "mx.example.org:25" # "', "canary.smtp", "192.0.2.25:25"),
    ('smtp = "', 'smtp = "127.0.0.1" # "', "canary.smtp", "192.0.2.25:25"),
    ('smtp = "', 'smtp = "127.0.0.1:0" # "', "canary.smtp", "192.0.2.25:25"),
    ('smtp = "', 'smtp = "127.0.0.1:99999" # "', "canary.smtp", "192.0.2.25:25"),
    ('smtp = "', 'smtp = "127.0.0.999:25" # "', "canary.smtp", "192.0.2.25:25"),
    ('smtp = "', 'smtp = 25 # "', "canary.smtp", "192.0.2.25:25"),
    ("path = ", "path = 3 # ", "optouts.path", "write it like"),
    ("path = ", 'path = "" # ', "optouts.path", "write it like"),
    (
        "= 1000",
        '= 1000\n[names]\nhosts = "hosts"\nresolver = "127.0.0.1:53"',
        "names",
        "keep one",
    ),
    ("= 1000", '= 1000\n[names]\nresolver = "dns.example"', "names.resolver", "192.0.2.25:25"),
    *(
        ("= 1000", f"= 1000\n{zone(change)}", f"listings.zones.0{key}", cure)
        for change, key, cure in (
            (("zone =", "zones ="), ".zone", "'zones' should be it"),
            (('"bl.example"', '"bl"'), ".zone", "probe.example.org"),
            (("127.0.0.9:53", "dns.example:53"), ".nameserver", "192.0.2.25:25"),
            (('permission = "by ourselves"', ""), ".permission", "add it"),
            (("= 2.5", "= 0.0"), ".queries_per_second", "must be above 0"),
            (("= 2.5", "= 1001.0"), ".queries_per_second", "at most 1000"),
            (('{ "127.0.0.2" = "open relay" }', "{}"), ".codes", "least 1"),
            (('"127.0.0.2"', '"2"'), ".codes.2", "127.0.0.2"),
            (('"127.0.0.2"', '"127.0.0.1"'), ".codes.127.0.0.1", "127.0.0.2"),
            (('"127.0.0.2"', '"127.255.255.254"'), ".codes.127.255.255.254", "127.0.0.2"),
            (('"127.0.0.2"', '"192.0.2.2"'), ".codes.192.0.2.2", "127.0.0.2"),
            (("codes =", "cache = 1\ncodes ="), ".cache", "cache_hours"),
        )
    ),
    ("= 1000", f"= 1000\n{zone()}{zone()}", "listings.zones.1.zone", "write it once"),
]

SURVEY_MISTAKES = [
    ("[authority]", "[authority.x]", "authority.agency", "add it"),
    ('helo = "probe.example.org"', 'helo = "localhost"', "identity.helo", "probe.example.org"),
    ('helo = "probe.example.org"', 'helo = "192.0.2.1"', "identity.helo", "probe.example.org"),
    ('helo = "probe.example.org"', 'helo = "a_b.example"', "identity.helo", "probe.example.org"),
    ('helo = "probe.example.org"', 'helo = "x.example\\r\\nA"', "identity.helo", "probe."),
    ('contact = "survey@', 'contact = "', "identity.contact", "survey@example.org"),
    ('"https://', '"http://', "identity.page", "https://survey.example.org/"),
    ('"https://', '"https:/', "identity.page", "https://survey.example.org/"),
    ("2099-01-01T00:00:00Z", "2099-01-01T00:00:00", "authority.valid_until", "T00:00:00Z"),
    ("2099-01-01T00:00:00Z", "2099-01-01", "authority.valid_until", "2027-01-31T00:00:00Z"),
    ("2099-01-01T00:00:00Z", '"next year"', "authority.valid_until", "2027-01-31T00:00:00Z"),
    ('reference = "2026/17"', "", "authority.reference", "add it"),
    ('ranges = ["198.51.100.0/24", "5.0.0.0/8"]', "", "authority.covers", "give ranges"),
    ('ranges = ["198.51.100.0/24"', 'nets = ["5.0.0.0/8"', "authority.covers.nets", "networks"),
    ('smtp = "203.0.113.25:25"', 'smtp = "127.0.0.1:25"', "canary.smtp", "public address"),
    ('echo = "203.0.113.25:2525"', 'echo = "10.0.0.1:25"', "canary.echo", "public address"),
    ('echo = "203.0.113.25:2525"', 'echo = "203.0.113.25:25"', "canary.echo", "another port"),
    ('echo = "203.0.113.25:2525"', 'echo = "5.6.9.9:25"', "canary.echo", "targets.exclude"),
    (
        'helo = "probe',
        'source_addresses = ["127.0.0.1"]\nhelo = "probe',
        "identity.source_addresses",
        "public address",
    ),
    (
        'helo = "probe',
        'source_addresses = ["eth0"]\nhelo = "probe',
        "identity.source_addresses.0",
        "192.0.2.7",
    ),
    ('kind = "survey"', 'kind = "survey"\npatience = "lab"', "campaign.patience", "internet"),
    ("= 1000", "= 1000\nper_24_per_second = 11", "rate.per_24_per_second", "at most 10"),
    ("= 1000", "= 1000\nper_host_connections = 5", "rate.per_host_connections", "at most 4"),
    ("= 1000", "= 1000\n[followups]\ngreylisted = 299", "followups.greylisted", "waits 300 s"),
    ("= 1000", "= 1000\n[followups]\nnext_envelope = 9", "followups.next_envelope", "600 s"),
    ("= 1000", "= 1000\n[followups]\nsecond_opinion = 9", "followups.second_opinion", "3600 s"),
    ("ports = [25]", 'ports = [25]\ndepth = "deep"', "probes.smtp_relay.depth", "'standard'"),
    (
        "ports = [3128, 8080]",
        'ports = [80]\ndepth = "standard"',
        "probes.http_connect.depth",
        "ports",
    ),
    (
        "[probes.http_connect]",
        "[probes.http_get]\nports = [80]\n[probes.http_connect]",
        "canary.web",
        "waits for the client",
    ),
    ('echo = "', 'web = "203.0.113.25:25"\necho = "', "canary.web", "another port"),
    ('echo = "', 'web = "203.0.113.25:2525"\necho = "', "canary.web", "another port"),
    ('echo = "', 'web = "5.6.1.1:80"\necho = "', "canary.web", "targets.exclude"),
    ('echo = "', 'web = "10.0.0.1:80"\necho = "', "canary.web", "public address"),
    (
        "ports = [3128, 8080]",
        "ports = [3128, 8080]\ntls_ports = [8080]",
        "probes.http_connect.tls_ports",
        "with TLS or without",
    ),
    ('exclude = ["5.6.7.0/24"]', 'exclude = ["5.6.7.0/33"]', "targets.exclude.0", "192.0.2.0/24"),
]

LAB_MISTAKES = [
    ("127.16.0.0/24", "5.6.0.0/16", "targets.ranges", "127.0.0.0/8"),
    ("127.0.0.53:2525", "203.0.113.25:25", "canary.smtp", "127.0.0.0/8"),
    ("127.0.0.53:2526", "203.0.113.25:25", "canary.echo", "127.0.0.0/8"),
    ("127.0.0.53:2526", "127.0.0.53:2525", "canary.echo", "another port"),
    ("127.0.0.53:2525", "127.16.0.1:2525", "canary.smtp", "targets.exclude"),
    ("= 1000", '= 1000\n[names]\nresolver = "192.0.2.53:53"', "names.resolver", "127.0.0.0/8"),
    ("[probes.socks5]\nports = [1080]", "[probes]", "probes", "smtp_relay"),
    ('kind = "lab"', 'kind = "survey"', "authority", "[authority]"),
]


def cases() -> Iterator[object]:
    """Every mistake with the text it is made in."""
    for kind, mistakes in (
        ("survey", BOTH_MISTAKES),
        ("lab", BOTH_MISTAKES),
        ("survey", SURVEY_MISTAKES),
        ("lab", LAB_MISTAKES),
    ):
        for old, new, key, cure in mistakes:
            yield pytest.param(kind, (old, new, key, cure), id=f"{kind}-{key}-{new[:30]!r}")


@pytest.mark.parametrize(("kind", "mistake"), list(cases()))
def test_mistake_is_named_in_one_line_with_its_cure(
    write: Write, request: pytest.FixtureRequest, kind: str, mistake: tuple[str, str, str, str]
) -> None:
    """File, key, what is wrong; what would be right."""
    old, new, key, cure = mistake
    text: str = request.getfixturevalue(f"{kind}_text")
    assert old in text
    path = write(text.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        read_campaign(path)
    assert caught.value.key == key
    assert cure in caught.value.cure
    assert str(caught.value).startswith(f"{path}: {key}: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("table", ["authority", "identity"])
def test_survey_needs_authority_and_identity(write: Write, survey_text: str, table: str) -> None:
    """Without them nobody has said that it may be done, or who does it."""
    kept = [part for part in survey_text.split("\n\n") if not part.startswith(f"[{table}]")]
    with pytest.raises(ConfigError, match=f"needs .{table}.") as caught:
        read_campaign(write("\n\n".join(kept)))
    assert caught.value.key == table


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"[campaign\n", "is not TOML"), (b"\xff\xfe", "is not UTF-8"), (b"", "campaign: is missing")],
)
def test_file_that_is_no_campaign_is_named(tmp_path: Path, content: bytes, problem: str) -> None:
    """Not TOML, not text, nothing in it."""
    path = tmp_path / "campaign.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=problem):
        read_campaign(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    """The path that was asked for is in the line."""
    with pytest.raises(ConfigError, match=r"absent\.toml: can't be read"):
        read_campaign(tmp_path / "absent.toml")


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Dotted name of every key of a model."""
    for name, field in model.model_fields.items():
        tables = tables_of(field.annotation)
        if not tables:
            yield f"{prefix}{name}"
        for table in tables:
            yield from keys(table, f"{prefix}{name}.")


def test_every_key_is_documented() -> None:
    """docs/campaign.md has a heading for each table and a row for each key in it."""
    sections = {}
    for section in DOCS.read_text(encoding="utf-8").split("\n## ")[1:]:
        title, _, body = section.partition("\n")
        sections[title.strip("`[].* ")] = body
    for key in keys(Campaign):
        table, _, name = key.rpartition(".")
        known = {"authority.covers": "authority"}.get(table, table)
        known = "probes" if known.startswith("probes.") else known
        assert f"`{name}`" in sections[known], key
    for probe in Probe:
        assert f"`{probe}`" in sections["probes"]


def test_documented_campaign_is_a_right_one(write: Write) -> None:
    """The example can be copied and filled in."""
    text = DOCS.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    campaign = read_campaign(write(text))
    assert campaign.kind is Kind.SURVEY
    assert campaign.authority is not None
