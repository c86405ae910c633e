"""Loaded into the workers of our own cluster: Ctrl-C is for the coordinator to hear.

A terminal sends SIGINT to the whole process group.  A worker that died of it would look lost, and
its conversations would not be ended in order.
"""

import signal


def dask_setup(worker: object) -> None:  # noqa: ARG001 - Dask's signature for preloads
    """Called by Dask in the worker's main thread, before it takes work."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
