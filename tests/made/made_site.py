"""A campaign, its agencies and the site that is made of both."""

from datetime import UTC, datetime
from pathlib import Path

from survey.settings import Settings, read_settings
from survey.targets.campaign import Campaign, read_campaign

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PAGE = "https://www.survey.example/"

CAMPAIGN = """\
[campaign]
id = "spring"
purpose = "to find and close <open> mail relays & open proxies"
kind = "lab"
[identity]
operator = "Example Measurement Institute"
contact = "survey@survey.example"
page = "{page}"
helo = "probe.survey.example"
source_addresses = ["127.0.31.1", "127.0.31.2"]
[targets]
ranges = ["127.1.0.0/16"]
[probes.smtp_relay]
ports = [25]
tls_ports = [465]
[probes.http_connect]
ports = [80, 3128, 8080]
[probes.http_get]
ports = [80, 3128, 8080]
[probes.http_post]
ports = [80, 3128, 8080]
[probes.socks4]
ports = [1080]
[probes.socks4a]
ports = [1080]
[probes.socks5]
ports = [1080]
[probes.telnet]
ports = [23]
[rate]
packets_per_second = 2500
[canary]
domains = ["canary.example", "canary.test"]
smtp = "127.0.0.1:25"
echo = "127.0.0.1:7"
web = "127.0.0.1:80"
[optouts]
path = "optouts.log"
"""

AGENCY = """\
id = "{id}"
name = "{name}"
country = "{country}"
languages = ["{language}"]
contact = "desk@{id}.example"
page = "https://{id}.example/secure-your-server"
tlp = "TLP:AMBER"
[jurisdiction]
countries = ["{country}"]
"""

AGENCIES = (
    ("es-consumo", "Organismo <de> Consumo", "ES", "es"),
    ("jp-net", "ネットワーク庁", "JP", "ja"),
    ("es-red", "Agencia de Red", "ES", "es"),
)


def made_campaign(folder: Path, page: str = PAGE) -> Campaign:
    """A campaign of all probes in a lab."""
    path = folder / "spring.toml"
    path.write_text(CAMPAIGN.format(page=page), encoding="utf-8")
    return read_campaign(path)


def made_settings(folder: Path) -> Settings:
    """Settings whose agencies are AGENCIES."""
    agencies = folder / "agencies"
    agencies.mkdir()
    for id_, name, country, language in AGENCIES:
        text = AGENCY.format(id=id_, name=name, country=country, language=language)
        (agencies / f"{id_}.toml").write_text(text, encoding="utf-8")
    return read_settings(str(folder / "data"), str(folder / "keys"), str(agencies))
