"""A scan's figures for Prometheus: counts only, nothing about a host (law 8)."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from survey.errors import ConfigError
from survey.flows.standing import ScanStatus, State

CONTENT = "text/plain; version=0.0.4; charset=utf-8"

GAUGES = {
    "rate": ("packets_per_second", "Packets per second now."),
    "cap": ("cap_packets_per_second", "Packets per second at most now."),
    "planned": ("targets_planned", "Targets of the plan."),
    "done": ("targets_done", "Targets decided, committed or under way."),
    "eta": ("seconds_left", "Seconds left, at the pace of the last minute."),
    "shards": ("shards_planned", "Shards of the plan."),
    "committed": ("shards_committed", "Shards committed."),
    "running": ("shards_running", "Shards under way: slots in use."),
    "resting": ("slots_resting", "Slots kept from everybody until a lost lease is over."),
    "slots": ("slots", "Shares of the cap."),
    "silence": ("lease_silence_seconds", "Since the worker asked that has been silent longest."),
    "in_flight": ("in_flight", "Connects and conversations in the air."),
    "optouts": ("optouts", "Entries of the opt-out log."),
    "optouts_obeyed": ("optouts_obeyed", "Of those, in force in every worker."),
    "optouts_lag": ("optouts_lag_seconds", "From the newest entry until every worker obeyed."),
    "optouts_worst_lag": ("optouts_worst_lag_seconds", "The same, of the slowest entry."),
    "canary_ill": ("canary_ill_workers", "Workers that find the canary out of order."),
}
COUNTERS = {
    "packets": ("packets", "Packets charged."),
    "sent": ("targets_sent", "Targets dialled."),
    "conversations": ("conversations", "Tests of open targets that came to an end."),
    "aborted": ("conversations_aborted", "Of those, broken off by an opt-out or a stop."),
    "retries": ("shards_handed_out_again", "Shards handed out again."),
    "repeated": ("targets_repeated_at_most", "Targets that may have been dialled again."),
    "checks": ("controls_checked", "Times that a worker found all controls as we know them."),
    "rechecked": ("targets_rechecked", "Targets dialled a second time."),
    "reopened": ("targets_reopened", "Of those, accepted the second connection."),
    "missed": ("targets_missed", "Of those again, had not accepted the first."),
    "shortages": ("shortages", "Times that a worker's machine could not send."),
}
ANSWERS = {"open": "found", "refused": "refused", "silent": "silent", "unreachable": "unreachable"}


def exposition(status: ScanStatus) -> str:
    """One status in Prometheus' text format."""
    return "".join(f"{line}\n" for line in _lines(status))


def _lines(status: ScanStatus) -> Iterator[str]:
    for kind, names in (("gauge", GAUGES), ("counter", COUNTERS)):
        for field, (name, text) in names.items():
            value = getattr(status, field)
            full = f"survey_{name}" + ("_total" if kind == "counter" else "")
            yield from _head(full, kind, text)
            if value is not None:
                yield f"{full} {value}"
    yield from _head("survey_answers_total", "counter", "How dialled targets answered.")
    for answer, field in ANSWERS.items():
        yield f'survey_answers_total{{answer="{answer}"}} {getattr(status, field)}'
    yield from _head("survey_failures_total", "counter", "How conversations ended early.")
    for failure, count in status.failures.items():
        yield f'survey_failures_total{{failure="{failure}"}} {count}'
    yield from _head("survey_state", "gauge", "1 for what the scan is doing.")
    for state in State:
        yield f'survey_state{{state="{state}"}} {int(state is status.state)}'
    yield from _head("survey_held", "gauge", "1 while a stop rule makes the scan pause.")
    yield f"survey_held {int(bool(status.reason))}"


def _head(name: str, kind: str, text: str) -> tuple[str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} {kind}"


class MetricsServer:
    """Answers GET /metrics with the newest status, from ``with`` to its end.

    Args:
        host: Address to listen on.
        port: 0 lets the system choose.

    Attributes:
        address: Where it listens, ``host:port``.
    """

    def __init__(self, host: str, port: int) -> None:
        self._status: ScanStatus | None = None

        class Handler(BaseHTTPRequestHandler):
            """One request."""

            timeout = 5.0

            def do_GET(handler) -> None:  # noqa: N805 - http.server's name; self is the server
                """Whatever is asked for."""
                found = handler.path.partition("?")[0] == "/metrics"
                status = self._status
                text = exposition(status) if found and status is not None else ""
                handler.send_response(200 if found else 404)
                handler.send_header("Content-Type", CONTENT)
                handler.send_header("Content-Length", str(len(text)))
                handler.end_headers()
                handler.wfile.write(text.encode("ascii"))

            def log_message(handler, *_: object) -> None:  # noqa: N805 - as above
                """Nobody reads it."""

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as error:
            raise ConfigError(
                "--metrics",
                "",
                f"can't listen on {host}:{port} ({error.strerror or error})",
                "give a free address of this machine, such as 127.0.0.1:9108",
            ) from error
        self._server.daemon_threads = True
        name, chosen = self._server.server_address[:2]
        self.address = f"{name!s}:{chosen}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="survey-metrics", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def show(self, status: ScanStatus) -> None:
        """This is the newest."""
        self._status = status
