"""What nmap's scripts and proxycheck say of the same servers, asked as their manuals say.

Both get a far end of our own, call from the same address as our probes, and reach nothing else.
"""

import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

from places import CANARY, CANARY_ECHO, CANARY_SMTP, PROBER, RESOLVER, SITE, SITE_NAME, SITE_WORD


class Target(NamedTuple):
    """Where a server listens."""

    ip: str
    port: int


Said = dict[tuple[Target, str], str]
"""(target, probe) -> ``open`` or ``closed``; what is not in it was tested, and nothing was said."""

NMAP_PROBES = {
    "smtp-open-relay": ("smtp_relay",),
    "http-open-proxy": ("http_connect", "http_get"),
    "socks-open-proxy": ("socks4", "socks5"),
}
"""What each of nmap's scripts tests, in our words."""

PROXYCHECK_PROBES = {"hc": "http_connect", "ho": "http_post", "s4": "socks4", "s5": "socks5"}
"""What proxycheck tests, in our words."""

# A server is open if its script says so, and closed if the script says that it is not.
_RELAY_WORDS = {"is an open relay": "open", "doesn't seem to be": "closed", "isn't an": "closed"}


def ask_nmap(targets: Mapping[str, Iterable[Target]]) -> Said:
    """Run each script over the targets of its probes.

    Args:
        targets: Probe -> where it is tried.
    """
    said: Said = {}
    for script, probes in NMAP_PROBES.items():
        asked = sorted({target for probe in probes for target in targets.get(probe, ())})
        if asked:
            read_nmap(_nmap(script, asked), said)
    return said


def read_nmap(report: str, said: Said) -> None:
    """Add what a report in nmap's XML says."""
    for host in ET.fromstring(report).iter("host"):  # noqa: S314 - nmap's own words, made here
        address = host.find("address")
        assert address is not None
        for port in host.iter("port"):
            target = Target(address.attrib["addr"], int(port.attrib["portid"]))
            for script in port.iter("script"):
                for probe, word in _heard(script):
                    said[target, probe] = word


def _heard(script: ET.Element) -> list[tuple[str, str]]:
    output = script.attrib["output"]
    match script.attrib["id"]:
        case "smtp-open-relay":
            return [("smtp_relay", word) for text, word in _RELAY_WORDS.items() if text in output]
        case "http-open-proxy":
            methods = output.rpartition("Methods supported:")[2].split()
            names = {"CONNECTION": "http_connect", "GET": "http_get"}
            return [(names[method], "open") for method in methods if method in names]
        case "socks-open-proxy":
            if script.findtext("elem[@key='status']") != "open":
                return []
            versions = [each.text or "" for each in script.findall("table/elem")]
            return [(version, "open") for version in versions]
    return []


def _nmap(script: str, targets: list[Target]) -> str:
    # The SOCKS script looks its host up, the others pass it on to the proxy.
    host = SITE_NAME if script == "socks-open-proxy" else SITE
    settings = {
        "smtp-open-relay.domain": "canary.example",
        "proxy.url": f"http://{host}/",
        "proxy.pattern": SITE_WORD,
    }
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as report:
        command = ["nmap", "-n", "-Pn", "-sT", "-S", PROBER, "-e", "lo", "--dns-servers", RESOLVER]
        command += ["--script", f"+{script}", "-oX", report.name]
        command += ["--script-args", ",".join(f"{key}={value}" for key, value in settings.items())]
        command += ["-p", ",".join(str(port) for port in sorted({port for _, port in targets}))]
        command += sorted({ip for ip, _ in targets})
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return Path(report.name).read_text(encoding="utf-8")


def ask_proxycheck(targets: Mapping[str, Iterable[Target]]) -> Said:
    """Run it over the targets of its probes, to each of our canary's ports; one way is enough.

    Args:
        targets: Probe -> where it is tried.
    """
    said: Said = {}
    for port in (CANARY_ECHO, CANARY_SMTP):
        heard = read_proxycheck(_proxycheck(port, targets))
        if port == CANARY_ECHO:
            said = heard
            continue
        for key in {*said, *heard}:
            words = {said.get(key), heard.get(key)}
            if "open" in words:
                said[key] = "open"
            elif words != {"closed"}:
                said.pop(key, None)
    return said


def read_proxycheck(report: str) -> Said:
    """What its lines say: ``127.0.0.1 hc:8080 open ...``."""
    said: Said = {}
    for line in report.splitlines():
        ip, protocol_port, word = line.split()[:3]
        protocol, _, port = protocol_port.partition(":")
        said[Target(ip, int(port)), PROXYCHECK_PROBES[protocol]] = word
    return said


def _proxycheck(far_port: int, targets: Mapping[str, Iterable[Target]]) -> str:
    asked = [
        f"{target.ip}:{protocol}:{target.port}"
        for protocol, probe in PROXYCHECK_PROBES.items()
        for target in sorted(targets.get(probe, ()))
    ]
    command = ["proxycheck", "-n", "-t", "20", "-M", "4", "-b", PROBER]
    command += ["-d", f"{CANARY}:{far_port}", "-c", "chat::220 canary.example", *asked]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 100), done.stderr  # 100: at least one is open
    return done.stdout
