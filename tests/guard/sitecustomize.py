"""Python imports this at its start: put a child process of the tests under the guard as well.

A test may name a module in SURVEY_TESTS_ALSO that does something to its child processes.
"""

import importlib
import os
from pathlib import Path

import network_guard

if also := os.environ.get("SURVEY_TESTS_ALSO"):  # what a test does to its child processes
    importlib.import_module(also)

if log := os.environ.get(network_guard.LOG):
    network_guard.install(Path(log))
