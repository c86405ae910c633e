"""What runs a cluster elsewhere is whole, agrees with itself, and knows our options and files."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from made_hosts import unit_commands

from survey.cli.main import main

INFRA = Path(__file__).parents[2] / "infra" / "cluster"
UNITS = sorted((INFRA / "systemd").glob("*.service"))
TIMERS = sorted((INFRA / "systemd").glob("*.timer"))
DROP_IN = INFRA / "systemd" / "survey-worker@.service.d" / "syn.conf"
COMPOSE: dict[str, Any] = yaml.safe_load((INFRA / "compose.yaml").read_text())
KUBERNETES = {
    f"{document['kind']} {document['metadata']['name']}": document
    for path in sorted((INFRA / "kubernetes").iterdir())
    for document in yaml.safe_load_all(path.read_text())
}
TLS = "DASK_DISTRIBUTED__COMM__TLS__"


def commands() -> dict[str, list[str]]:
    """Every command that anything here runs, by where it stands."""
    found = {
        f"{unit.name} {number}": command
        for unit in UNITS
        for number, command in enumerate(
            unit_commands(unit.name, host="192.0.2.11", scheduler="tls://192.0.2.10:8786")
        )
    }
    found |= {
        f"compose {name}": service["command"] for name, service in COMPOSE["services"].items()
    }
    cluster = KUBERNETES["DaskCluster survey"]["spec"]
    for part in ("scheduler", "worker"):
        (container,) = cluster[part]["spec"]["containers"]
        found[f"kubernetes {part}"] = container["args"]
    (container,) = KUBERNETES["Job scan"]["spec"]["template"]["spec"]["containers"]
    return found | {"kubernetes scan": container["args"]}


@pytest.mark.parametrize(("where", "command"), commands().items())
def test_command_has_only_options_that_exist(where: str, command: list[str]) -> None:
    """Parsed by the program itself, as far as that goes without running it."""
    program, *arguments = command
    if Path(program).name == "survey":
        group, rest = main, arguments
        context = main.make_context("survey", rest)
        while isinstance(group, click.Group):
            given = [*context._protected_args, *context.args]
            name, sub, rest = group.resolve_command(context, given)
            assert sub is not None, (where, name)
            context, group = sub.make_context(name, rest, parent=context), sub
        return
    if Path(program).name == "python":
        job, campaign = arguments
        assert Path(job).is_file(), where
        assert campaign.endswith(".toml"), where
        return
    assert Path(program).name == "dask", where
    module = f"distributed.cli.dask_{arguments[0]}"
    known = subprocess.run(
        [sys.executable, "-m", module, "--help"], capture_output=True, text=True, check=True
    ).stdout
    for argument in arguments[1:]:
        if argument.startswith("--"):
            assert re.search(rf"{re.escape(argument)}\b", known), (where, argument)


def test_dask_listens_for_nobody_over_http() -> None:
    """It would on every address, even without a dashboard."""
    dask = [
        command for command in commands().values() if "scheduler" in command or "worker" in command
    ]
    assert len(dask) == 6
    for command in dask:
        assert command[command.index("--dashboard-address") + 1] == "127.0.0.1:0"


def test_workers_have_one_thread_and_one_set_of_certificates() -> None:
    """Two threads would share one lease's process; without TLS whoever reaches Dask runs code."""
    for where, command in commands().items():
        if "worker" in command[:2]:
            assert command[command.index("--nthreads") + 1] == "1", where
    environments = [
        dict(
            line.split("=", 1)
            for line in (INFRA / "cluster.env").read_text().splitlines()
            if "=" in line and not line.startswith("#")
        ),
        COMPOSE["services"]["worker"]["environment"],
        COMPOSE["services"]["scheduler"]["environment"],
        *(
            {one["name"]: one["value"] for one in part["spec"]["containers"][0]["env"]}
            for name, part in KUBERNETES["DaskCluster survey"]["spec"].items()
            if name in {"scheduler", "worker"}
        ),
    ]
    for environment in environments:
        tls = {name: value for name, value in environment.items() if name.startswith(TLS)}
        assert len(tls) == 5
        assert {Path(value).name for value in tls.values()} == {"authority.pem", "worker.pem"}


def test_containers_may_do_nothing_but_their_work() -> None:
    """No capability but the canary's, no writing to the image, nobody's root."""
    for name, service in COMPOSE["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["read_only"], name
        assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "canary" else [])
    cluster = KUBERNETES["DaskCluster survey"]["spec"]
    pods = [cluster["scheduler"]["spec"], cluster["worker"]["spec"]]
    pods.append(KUBERNETES["Job scan"]["spec"]["template"]["spec"])
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"]
        for container in [*pod["containers"], *pod["initContainers"]]:
            allowed = container["securityContext"]
            assert allowed["capabilities"] == {"drop": ["ALL"]}
            assert allowed["readOnlyRootFilesystem"]
            assert not allowed["allowPrivilegeEscalation"]
        named = {volume["name"] for volume in pod["volumes"]}
        for container in [*pod["containers"], *pod["initContainers"]]:
            assert {mount["name"] for mount in container["volumeMounts"]} <= named


def test_kubernetes_documents_are_what_their_kinds_need() -> None:
    """The fields without which the API refuses them."""
    versions = {
        "DaskCluster": "kubernetes.dask.org/v1",
        "NetworkPolicy": "networking.k8s.io/v1",
        "Job": "batch/v1",
    }
    for name, document in KUBERNETES.items():
        assert document["apiVersion"] == versions[document["kind"]], name
        assert document["metadata"]["namespace"] == "survey"
        assert set(document) == {"apiVersion", "kind", "metadata", "spec"}
    cluster = KUBERNETES["DaskCluster survey"]["spec"]
    assert isinstance(cluster["worker"]["replicas"], int)
    (port,) = cluster["scheduler"]["service"]["ports"]
    (open_port,) = cluster["scheduler"]["spec"]["containers"][0]["ports"]
    assert port["targetPort"] == open_port["name"]
    job = KUBERNETES["Job scan"]["spec"]
    assert job["template"]["spec"]["restartPolicy"] == "Never"
    assert job["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"] == [2, 3]


