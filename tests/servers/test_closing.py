"""Closing instructions are carried out on open servers, and the survey finds them closed."""

import shlex
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import pytest
from daemons import Daemon
from operation import Operation

from survey.closing.instructions import Closing, closings

pytestmark = pytest.mark.servers

PATIENCE = 30.0
"""Seconds that the mail servers may take to pass our messages on."""

PROBES = {
    "smtp_relay": "ports = [25]",
    "http_connect": "ports = [80, 3128]",
    "http_get": "ports = [80, 3128]",
    "http_post": "ports = [80, 3128]",
    "socks4": "ports = [1080]",
    "socks5": "ports = [1080]",
}


@dataclass(frozen=True, slots=True)
class Proof:
    """An open server, and which of its files the instructions change.

    Attributes:
        daemon: The server, open.
        file: Name of the file; "" if its command line is all there is.
        everyday: Whether every run of the tests has its program.
        verdict: What is said of it then: nobody can tell from outside why one hangs up.
    """

    daemon: Daemon
    file: str
    everyday: bool = False
    verdict: str = "closed"


PROOFS = {
    "postfix": Proof(Daemon("postfix", "open", "127.0.41.1", 25), "main.cf", everyday=True),
    "exim": Proof(Daemon("exim", "relay_hosts", "127.0.41.2", 25), "exim.conf", everyday=True),
    "sendmail": Proof(Daemon("sendmail", "open", "127.0.41.3", 25), "sendmail.mc"),
    "opensmtpd": Proof(Daemon("opensmtpd", "from_any", "127.0.41.4", 25), "smtpd.conf"),
    "squid": Proof(Daemon("squid", "open", "127.0.41.5", 3128), "squid.conf", everyday=True),
    "tinyproxy": Proof(
        Daemon("tinyproxy", "open", "127.0.41.6", 3128), "tinyproxy.conf", everyday=True
    ),
    "privoxy": Proof(
        Daemon("privoxy", "open", "127.0.41.7", 3128), "privoxy.conf", verdict="unknown"
    ),
    "apache": Proof(Daemon("apache", "open", "127.0.41.8", 3128), "httpd.conf"),
    "nginx": Proof(Daemon("nginx", "forward", "127.0.41.9", 3128), "server"),
    "haproxy": Proof(Daemon("haproxy", "forward", "127.0.41.10", 80), "haproxy.conf"),
    "dante": Proof(Daemon("dante", "open", "127.0.41.11", 1080), "danted.conf", everyday=True),
    "microsocks": Proof(Daemon("microsocks", "open", "127.0.41.12", 1080), "", everyday=True),
}


def test_every_proof_that_is_claimed_is_made_here() -> None:
    """What the instructions call proven is what this module proves."""
    assert set(PROOFS) == {closing.software for closing in closings().values() if closing.proven}


@pytest.mark.parametrize(
    "everyday", [True, pytest.param(False, marks=pytest.mark.long)], ids=["everyday", "all"]
)
@pytest.mark.timeout(300)
def test_an_open_server_is_closed_by_its_instructions(
    operation: Operation,
    everyday: bool,  # noqa: FBT001 - the parameter of the test
) -> None:
    """Each is found open, changed as its operator is told to, started again, and found closed."""
    proofs = {
        software: proof
        for software, proof in PROOFS.items()
        if proof.daemon.program and (proof.everyday or not everyday)
    }
    if not proofs:
        pytest.skip("no server is installed; `make test` as root on Debian does")
    campaign = "everyday-closing" if everyday else "closing"
    operation.prepare(campaign, [proof.daemon for proof in proofs.values()], PROBES)

    with running(proofs):
        before = surveyed(operation, campaign, "before", set(proofs))
    changed = {one: carried_out(closings()[one], proof) for one, proof in proofs.items()}
    with running(changed):
        after = surveyed(operation, campaign, "after", set())

    for software, proof in proofs.items():
        verdicts = {probe: after.get((proof.daemon.ip, probe)) for probe in PROBES}
        opened = {probe for ip, probe in before if ip == proof.daemon.ip}
        assert opened, software
        assert opened <= set(closings()[software].closes), software
        assert "open" not in verdicts.values(), software
        assert {verdicts[probe] for probe in opened} == {proof.verdict}, (software, verdicts)


@contextmanager
def running(proofs: dict[str, Proof]) -> Iterator[None]:
    """All of them, started and at the end stopped."""
    with ExitStack() as stack:
        for proof in proofs.values():
            proof.daemon.start()
            stack.callback(proof.daemon.stop)
        yield


def surveyed(
    operation: Operation, campaign: str, run: str, open_ones: set[str]
) -> dict[tuple[str, str], str]:
    """Scan and judge as a person does; before the change, wait until mail has arrived."""
    operation.survey("scan", f"{campaign}.toml", "--run", run, "--serial")
    wanted = {PROOFS[software].daemon.ip for software in open_ones}
    deadline = time.monotonic() + PATIENCE
    while True:
        found = {
            (row["ip"], row["probe"]): row["verdict"] for row in operation.findings(campaign, run)
        }
        if open_ones:
            found = {key: verdict for key, verdict in found.items() if verdict == "open"}
        if wanted <= {ip for ip, _ in found} or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


def carried_out(closing: Closing, proof: Proof) -> Proof:
    """The server after what its operator is told to do."""
    daemon = replace(proof.daemon)
    if proof.file:

        def change(name: str, text: str) -> str:
            return closing.changed(text) if name == proof.file else text

        daemon.change = change
    else:
        (command,) = closing.run
        words = shlex.split(command)
        daemon.options = tuple(words[words.index("-u") :])
    return replace(proof, daemon=daemon)
