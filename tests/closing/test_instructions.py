"""What the closing instructions hold, and that each of them can be carried out."""

from pathlib import Path

import pytest

from survey.closing.instructions import OWN_NETWORK, ROUTER, Closing, closing_for, closings
from survey.errors import ConfigError
from survey.model.probe import Probe
from survey.model.software import PRODUCTS
from survey.storage.config_file import read_config

PROMISED = {
    *("postfix", "exim", "sendmail", "exchange", "opensmtpd", "qmail", "courier"),
    *("squid", "tinyproxy", "privoxy", "apache", "nginx", "haproxy"),
    *("dante", "microsocks", "3proxy", "mikrotik", "ccproxy", ROUTER),
}

WHOLE = (
    'software = "squid"\ncloses = ["http_connect"]\nrun = ["true"]\nlinks = ["https://a.example"]\n'
)


def test_what_operators_run_most_has_instructions() -> None:
    """More than the fifteen programs that letters must know."""
    assert set(closings()) == PROMISED


@pytest.mark.parametrize("software", sorted(PROMISED))
def test_instructions_are_in_a_file_of_their_name(software: str) -> None:
    """And close what it can be found open for: mail servers by relay tests, others by proxies'."""
    closing = closings()[software]

    assert closing.software == software
    if software != ROUTER:
        relays = {probe for probe in closing.closes if probe.is_relay}
        assert bool(relays) == (PRODUCTS[software].trade == "mail")


@pytest.mark.parametrize("software", sorted(PROMISED))
def test_nobody_is_told_to_let_everybody_in(software: str) -> None:
    """A network in the instructions is the reader's own, written as documentation networks are."""
    text = closings()[software].model_dump_json()

    assert "0.0.0.0/0" not in text.replace("to: 0.0.0.0/0", "").replace(
        "socks block { from: 0.0.0.0/0", ""
    )
    assert OWN_NETWORK.startswith("192.0.2.")


def test_lines_take_the_place_of_those_that_go() -> None:
    """Order decides in many of these files: new lines stand where the first old one stood."""
    closing = Closing(
        software="squid",
        closes=(Probe.HTTP_CONNECT,),
        file="squid.conf",
        remove=("http_access",),
        write="http_access deny all\n",
        links=("https://squid.example",),
    )

    changed = closing.changed("a\n  http_access allow all\nb\nhttp_access deny none\n")

    assert changed == "a\nhttp_access deny all\nb\n"


def test_lines_stand_at_the_end_where_nothing_was() -> None:
    """A program that is open as it comes has nothing to take out."""
    closing = closings()["privoxy"]

    assert closing.changed("listen-address :8118\n").splitlines()[-1].startswith("permit-access")


def test_a_finding_gets_the_instructions_of_its_program_and_probe() -> None:
    """A web server that answers on a mail port is not told how to close a proxy."""
    found = closing_for("dante", Probe.SOCKS5)

    assert found is not None
    assert found.software == "dante"
    assert closing_for("dante", Probe.SMTP_RELAY) is None
    assert closing_for("axigen", Probe.SMTP_RELAY) is None
    assert closing_for("", Probe.SOCKS5) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("squid", "squeed"), "software"),
        (("http_connect", "http"), "closes.0"),
        (('run = ["true"]\n', ""), "give file, run or choose"),
        (('run = ["true"]', 'file = "/etc/squid"'), "give both or neither"),
        (('run = ["true"]', 'run = ["true"]\ncheck = "true"'), "give both or neither"),
        (("https://", "http://"), "links.0"),
        (('"https://a.example"', ""), "give the vendor's own documentation"),
        (("run", "runn"), "did you mean 'run'?"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    """It names the file, the key and the cure."""
    path = tmp_path / "squid.toml"
    path.write_text(WHOLE.replace(*change))

    with pytest.raises(ConfigError) as refused:
        read_config(path, Closing)

    assert said in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
