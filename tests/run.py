"""Run the tests where nothing can get out: ``python tests/run.py [--long] [pytest arguments]``.

As root on Debian it installs the real servers that the tests need and runs pytest in namespaces
of its own, with no network but the loopback device; whatever a test leaves running ends with them.
Elsewhere it says what is missing, runs the rest, and the guard (``tests/guard``) alone watches.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
POLICY = Path("/usr/sbin/policy-rc.d")

# Debian package -> the service it would start (none: it only brings programs).
PACKAGES = {
    "postfix": "postfix",
    "squid": "squid",
    "tinyproxy-bin": None,
    "dante-server": "danted",
    "microsocks": None,
    "proxycheck": None,
    "rbldnsd": "rbldnsd",
    "libgnutls-dane0": None,  # for the unpacked exim, and libidn12
    "libidn12": None,
    "libfaketime": None,
    "iproute2": None,
    "procps": None,
}

# The same for the many configurations of the long tests (`--long`).
LONG_PACKAGES = {
    "apache2-bin": None,
    "chromium": None,
    "ffproxy": "ffproxy",
    "haproxy": "haproxy",
    "inetutils-telnet": None,
    "m4": None,
    "msmtp": None,
    "nginx": "nginx",
    "nmap": None,
    "openssh-client": None,
    "postgresql-15": "postgresql",
    "postgrey": "postgrey",
    "privoxy": "privoxy",
    "python3-twisted": None,
    "socat": None,
    "vsftpd": "vsftpd",
    # what the unpacked servers need
    "libevent-2.1-7": None,
    "libldap-2.5-0": None,
    "liblockfile1": None,
    "libnsl2": None,
    "libwrap0": None,
}

# Servers of which Debian lets only one be installed, or that had better not be: their packages are
# unpacked into a folder each, and nothing of the machine changes.
UNPACKED = {
    "exim": ("exim4-daemon-light",),
    "msmtpd": ("msmtp-mta",),
    "opensmtpd": ("opensmtpd",),
    "sendmail": ("sendmail-bin", "sendmail-cf"),
    "sshd": ("openssh-server",),
    "telnetd": ("inetutils-telnetd",),
}
# Of these, what every run of the tests needs.
UNPACKED_EVERYDAY = ("exim",)
# Programs in environments of their own, for the long tests: what may not be a dependency of ours.
ENVIRONMENTS = {"intelmq": ROOT / "tests/made/intelmq.txt"}
# What tests in Chromium put into the pages, by npm.
AXE = "axe-core@4.14.1"
# Not in the checkout, which may lie where servers that gave up root can't read.
UNPACKED_INTO = Path("/var/cache/survey-tests")

# Nothing but loopback, and every process of the tests dies with the first one.  A shell is that
# first process because it buries orphans, which pytest would not.
ALONE = ("unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
LOOPBACK_UP = 'ip link set lo up && "$@"; exit $?'

# Most tests wait more than they reckon.  So several processes share the whole run, file by
# file, each in a network namespace of its own: no port of one is taken by another.
WORKER = ("unshare", "--net", "sh", "-c", LOOPBACK_UP, "sh", sys.executable)


def main(arguments: list[str]) -> None:
    """Prepare what can be prepared, then become pytest."""
    long = "--long" in arguments
    pytest = [sys.executable, "-m", "pytest", *(["-m", "long"] if long else [])]
    pytest += [argument for argument in arguments if argument != "--long"]
    os.chdir(ROOT)

    problem = why_not_isolated() or cannot_unshare()
    if not problem and (missing := install_servers(PACKAGES | (LONG_PACKAGES if long else {}))):
        say(f"tests on servers that are not there will be skipped: {missing}")
        problem = None if shutil.which("ip") else "iproute2 is not installed"
    unpacked = UNPACKED if long else {server: UNPACKED[server] for server in UNPACKED_EVERYDAY}
    if not problem and (missing := unpack_servers(unpacked)):
        say(f"tests on servers that are not there will be skipped: {missing}")
    if long and not problem and (missing := make_environments(ENVIRONMENTS)):
        say(f"tests on programs that are not there will be skipped: {missing}")
    if long and not problem and (missing := fetch_axe()):
        say(f"tests of pages by axe-core will be skipped: {missing}")
    if problem:
        say(f"no namespace, so no tests on real servers: {problem}")
        os.execv(pytest[0], pytest)  # noqa: S606 - no shell is needed
    if not arguments:
        pytest += shared_by((os.cpu_count() or 1) + 1)
    os.environ["SURVEY_TESTS_ALONE"] = "1"
    os.execvp(ALONE[0], [*ALONE, "sh", "-c", LOOPBACK_UP, "sh", *pytest])  # noqa: S606


def shared_by(workers: int) -> list[str]:
    """Have so many processes share the tests; a file's tests stay together."""
    return ["--dist", "loadfile", "--tx", f"{workers}*popen//python={shlex.join(WORKER)}"]


def why_not_isolated() -> str | None:
    """What this machine lacks for a namespace with real servers; None if it has everything."""
    if not sys.platform.startswith("linux"):
        return "this is not Linux"
    if os.geteuid() != 0:
        return "only root may install servers and make a network namespace"
    if not (Path("/etc/debian_version").exists() and shutil.which("apt-get")):
        return "the servers are installed with apt-get, and this is not Debian"
    return None


