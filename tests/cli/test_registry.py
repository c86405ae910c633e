"""``survey registry`` as a person types it."""

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from survey.cli.main import main
from survey.enrichment.sources import SOURCES

ROW = b"192.0.2.%d\t192.0.2.%d\t64496\tES\tEXAMPLE-%d\n"
ROWS = b"".join(ROW % (part, part, part) for part in range(200)) * 200
BODY = gzip.compress(ROWS, compresslevel=0)


@pytest.fixture
def mirror() -> Iterator[str]:
    """A mirror of iptoasn.com on a free port, in no hurry to be right."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/data/ip2asn-v4.tsv.gz"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/tab-separated-values")
            self.send_header("Content-Length", str(len(BODY) if found else 0))
            self.end_headers()
            if found:
                self.wfile.write(BODY)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def typed(folder: Path, *words: str) -> Result:
    """What `survey registry ...` does."""
    return CliRunner().invoke(main, ["--data", str(folder / "data"), "registry", *words])


def test_fetched_registry_is_listed_with_its_terms(tmp_path: Path, mirror: str) -> None:
    """Fetch, then list."""
    fetched = typed(tmp_path, "fetch", "iptoasn", "--mirror", mirror)
    assert fetched.exit_code == 0, fetched.stderr
    assert "200 rows, in force from" in fetched.stderr

    (listed,) = json.loads(typed(tmp_path, "list", "--json").stdout)
    assert (listed["source"], listed["licence"], listed["rows"]) == ("iptoasn", "PDDL-1.0", 200)


def test_missing_file_is_one_line_and_exit_code_1(tmp_path: Path, mirror: str) -> None:
    """The publisher has nothing."""
    failed = typed(tmp_path, "fetch", "nro-delegated", "--mirror", mirror)
    assert failed.exit_code == 1
    assert failed.stderr.strip().endswith("the publisher has no such file")


def test_sources_are_shown_with_their_terms() -> None:
    """Every name that fetch takes."""
    shown = typed(Path("nowhere"), "sources")
    for source in SOURCES.values():
        assert source.name in shown.stdout
        assert source.licence in shown.stdout


def test_import_takes_several_files_and_tells_its_notes(tmp_path: Path) -> None:
    """Registries' files together; what was decided about lines is said."""
    for name, start in (("arin", 0), ("apnic", 128)):
        (tmp_path / name).write_text(f"{name}|US|ipv4|192.0.2.{start}|128|0|assigned|h\n")
    paths = [str(tmp_path / name) for name in ("arin", "apnic")]
    told = typed(
        tmp_path, "import", "registration", *paths, "--source", "rirs", "--licence", "none"
    )
    assert told.exit_code == 0, told.stderr
    assert "2 rows, in force from" in told.stderr

    (tmp_path / "pfx2as").write_text("192.0.2.0\t24\t64496_64497\n")
    told = typed(
        tmp_path,
        *("import", "network", str(tmp_path / "pfx2as")),
        *("--source", "routeviews", "--licence", "CAIDA AUA", "--format", "pfx2as"),
    )
    assert "1 prefixes have several origins: the first counts" in told.stderr


def test_broken_file_is_exit_code_2(tmp_path: Path) -> None:
    """File, line, cure."""
    path = tmp_path / "countries.csv"
    path.write_text("192.0.2.0,192.0.2.9,Spain\n")
    failed = typed(tmp_path, "import", "country", str(path), "--source", "x", "--licence", "y")
    assert failed.exit_code == 2
    assert "countries.csv: line 1: 'Spain' is no country code" in failed.stderr
