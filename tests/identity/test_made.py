"""What says who we are is made from the campaign, and holds when it is read back."""

from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import dns.transaction
import dns.zonefile
import pytest
from made_identity import reversed_name

from survey.identity.explanation import explanation_page
from survey.identity.probing import PATH, probing_text, read_probing, where
from survey.identity.records import zone_lines
from survey.targets.campaign import Campaign, read_campaign

NOW = datetime(2026, 11, 24, tzinfo=UTC)
CAMPAIGN = """\
[campaign]
id = "national"
purpose = "Find <open> relays & tell operators"
kind = "survey"
[authority]
agency = "agency"
reference = "2026/17"
approved_by = "A. Person"
valid_until = 2027-01-01T00:00:00Z
covers = { ranges = ["198.51.100.0/24"] }
[identity]
operator = "Secure Your Server"
contact = "survey@example.org"
page = "https://survey.example.org/"
helo = "probe.example.org"
source_addresses = ["192.0.2.10", "192.0.2.11"]
[targets]
ranges = ["198.51.100.0/24"]
[probes.smtp_relay]
ports = [25]
[probes.http_connect]
ports = [8080]
tls_ports = [443]
[rate]
packets_per_second = 1000
[canary]
domains = ["canary.example.org", "canary.example.net"]
smtp = "203.0.113.25:25"
echo = "203.0.113.25:443"
[optouts]
path = "optouts.jsonl"
"""


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    """One that is to be explained."""
    path = tmp_path / "campaign.toml"
    path.write_text(CAMPAIGN)
    return read_campaign(path)


class Shown(HTMLParser):
    """What a visitor reads, and what the page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.loads, self.languages = "", [], []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what is asked of the browser."""
        self.loads += [(tag, value) for name, value in attrs if name in {"src", "srcset"}]
        if tag in {"script", "link", "img", "iframe"}:
            self.loads.append((tag, None))
        self.languages += [value for name, value in attrs if tag == "section" and name == "lang"]

    def handle_data(self, data: str) -> None:
        """Words."""
        self.text += data


def test_page_says_who_why_what_whence_and_how_to_stop(campaign: Campaign) -> None:
    """In both languages, escaped, and without any request of the browser's."""
    page = explanation_page(campaign)
    shown = Shown()
    shown.feed(page)

    for words in (
        "Secure Your Server",
        "Find <open> relays & tell operators",
        "survey@example.org",
        "probe.example.org",
        "192.0.2.10",
        "192.0.2.11",
        "25, 443, 8080",
        "2026/17",
    ):
        assert shown.text.count(words) >= 2, words
    assert "for 90 days, and whether it was open, for 730 days" in shown.text
    assert "durante 90 días, y si estaba abierto, durante 730 días" in shown.text
    assert "None" not in shown.text
    assert (shown.loads, shown.languages) == ([], ["en", "es"])
    assert "mailto:survey@example.org" in page


def test_probing_file_is_read_back(campaign: Campaign) -> None:
    """Every field that RFC 9511 names; it ends with the authority."""
    text = probing_text(campaign, NOW)
    read = read_probing(text)

    assert read.canonical == (where("probe.example.org"),) == (f"https://probe.example.org{PATH}",)
    assert read.contacts == ("mailto:survey@example.org", "https://survey.example.org/")
    assert read.expires == datetime(2027, 1, 1, tzinfo=UTC)
    assert "https://survey.example.org/" in read.description
    assert "Preferred-Languages: en, es\r\n" in text
    assert all(line.endswith("\r\n") for line in text.splitlines(keepends=True))


def test_records_are_a_zone_in_which_names_agree(campaign: Campaign) -> None:
    """Each address forward and back, and nobody else may send in our name."""
    zone = dns.zonefile.read_rrsets(zone_lines(campaign), default_ttl=60, rdclass=None)
    records = {
        (each.name.to_text(), dns.rdatatype.to_text(each.rdtype), item.to_text())
        for each in zone
        for item in each
    }

    assert records == {
        ("probe.example.org.", "A", "192.0.2.10"),
        ("probe.example.org.", "A", "192.0.2.11"),
        (f"{reversed_name('192.0.2.10')}.", "PTR", "probe.example.org."),
        (f"{reversed_name('192.0.2.11')}.", "PTR", "probe.example.org."),
        ("probe.example.org.", "TXT", '"v=spf1 ip4:192.0.2.10 ip4:192.0.2.11 -all"'),
    }
