"""The units' commands on hosts of their own: one is lost, the scheduler is lost, all is done."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from law6 import whole
from made_hosts import (
    CANARY_HOME,
    FIRST,
    PORT,
    Host,
    Network,
    dask_environment,
    end,
    network,
    start_scheduler,
    start_worker,
    unit_command,
)
from made_scan import PORT as TESTED
from made_scan import MadeScan, open_socks5, world
from outside import outside

from survey.model.address import format_ip
from survey.model.plan import Endpoint
from survey.settings import Settings
from survey.storage.certificates import make_certificates
from survey.storage.keys import TOKEN, make_key
from survey.storage.manifest import committed
from survey.targets.optouts import init_log
from survey.targets.plan import load_plan

CAP, PER_24 = 300, 60.0
CAMPAIGN = f"""\
[campaign]
id = "night"
purpose = "A cluster in network namespaces"
kind = "lab"
[targets]
ranges = ["{format_ip(FIRST)}/21"]
[probes.socks5]
ports = [{TESTED}]
[rate]
packets_per_second = {CAP}
per_24_per_second = {PER_24}
[canary]
domains = ["canary.example", "canary.test"]
smtp = "SMTP"
echo = "ECHO"
[optouts]
path = "optouts.jsonl"
[cluster]
slots = 2
shard_seconds = 1.0
lease_seconds = 1.0
"""


@dataclass(slots=True)
class Cluster:
    """Scheduler and coordinator on one host, workers on others; whatever ends is started again."""

    net: Network
    root: Path
    scheduler: subprocess.Popen[bytes] | None = None
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def keys(self) -> Path:
        """Made by ``survey keys init``."""
        return self.root / "keys"

    @property
    def base(self) -> Host:
        """Where coordinator and scheduler are."""
        return self.net.hosts[0]

    def supervise(self) -> None:
        """What systemd does with ``Restart=always``."""
        if self.scheduler is None or self.scheduler.poll() is not None:
            self.scheduler = start_scheduler(self.base, self.keys)
        for host in self.net.hosts[1:]:
            process = self.workers.get(host.name)
            if process is None or process.poll() is not None:
                self.workers[host.name] = start_worker(
                    host, self.base, self.keys, self.root / "scratch", host.name
                )

    def scan(self) -> subprocess.Popen[bytes]:
        """``survey scan``, as its unit starts it."""
        text = " ".join(
            unit_command(
                "survey-scan@.service",
                self.base.control,
                f"tls://{self.base.control}:{PORT}",
                "night",
            )
        )
        for there, here in (
            ("/srv/survey/data", self.root / "data"),
            ("/etc/survey/keys", self.keys),
            ("/etc/survey", self.root),
        ):
            text = text.replace(there, str(here))
        progress = ["--progress", str(self.root / "progress.jsonl")]
        return self.base.start(*text.split(), *progress, **dask_environment(self.keys))

    def metrics(self) -> str:
        """What Prometheus would read."""
        done = subprocess.run(
            [
                *("nsenter", f"--net={self.base.place.path}", "python3", "-c"),
                (
                    "import urllib.request as u;"
                    "print(u.urlopen('http://127.0.0.1:9108/metrics', timeout=5).read().decode())"
                ),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout

    def lose(self, host: Host) -> None:
        """Its power fails."""
        self.net.cut_off(host)
        end(self.workers.pop(host.name))
        self.net.hosts.remove(host)

    def committed(self) -> int:
        """Shards that are done."""
        made = self.made()
        return len(committed(made.run, made.hash)) if made else 0

    def made(self) -> MadeScan | None:
        """The run, once it is planned."""
        paths = sorted((self.root / "data" / "campaigns" / "night").glob("*/plan.json"))
        if not paths:
            return None
        settings = Settings(self.root / "data", self.keys, self.root / "agencies")
        return MadeScan(settings, load_plan(paths[0]))

    def until(self, true: Callable[[], object], seconds: float = 120.0) -> None:
        """Wait for something, supervising meanwhile."""
        stop = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < stop, "never came true"
            self.supervise()
            time.sleep(0.1)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Three hosts, an internet with a canary and an open proxy; nothing runs on the hosts yet."""
    make_key(tmp_path / "keys", TOKEN)
    make_certificates(tmp_path / "keys")
    init_log(tmp_path / "optouts.jsonl")
    with network(("base", "w1", "w2")) as net:
        doors = {FIRST + row: open_socks5 for row in (40, 900, 1900)}
        with world(tmp_path, doors, home=CANARY_HOME, where=net.internet.place.inside) as there:
            text = CAMPAIGN
            for word, at in (("SMTP", there.canary.smtp), ("ECHO", there.canary.echo)):
                text = text.replace(word, _at(at))
            (tmp_path / "night.toml").write_text(text)
            made = Cluster(net, tmp_path)
            try:
                yield made
            finally:
                for process in (made.scheduler, *made.workers.values()):
                    if process is not None:
                        end(process)


def _at(endpoint: Endpoint) -> str:
    return f"{format_ip(endpoint.ip)}:{endpoint.port}"


@pytest.mark.timeout(400)
def test_cluster_survives_the_loss_of_a_host_and_of_the_scheduler(cluster: Cluster) -> None:
    """It goes on, or ends with 3 and is resumed; the cap held outside, nothing is lost (law 6)."""
    cluster.supervise()
    first = cluster.scan()
    cluster.until(lambda: cluster.committed() >= 1)
    metrics = cluster.metrics()
    cluster.lose(cluster.net.hosts[1])
    before = cluster.committed()
    cluster.until(lambda: cluster.committed() > before)
    assert cluster.scheduler is not None
    end(cluster.scheduler)
    cluster.until(lambda: first.poll() is not None)
    codes = [first.returncode]
    if codes == [3]:  # the scheduler was not back in time
        second = cluster.scan()
        cluster.until(lambda: second.poll() is not None)
        codes.append(second.returncode)

    assert codes in ([0], [3, 0])
    made = cluster.made()
    assert made is not None
    receipts, table = whole(made)
    assert len({receipt.epoch for receipt in receipts}) == len(codes)
    assert {row["step"] for row in table.to_pylist()} == {"echoed"}
    seen = outside(cluster.net.internet.tap)
    assert seen.missed == 0
    assert seen.fullest_second <= CAP
    assert seen.fullest_24 <= PER_24
    assert "survey_packets_per_second " in metrics
    told = (cluster.root / "progress.jsonl").read_text().splitlines()
    lines = [json.loads(line) for line in told]
    assert lines[-1]["done"] == lines[-1]["planned"] == 2048
    assert lines[-1]["state"] == "done"
