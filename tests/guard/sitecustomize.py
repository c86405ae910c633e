"""Python imports this at its start: put a child process of the tests under the guard as well."""

import os
from pathlib import Path

import network_guard

if log := os.environ.get(network_guard.LOG):
    network_guard.install(Path(log))