def install_servers(packages: Mapping[str, str | None]) -> str | None:
    """Install the packages that are not there yet; what went wrong, or None.

    Nothing is removed for them, no service of theirs is started, now or at the next boot.
    """
    wanted = [package for package in packages if not installed(package)]
    if not wanted:
        return None
    say(f"installing {' '.join(wanted)}")
    with no_service_starts():
        if not apt_get("install", *wanted):
            apt_get("update")
            for package in wanted:  # one by one: one that can't be had must not cost the others
                if not installed(package):
                    apt_get("install", package)
    for package in wanted:
        if (service := packages[package]) and installed(package):
            disable(service)
    still_missing = [package for package in wanted if not installed(package)]
    return f"apt-get could not install {' '.join(still_missing)}" if still_missing else None


def unpack_servers(servers: Mapping[str, Iterable[str]]) -> str | None:
    """Unpack the servers that are not there yet; what went wrong, or None."""
    missing = []
    for server, packages in servers.items():
        folder = UNPACKED_INTO / server
        if folder.exists():
            continue
        say(f"unpacking {' '.join(packages)}")
        UNPACKED_INTO.mkdir(mode=0o755, exist_ok=True)
        with TemporaryDirectory(prefix=f"{server}-", dir=UNPACKED_INTO) as making:
            if download_and_unpack(packages, Path(making)):
                (Path(making) / "files").rename(folder)
            else:
                missing.append(server)
    return f"apt-get could not download {' '.join(missing)}" if missing else None


def make_environments(wanted: Mapping[str, Path]) -> str | None:
    """Make the environments that are not there yet, of pins; what went wrong, or None."""
    missing = []
    for name, pins in wanted.items():
        folder = UNPACKED_INTO / name
        if folder.exists():
            continue
        say(f"making an environment with {name}")
        UNPACKED_INTO.mkdir(mode=0o755, exist_ok=True)
        made = [
            [sys.executable, "-m", "venv", folder],
            [folder / "bin/python", "-m", "pip", "install", "--quiet", "--requirement", pins],
        ]
        if not all(subprocess.run(one, check=False).returncode == 0 for one in made):
            shutil.rmtree(folder, ignore_errors=True)
            missing.append(name)
    return f"pip could not install {' '.join(missing)}" if missing else None


def fetch_axe() -> str | None:
    """Get axe-core if it is not there yet, and name it to the tests; what went wrong, or None."""
    folder = UNPACKED_INTO / AXE
    script = folder / "node_modules/axe-core/axe.min.js"
    os.environ.setdefault("AXE_CORE", str(script))
    if script.exists():
        return None
    say(f"getting {AXE}")
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    command = ["npm", "install", "--silent", "--no-save", "--prefix", str(folder), AXE]
    if not shutil.which("npm"):
        install_servers({"npm": None})
    if not shutil.which("npm") or subprocess.run(command, check=False).returncode:
        return f"npm could not install {AXE}"
    return None


def download_and_unpack(packages: Iterable[str], folder: Path) -> bool:
    """Bring packages into a folder and their files into ``files`` below it."""
    if not apt_get("download", *packages, folder=folder):
        apt_get("update")
        if not apt_get("download", *packages, folder=folder):
            return False
    (folder / "files").mkdir()
    return all(
        subprocess.run(["dpkg", "--extract", package, folder / "files"], check=False).returncode
        == 0
        for package in folder.glob("*.deb")
    )


def installed(package: str) -> bool:
    """Whether dpkg has the package, unpacked and configured."""
    query = ["dpkg-query", "--show", "--showformat", "${db:Status-Status}", package]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout == "installed"


def apt_get(command: str, *packages: str, folder: Path | None = None) -> bool:
    """Run apt-get in a folder, quietly and without a question; its output is shown if it fails."""
    options = ["--quiet", "--yes", "--option", "Acquire::Retries=3", "--option", "APT::Color=0"]
    if command == "install":
        # --no-remove: a machine's own mail server is never replaced by ours.
        options += ["--no-install-recommends", "--no-remove"]
    # No question asked, and postfix gets no configuration of its own: every test brings one.
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    if "postfix" in packages:
        selection = "postfix postfix/main_mailer_type select No configuration\n"
        subprocess.run(["debconf-set-selections"], input=selection, text=True, check=False)
    done = subprocess.run(
        ["apt-get", command, *options, *packages],
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        say(f"apt-get {command} {' '.join(packages)} failed:\n{done.stdout[-2000:]}")
    return done.returncode == 0


@contextmanager
def no_service_starts() -> Iterator[None]:
    """Have package scripts start no service meanwhile (invoke-rc.d asks this file first)."""
    before = POLICY.read_bytes() if POLICY.exists() else None
    mode = POLICY.stat().st_mode if before is not None else 0o755
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        if before is None:
            POLICY.unlink()
        else:
            POLICY.write_bytes(before)
            POLICY.chmod(mode)


def disable(service: str) -> None:
    """Keep a service that came with a package from starting at the next boot."""
    if shutil.which("systemctl"):
        command = ["systemctl", "--quiet", "disable", service]
    else:
        command = ["update-rc.d", service, "disable"]
    subprocess.run(command, capture_output=True, check=False)


def cannot_unshare() -> str | None:
    """Why a namespace can't be made (a container without the right to), or None."""
    if not shutil.which(ALONE[0]):
        return f"there is no {ALONE[0]}"
    done = subprocess.run([*ALONE, "true"], capture_output=True, text=True, check=False)
    return (done.stderr.strip() or f"{ALONE[0]} failed") if done.returncode else None


def say(text: str) -> None:
    """One remark of the harness, before pytest's own output."""
    sys.stderr.write(f"tests/run.py: {text}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
