"""Tell the guard what uvloop is asked for: it opens its sockets in C, which no audit event sees.

The methods are wrapped when uvloop is imported, and only then: a child process that does not use
it must not load it for our sake.
"""

import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

Check = Callable[[str, object], None]

# method, audit event that it stands for, position and name of the argument with the host
_METHODS = (
    ("create_connection", "socket.connect", 1, "host"),
    ("create_datagram_endpoint", "socket.connect", 2, "remote_addr"),
    ("create_datagram_endpoint", "socket.bind", 1, "local_addr"),
    ("create_server", "socket.bind", 1, "host"),
    ("getaddrinfo", "socket.getaddrinfo", 0, "host"),
)


def install(check: Check) -> None:
    """Have ``check(event, host)`` called before uvloop connects, binds or resolves."""
    if loaded := sys.modules.get("uvloop"):
        _wrap(loaded, check)
    else:
        sys.meta_path.insert(0, _WhenImported(check))


class _WhenImported(MetaPathFinder):
    """Finds uvloop as everybody would, and wraps it as soon as it is there."""

    def __init__(self, check: Check) -> None:
        self.check = check

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The usual spec, with a loader that wraps at its end; None for every other module."""
        spec = PathFinder.find_spec(name, path, target) if name == "uvloop" else None
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_and_wrap(module: ModuleType) -> None:
            execute(module)
            _wrap(module, self.check)

        spec.loader.exec_module = execute_and_wrap
        return spec


def _wrap(uvloop: ModuleType, check: Check) -> None:
    for name, event, position, keyword in _METHODS:
        setattr(
            uvloop.Loop, name, _checked(getattr(uvloop.Loop, name), event, position, keyword, check)
        )


def _checked(
    method: Callable[..., object], event: str, position: int, keyword: str, check: Check
) -> Callable[..., object]:
    async def checked(self: object, *arguments: object, **options: object) -> object:
        given = arguments[position] if len(arguments) > position else options.get(keyword)
        hosts = given if isinstance(given, list) else [given]
        for host in (host[0] if isinstance(host, tuple) else host for host in hosts):
            # No host: a ready socket, which the audit hook saw, or for a server all interfaces.
            if host is not None or (keyword == "host" and options.get("sock") is None):
                check(event, host)
        return await method(self, *arguments, **options)

    return checked
