"""A folder from which the survey is run as a person runs it, with our canary beside it."""

import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemons import SURVEY, Daemon, stopped, wait_until_listening
from places import CANARY, CANARY_ECHO, CANARY_SMTP, CANARY_WEB, PROBER, PROBER_NAME

CAMPAIGN = f"""
[campaign]
id = "@id"
purpose = "What the probes say about real servers"
kind = "lab"
patience = "@patience"

[identity]
operator = "Tests of the survey"
contact = "survey@prober.example"
page = "https://prober.example/"
helo = "{PROBER_NAME}"
source_addresses = ["{PROBER}"]

[targets]
ranges = @ranges
@probes
[rate]
packets_per_second = 5000
per_24_per_second = 2000.0
per_host_connections = 4

[canary]
domains = ["canary.example", "canary.test"]
smtp = "{CANARY}:{CANARY_SMTP}"
echo = "{CANARY}:{CANARY_ECHO}"
web = "{CANARY}:{CANARY_WEB}"

[optouts]
path = "optouts.log"

[names]
hosts = "hosts"

[followups]
greylisted = 25.0
next_envelope = 5.0
second_opinion = 5.0

[cluster]
slots = 1
"""


@dataclass(frozen=True, slots=True)
class Operation:
    """The folder.

    Attributes:
        home: Its path.
    """

    home: Path

    def prepare(
        self,
        campaign: str,
        daemons: Iterable[Daemon],
        probes: Mapping[str, str],
        patience: str = "lab",
    ) -> None:
        """Write a campaign on the /24s of these servers, and put their names into the hosts file.

        Args:
            campaign: Its id; the file is ``<id>.toml``.
            daemons: The servers.
            probes: Probe -> its settings, as they stand in the file.
            patience: How long it waits for them.
        """
        daemons = tuple(daemons)
        ranges = sorted({f"{daemon.ip.rpartition('.')[0]}.0/24" for daemon in daemons})
        sections = [f"[probes.{probe}]\n{settings}\n" for probe, settings in probes.items()]
        text = CAMPAIGN.replace("@id", campaign).replace("@ranges", json.dumps(ranges))
        text = text.replace("@patience", patience).replace("@probes", "".join(sections))
        (self.home / f"{campaign}.toml").write_text(text)
        with (self.home / "hosts").open("a") as hosts:
            hosts.writelines(f"{daemon.ip} {daemon.name}\n" for daemon in daemons)

    @contextmanager
    def canary(self, campaign: str) -> Iterator[None]:
        """Our own canary, set up and started as an operator does."""
        for prepare in (["keys", "init"], ["optout", "init"]):
            subprocess.run([SURVEY, *prepare], cwd=self.home, check=True, capture_output=True)
        said = self.home / "canary.out"
        with said.open("wb") as output:
            command = [SURVEY, "canary", f"{campaign}.toml"]
            process = subprocess.Popen(
                command, cwd=self.home, stdout=output, stderr=subprocess.STDOUT
            )
        try:
            for port in (CANARY_SMTP, CANARY_ECHO, CANARY_WEB):
                wait_until_listening(process, CANARY, port, said)
            yield
        finally:
            stopped(process)

    def survey(self, *arguments: str) -> str:
        """Run a ``survey`` command in the folder and return what it printed."""
        done = subprocess.run(
            [SURVEY, *arguments], cwd=self.home, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def findings(self, campaign: str, run: str) -> list[dict[str, Any]]:
        """Judge a run by what has arrived until now."""
        asked = ["findings", f"{campaign}.toml", "--run", run, "--json"]
        findings: list[dict[str, Any]] = json.loads(self.survey(*asked))
        return findings