@pytest.mark.parametrize("unit", [*UNITS, *TIMERS], ids=lambda unit: unit.name)
def test_unit_is_one_that_systemd_takes(unit: Path, tmp_path: Path) -> None:
    """Known sections and settings, as systemd itself reads them."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd-analyze")
    for one in {unit, unit.with_suffix(".service")}:  # a timer's is beside it
        copy = tmp_path / one.name.replace("@.", "@night.")
        copy.write_text(re.sub(r"/opt/survey/bin/\w+", "/bin/true", one.read_text()))
    copy = tmp_path / unit.name.replace("@.", "@night.")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if unit.name.partition("@")[0] in line]
    assert [line for line in ours if "not-found" not in line and "Failed to" not in line] == []


@pytest.mark.parametrize("timer", TIMERS, ids=lambda timer: timer.name)
def test_timer_starts_a_unit_that_ends(timer: Path) -> None:
    """One that is there, runs once, does not fail for what the next turn mends, and at times."""
    service = timer.with_suffix(".service").read_text()
    assert "Type=oneshot" in service
    assert "[Install]" not in service  # the timer alone starts it
    text = timer.read_text()
    assert "WantedBy=timers.target" in text
    (when,) = re.findall(r"^OnCalendar=(.+)$", text, re.MULTILINE)
    if shutil.which("systemd-analyze"):
        subprocess.run(["systemd-analyze", "calendar", when], check=True, capture_output=True)


def test_everything_that_a_timer_is_asked_for_has_one() -> None:
    """Purging, copying, follow-ups, reports and letters; each is in the runbook."""
    names = {timer.stem.rstrip("@") for timer in TIMERS}
    assert names == {
        f"survey-{what}" for what in ("purge", "sync", "followups", "weekly", "notify")
    }
    text = (INFRA / "README.md").read_text()
    assert [timer.name for timer in TIMERS if timer.stem.rstrip("@") not in text] == []


def test_letters_leave_after_what_came_back_was_read() -> None:
    """A complaint or a bounce of the night stops the letter of the morning."""
    said = [
        command[command.index("notify") + 1]
        for command in unit_commands("survey-notify.service", "", "")
    ]
    assert said == ["bounces", "plan", "send"]


@pytest.mark.parametrize("job", ["weekly", "followups"])
def test_job_says_its_one_argument(job: str) -> None:
    """Started as its unit starts it, with nothing to work on."""
    (command,) = unit_commands(f"survey-{job}@.service", "", "")
    done = subprocess.run(command[:2], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"usage: {job}.py CAMPAIGN.toml" in done.stderr


def test_workers_have_no_capability_but_for_raw_packets() -> None:
    """Discovery by SYN needs CAP_NET_RAW and a packet socket; everything else needs nothing."""
    for unit in UNITS:
        text = unit.read_text()
        assert "\nCapabilityBoundingSet=\n" in text, unit.name
        assert "AmbientCapabilities" not in text
        assert "NoNewPrivileges=yes" in text
    lines = DROP_IN.read_text().splitlines()
    assert "AmbientCapabilities=CAP_NET_RAW" in lines
    assert [line for line in lines if line.startswith("CapabilityBoundingSet")] == [
        "CapabilityBoundingSet=",  # empties what the unit says
        "CapabilityBoundingSet=CAP_NET_RAW",
    ]
    assert "RestrictAddressFamilies=AF_PACKET" in lines


def test_drop_in_is_one_that_systemd_takes(tmp_path: Path) -> None:
    """Read after the unit that it belongs to."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd-analyze")
    unit = (INFRA / "systemd" / "survey-worker@.service").read_text()
    merged = unit.replace("[Install]", DROP_IN.read_text() + "\n[Install]")
    copy = tmp_path / f"survey-worker@{1}.service"
    copy.write_text(re.sub(r"/opt/survey/bin/\w+", "/bin/true", merged))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if "survey-worker" in line]
    assert [line for line in ours if "not-found" not in line and "Failed to" not in line] == []


def test_what_the_drop_in_gives_is_enough_for_raw_packets() -> None:
    """As nobody, with that one capability and no way to more."""
    if os.geteuid() or not shutil.which("setpriv"):
        pytest.skip("needs root and setpriv")
    only = [
        "--inh-caps=-all,+net_raw",
        "--ambient-caps=-all,+net_raw",
        "--bounding-set=-all,+net_raw",
    ]
    done = subprocess.run(
        [
            *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"),
            *only,
            *(sys.executable, "-c"),
            "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_runbook_has_an_answer_to_everything_that_is_asked_of_it() -> None:
    """Start, stop, complaint, opt-out, lost worker, lost scheduler, full disk."""
    text = (INFRA / "README.md").read_text()
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert {
        "Start",
        "Stop",
        "Somebody complains",
        "A worker is lost",
        "The scheduler is lost",
        "The coordinator is lost",
        "The disk is full",
    } <= set(titles)
    assert "survey optout add" in text


def test_runbook_commands_exist() -> None:
    """Each `survey ...` in it is a command of ours."""
    context = click.Context(main)
    text = (INFRA / "README.md").read_text()
    named = set(re.findall(r"`?survey ([a-z]+)", text)) & set(main.list_commands(context))
    assert {"scan", "status", "stop", "pause", "rate", "optout", "explain", "keys", "plan"} <= named
