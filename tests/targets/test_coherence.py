"""``[discovery]``: keys that fit together, and one line for those that don't."""

from collections.abc import Callable
from pathlib import Path

import pytest

from survey.errors import ConfigError
from survey.model.address import parse_ip
from survey.model.discovery import DiscoveryPlan, Method
from survey.targets.campaign import read_campaign
from survey.targets.ranges import RangeSet
from survey.targets.resolve import check_named_files, resolve

Write = Callable[..., Path]


def with_discovery(text: str, table: str) -> str:
    """A campaign with this table."""
    return text.replace("[canary]", f"[discovery]\n{table}\n\n[canary]")


def test_connect_is_the_default(write: Write, survey_text: str) -> None:
    """Nothing needs to be said."""
    assert read_campaign(write(survey_text)).discovery.plan == DiscoveryPlan()
    assert DiscoveryPlan().method is Method.CONNECT


def test_keys_of_syn_are_read(write: Write, survey_text: str) -> None:
    """They go into the plan as they are."""
    table = (
        'method = "syn"\ninterface = "eth0.7"\ngateway = "192.0.2.1"\nsource_ports = [61000, 61999]'
    )
    campaign = read_campaign(write(with_discovery(survey_text, table)))

    expected = DiscoveryPlan(Method.SYN, "eth0.7", parse_ip("192.0.2.1"), (61000, 61999))
    assert campaign.discovery.plan == expected


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('method = "zmap"', "discovery.method"),
        ('method = "syn"\ninterface = "eth0/1"', "discovery.interface"),
        ('method = "syn"\ngateway = "router"', "discovery.gateway"),
        ('method = "syn"\nsource_ports = [61000]', "discovery.source_ports"),
        ('method = "syn"\nsource_ports = [62000, 61000]', "discovery.source_ports"),
        ('method = "syn"\nsource_ports = [80, 90]', "discovery.source_ports"),
        ('method = "syn"\nsource_ports = [61000, 61000]', "shared by 2 slots"),
        ('interface = "eth0"', 'means nothing to method "connect"'),
        ('method = "import"\ngateway = "192.0.2.1"\nfiles = ["a"]', 'method "import"'),
        ('files = ["found.csv"]', 'means nothing to method "connect"'),
        ('method = "syn"\nfiles = ["found.csv"]', 'means nothing to method "syn"'),
        ('method = "import"', "names nothing to import"),
        ('method = "import"\nfiles = []', "names nothing to import"),
        ('kind = "syn"', "discovery.kind"),
    ],
)
def test_mistake_is_one_line(write: Write, survey_text: str, table: str, said: str) -> None:
    """It names the key and what would be right."""
    with pytest.raises(ConfigError) as caught:
        read_campaign(write(with_discovery(survey_text, table)))

    assert said in str(caught.value)
    assert "; " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_lab_has_its_gateway_in_the_lab(write: Write, lab_text: str) -> None:
    """A raw packet goes where the gateway sends it, whatever the routes say."""
    table = 'method = "syn"\ngateway = "192.0.2.1"'
    with pytest.raises(ConfigError, match=r"discovery\.gateway: 192\.0\.2\.1 is outside of a lab"):
        read_campaign(write(with_discovery(lab_text, table)))


def test_loopback_gets_no_raw_packet(write: Write, lab_text: str, tmp_path: Path) -> None:
    """They would leave by the interface."""
    table = 'method = "syn"\ngateway = "198.19.0.1"\ninterface = "eth0"'
    path = write(with_discovery(lab_text, table))
    campaign = read_campaign(path)
    nowhere = tmp_path / "routes"
    nowhere.write_text("Iface\n")

    with pytest.raises(ConfigError, match=r"discovery\.method: no SYN of ours gets to 127"):
        resolve(path, campaign, RangeSet.of(()), nowhere)


def test_imported_file_has_to_be_there(write: Write, survey_text: str) -> None:
    """Before anything is planned."""
    table = 'method = "import"\nfiles = ["nothing.csv"]'
    path = write(with_discovery(survey_text, table))

    with pytest.raises(ConfigError, match=r"discovery\.files: .*nothing\.csv is no file"):
        check_named_files(path, read_campaign(path))
