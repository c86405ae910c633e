"""The page that explains a survey to whoever saw its packets, and how to be left alone."""

from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from survey.identity.probing import LANGUAGES
from survey.model.address import format_ip
from survey.model.probe import Probe
from survey.targets.campaign import Campaign


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the page says of a campaign, as text; the same in each language."""

    ports: str
    relay: bool
    proxy: bool
    per_24: str
    per_host: int
    addresses: tuple[str, ...]


def explanation_page(campaign: Campaign) -> str:
    """The whole page as one HTML file, in each of LANGUAGES; it asks a browser for nothing more."""
    environment = Environment(
        loader=PackageLoader("survey.identity", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    contact = campaign.identity.contact
    return (
        environment.get_template("explanation.html").render(
            c=campaign,
            facts=_facts(campaign),
            sections=[
                (language, environment.get_template(f"{language}.html").module)
                for language in LANGUAGES
            ],
            mailto=Markup('<a href="mailto:{0}">{0}</a>').format(contact),
        )
        + "\n"
    )


def _facts(campaign: Campaign) -> _Facts:
    chosen = campaign.probes.chosen
    ports = {
        port for _, table in chosen for port in (*table.ports, *getattr(table, "tls_ports", ()))
    }
    return _Facts(
        ports=", ".join(map(str, sorted(ports))),
        relay=any(probe is Probe.SMTP_RELAY for probe, _ in chosen),
        proxy=any(probe is not Probe.SMTP_RELAY for probe, _ in chosen),
        per_24=f"{campaign.rate.per_24_per_second:g}",
        per_host=campaign.rate.per_host_connections,
        addresses=tuple(map(format_ip, campaign.identity.source_addresses)),
    )
