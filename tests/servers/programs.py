"""How each kind of real server is started: its program, its files, its command line.

Its configuration is ``configurations/<server>/<situation>.conf`` after ``common.conf`` there, or,
where the command line is all there is, ``<situation>.args``, one argument a line.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from places import PROBER, PROBER_NAME

if TYPE_CHECKING:
    from daemons import Daemon

HERE = Path(__file__).resolve().parent
CONFIGURATIONS = HERE / "configurations"

UNPACKED = Path("/var/cache/survey-tests")
"""Where ``tests/run.py`` unpacks servers that can't be installed beside one another."""

POSTFIX_MASTER = "/usr/lib/postfix/sbin/master"
POSTFIX_QUEUES = (
    *("active", "bounce", "corrupt", "defer", "deferred", "flush"),
    *("hold", "incoming", "maildrop", "saved", "trace"),
)


@dataclass(frozen=True, slots=True)
class Program:
    """One kind of server.

    Attributes:
        start: Writes its files and returns its command line, given the path of its program.
        file: Its program: a name on the search path, or a path under ``UNPACKED``.
        gentle: Whether it ends soon when asked to.
    """

    start: Callable[["Daemon", str], list[str]]
    file: str
    gentle: bool = True

    @property
    def path(self) -> str | None:
        """Where its program is, or None if it is not there."""
        if "/" in self.file:
            unpacked = UNPACKED / self.file
            return str(unpacked) if unpacked.exists() else None
        return shutil.which(self.file, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


def arguments(daemon: "Daemon", program: str) -> list[str]:
    """A server whose whole configuration is its command line."""
    lines = daemon.filled(CONFIGURATIONS / daemon.server / f"{daemon.situation}.args").splitlines()
    words = [line for line in lines if line and not line.startswith("#")]
    return [program, *words, *daemon.options]


def aiosmtpd(daemon: "Daemon", program: str) -> list[str]:
    """It asks for its host's full name, so it gets one that is not looked up elsewhere."""
    command = [program, "-m", "aiosmtpd", *arguments(daemon, program)[1:]]
    return secluded(daemon, "", "/var/spool", *command, name="localhost")


def behind_socat(daemon: "Daemon", program: str) -> list[str]:
    """A program that talks with one person, for everybody who connects."""
    listen = f"TCP-LISTEN:{daemon.port},bind={daemon.ip},reuseaddr,fork"
    options = daemon.filled(CONFIGURATIONS / daemon.server / f"{daemon.situation}.options")
    words = [line for line in options.splitlines() if line and not line.startswith("#")]
    return ["socat", listen, ",".join([f"EXEC:{program}", *words])]


def configured(name: str, *command: str) -> Callable[["Daemon", str], list[str]]:
    """A server that reads one file, of this name, whose path is ``@`` in its command line.

    What else is there as ``<situation>.<name>`` is put beside it as ``<name>``.
    """

    def start(daemon: "Daemon", program: str) -> list[str]:
        for other in (CONFIGURATIONS / daemon.server).glob(f"{daemon.situation}.*"):
            if other.suffix != ".conf":
                own = other.name.removeprefix(f"{daemon.situation}.")
                daemon.write(own, daemon.filled(other))
        path = daemon.configure(name)
        return [program, *(word.replace("@", path) for word in command)]

    return start


def postfix(daemon: "Daemon", program: str) -> list[str]:  # noqa: ARG001 - see below
    """Postfix's master itself: ``postfix start-fg`` is a shell that would leave it behind."""
    for part in ("pid", "public", "private", *POSTFIX_QUEUES):
        (daemon.home / "queue" / part).mkdir(parents=True)
        if part != "pid":
            shutil.chown(daemon.home / "queue" / part, "postfix")
    (daemon.home / "data").mkdir()
    shutil.chown(daemon.home / "data", "postfix")
    folder = CONFIGURATIONS / "postfix"
    own = folder / f"{daemon.situation}.listener"
    listener = own if own.exists() else folder / "common.listener"
    daemon.write("master.cf", daemon.filled(listener) + daemon.filled(folder / "master.cf"))
    daemon.configure("main.cf")
    return [POSTFIX_MASTER, "-c", str(daemon.home), "-s"]


def squid(daemon: "Daemon", program: str) -> list[str]:
    """Squid without its parent process, and with a name of its own (letters and digits)."""
    (daemon.home / "users").touch()
    shutil.chown(daemon.home, "proxy")
    # The name keeps it from sharing memory with another.
    alone = f"survey{os.getpid()}{daemon.situation.replace('_', '')}"
    return [program, "-N", "-n", alone, "-f", daemon.configure("squid.conf")]


def dante(daemon: "Daemon", program: str) -> list[str]:
    """Dante takes only addresses that the device has by name."""
    for ip in {daemon.ip, daemon.exit_ip}:
        subprocess.run(["ip", "address", "replace", f"{ip}/8", "dev", "lo"], check=True)
    pid = str(daemon.home / "danted.pid")
    return [program, "-p", pid, "-f", daemon.configure("danted.conf")]


def apache(daemon: "Daemon", program: str) -> list[str]:
    """Apache in the foreground; it looks for its files from its folder."""
    return [
        program,
        "-D",
        "FOREGROUND",
        "-d",
        str(daemon.home),
        "-f",
        daemon.configure("httpd.conf"),
    ]


def ffproxy(daemon: "Daemon", program: str) -> list[str]:
    """It reads who may use it from a folder of its own."""
    shutil.copytree("/etc/ffproxy/db", daemon.home / "db")
    shutil.copytree("/etc/ffproxy/html", daemon.home / "html")
    access = CONFIGURATIONS / "ffproxy" / f"{daemon.situation}.access"
    daemon.write("db/access.ip", daemon.filled(access))
    return [program, "-F", daemon.configure("ffproxy.conf")]


def exim(daemon: "Daemon", program: str) -> list[str]:
    """Exim calls itself for every delivery, so its configuration names its own path."""
    (daemon.home / "spool").mkdir(mode=0o750)
    shutil.chown(daemon.home / "spool", "mail", "mail")
    path = daemon.configure("exim.conf", program=program)
    return secluded(daemon, "Debian-exim", "/var/spool", program, "-bdf", "-C", path)


def sendmail(daemon: "Daemon", program: str) -> list[str]:
    """Sendmail's configuration is made from macros; it insists on knowing its host's full name."""
    (daemon.home / "queue").mkdir(mode=0o700)
    macros = daemon.configure("sendmail.mc")
    folder = UNPACKED / "sendmail" / "usr" / "share" / "sendmail" / "cf"
    made = subprocess.run(
        ["m4", f"-D_CF_DIR_={folder}/", str(folder / "m4" / "cf.m4"), macros],
        check=True,
        capture_output=True,
        text=True,
    )
    path = daemon.write("sendmail.cf", made.stdout)
    return secluded(daemon, "smmta,smmsp", "/var/spool", program, "-bD", "-C", path)


def opensmtpd(daemon: "Daemon", program: str) -> list[str]:
    """OpenSMTPD has its accounts and folders by heart."""
    path = daemon.configure("smtpd.conf")
    Path(path).chmod(0o600)
    folders = "/var/lib/opensmtpd/empty,/var/spool"
    return secluded(daemon, "opensmtpd,opensmtpq", folders, program, "-d", "-f", path)


def sshd(daemon: "Daemon", program: str) -> list[str]:
    """An SSH server."""
    make_key(daemon, "host_key")
    path = daemon.configure("sshd.conf")
    return secluded(daemon, "sshd", "/run/sshd", program, "-D", "-e", "-f", path)


def ssh(daemon: "Daemon", program: str) -> list[str]:
    """``ssh -D``: a client that forwards what it hears, and a server of its own to forward it."""
    for name in ("host_key", "visitor_key"):
        make_key(daemon, name)
    server = f"{UNPACKED}/sshd/usr/sbin/sshd -i -f {daemon.configure('sshd.conf')}"
    options = {
        "ProxyCommand": server,
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": "/dev/null",
        "IdentityFile": str(daemon.home / "visitor_key"),
        "IdentitiesOnly": "yes",
        "ExitOnForwardFailure": "yes",
    }
    words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    listen = f"{daemon.ip}:{daemon.port}"
    client = [program, "-F", "none", "-N", "-D", listen, *words, f"visitor@{daemon.name}"]
    return secluded(daemon, "sshd,visitor", "/run/sshd", *client)


def make_key(daemon: "Daemon", name: str) -> None:
    """An SSH key in the server's folder."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(daemon.home / name)]
    subprocess.run(command, check=True)


def secluded(
    daemon: "Daemon", accounts: str, folders: str, *command: str, name: str = ""
) -> list[str]:
    """The command, with a host name, accounts and system folders that this machine may lack."""
    script = str(HERE / "secluded.sh")
    hosts = f"{daemon.ip} {daemon.name},{PROBER} {PROBER_NAME}"
    place = [str(daemon.home), name or daemon.name, hosts, accounts, folders]
    return ["unshare", "--mount", "--uts", "sh", script, *place, *command]


PROGRAMS = {
    # mail
    "postfix": Program(postfix, "postfix"),
    "exim": Program(exim, "exim/usr/sbin/exim4"),
    "sendmail": Program(sendmail, "sendmail/usr/libexec/sendmail/sendmail"),
    "opensmtpd": Program(opensmtpd, "opensmtpd/usr/sbin/smtpd"),
    "msmtpd": Program(arguments, "msmtpd/usr/bin/msmtpd"),
    "postgrey": Program(arguments, "postgrey"),
    "smtp_sink": Program(arguments, "smtp-sink"),
    "aiosmtpd": Program(aiosmtpd, sys.executable),
    # proxies
    "squid": Program(squid, "squid", gentle=False),
    "tinyproxy": Program(configured("tinyproxy.conf", "-d", "-c", "@"), "tinyproxy"),
    "privoxy": Program(configured("privoxy.conf", "--no-daemon", "@"), "privoxy"),
    "apache": Program(apache, "apache2"),
    "nginx": Program(configured("nginx.conf", "-c", "@"), "nginx"),
    "haproxy": Program(configured("haproxy.conf", "-db", "-f", "@"), "haproxy"),
    "ffproxy": Program(ffproxy, "ffproxy"),
    "dante": Program(dante, "danted"),
    "microsocks": Program(arguments, "microsocks"),
    "ssh": Program(ssh, "ssh"),
    "twisted": Program(arguments, "twist3"),
    "telnet": Program(behind_socat, "telnet"),
    # neither
    "sshd": Program(sshd, "sshd/usr/sbin/sshd"),
    "telnetd": Program(behind_socat, "telnetd/usr/sbin/telnetd"),
    "vsftpd": Program(configured("vsftpd.conf", "@"), "vsftpd"),
    "socat": Program(arguments, "socat"),
}
"""Every kind of server, by name."""
