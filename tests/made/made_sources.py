"""All sources of contacts, as local servers, and a ``contacts.toml`` that allows them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from made_names import MadeNames, made_names
from made_web import NAMES, MadeWeb, Reply, made_web

from survey.enrichment.snapshots import import_snapshot
from survey.flows.contacts import contacts_for
from survey.model.address import parse_ip
from survey.model.contact import Sought
from survey.settings import Settings
from survey.storage.layout import Layout
from survey.storage.registries import SnapshotKind
from survey.storage.suppression_list import init_list
from survey.targets.optouts import init_log

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SHAPES = Path(__file__).parent / "rdap_shapes"
PATHS = {
    "arin": ("rdap.arin.example/registry/ip/", "192.0.2.7"),
    "ripe": ("rdap.ripe.example/ip/", "198.51.100.7"),
    "apnic": ("rdap.apnic.example/ip/", "203.0.113.5"),
    "lacnic": ("rdap.lacnic.example/rdap/ip/", "203.0.113.130"),
    "afrinic": ("rdap.afrinic.example/rdap/ip/", "203.0.113.200"),
}
"""Where a registry's server has a shape, and an address in it."""
MAIL_DOMAINS = ("altamar", "cierzo", "kumo", "bahari", "sierra", "nube", "cert")
ALL = ("rdap", "abuse_c", "abuse_zone", "reverse_names", "security_txt", "certs")


@dataclass(frozen=True, slots=True)
class MadeSources:
    """What there is.

    Attributes:
        web: Registries' servers, and an organisation's.
        names: The resolver.
        settings: A data directory that knows countries.
        contacts: ``contacts.toml``.
    """

    web: MadeWeb
    names: MadeNames
    settings: Settings
    contacts: Path

    def seek(self, ip: str, days: float = 0.0, **more: float) -> Sought:
        """What is found for an address, some time after NOW."""
        number, moment = parse_ip(ip), NOW + timedelta(days=days, **more)
        return contacts_for(self.settings, [number], contacts=self.contacts, now=moment)[number]

    def serve(self, registry: str) -> str:
        """Have a registry's shape for every address of its network; an address of it."""
        path, ip = PATHS[registry]
        self.web.replies[path + ip] = Reply((SHAPES / f"{registry}.json").read_bytes())
        return ip

    def name_in_zone(self, ip: str, *texts: str) -> None:
        """Have a TXT record for an address in the zone of abuse contacts."""
        self.names.add(".".join(reversed(ip.split("."))) + ".abuse.example.net", "TXT", *texts)

    def asked(self) -> list[str]:
        """Questions to web servers since the last call."""
        asked = list(self.web.asked)
        self.web.asked.clear()
        return asked


@contextmanager
def made_sources(folder: Path, tables: tuple[str, ...] = ALL) -> Iterator[MadeSources]:
    """Them, while the block runs; ``contacts.toml`` has the named tables."""
    with made_web(folder) as web, made_names() as names:
        for name in NAMES:
            names.add(name, "A", "127.0.0.1")
        for name in MAIL_DOMAINS:
            names.add(f"{name}.example", "MX", f"10 mx.{name}.example.")
            names.add(f"mx.{name}.example", "A", "192.0.2.250")
        settings = Settings(folder / "data", folder / "keys", folder / "agencies")
        countries = folder / "countries.csv"
        countries.write_text("192.0.2.0,192.0.2.255,ES\n203.0.113.0,203.0.113.255,ES\n")
        import_snapshot(
            Layout(settings.data),
            SnapshotKind.COUNTRY,
            countries,
            retrieved_at=datetime(2026, 11, 20, tzinfo=UTC),
        )
        yield MadeSources(web, names, settings, _means(folder, web, names, tables))


def _means(folder: Path, web: MadeWeb, names: MadeNames, tables: tuple[str, ...]) -> Path:
    bootstrap = (
        (SHAPES / "bootstrap.json").read_text().replace(".example/", f".example:{web.port}/")
    )
    (folder / "ipv4.json").write_text(bootstrap)
    init_list(folder / "suppressed.log")
    init_log(folder / "optouts.log")
    authority = f'authority = "{web.authority}"'
    hosts = json.dumps([f"{name}:{web.port}" for name in NAMES if name.startswith("rdap.")])
    every = {
        "rdap": f'[rdap]\nbootstrap = "ipv4.json"\nhosts = {hosts}\nper_minute = 6000\n{authority}',
        "abuse_c": f'[abuse_c]\nurl = "https://rest.ripe.example:{web.port}/abuse-contact/"\n'
        f'registry = "rdap.ripe.example:{web.port}"\nper_minute = 6000\n{authority}',
        "abuse_zone": '[abuse_zone]\nzone = "abuse.example.net"\npermission = "a test"\n'
        "per_minute = 60000",
        "reverse_names": "[reverse_names]",
        "security_txt": f"[security_txt]\nport = {web.port}\nper_minute = 600\n{authority}",
        "certs": '[[certs]]\ncountry = "ES"\nmail = "incidents@cert.example"\nname = "A CERT"\n'
        'said_by = "a directory"\nsaid_on = 2026-11-01',
    }
    path = folder / "contacts.toml"
    path.write_text(
        'kind = "lab"\npage = "https://survey.example/"\ncontact = "questions@survey.example"\n'
        'suppressed = "suppressed.log"\noptouts = "optouts.log"\n\n'
        f'[names]\nresolver = "{names.place}"\n\n'
        + "\n\n".join(every[table] for table in tables)
        + "\n"
    )
    return path
