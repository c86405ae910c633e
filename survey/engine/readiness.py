"""Is this worker fit to work?  Asked of each before anything is handed out, so that it is named."""

import platform
import socket
from pathlib import Path

from survey.errors import ConfigError
from survey.model.control import Lease, Renewal
from survey.protocols.lease_line import LINE, renewal_to_line, word_from_line
from survey.storage.certificates import COORDINATOR, worker_tls
from survey.storage.keys import TOKEN, read_key
from survey.storage.proof import prove, prove_remote

PATIENCE = 5.0
"""Seconds for the coordinator to take a call."""


NOBODY = Renewal(epoch=0, lease=Lease(0, 0, 0), holder="", optouts=0)
"""A question about no lease; every coordinator answers it."""


def prove_ready(shards: Path, keys: Path, leases_at: str, url: str = "") -> None:
    """See that shards can be written here, the keys are there, and the coordinator answers.

    Args:
        shards: Folder of the shards.
        keys: Folder of the keys.
        leases_at: Where the coordinator answers.
        url: Where shards are written instead of in the folder.

    Raises:
        StorageError: Shards can't be written here.
        ConfigError: A key is missing, or the coordinator can't be reached or is not ours.
    """
    if url:
        prove_remote(url)
    else:
        prove(shards)
    read_key(keys, TOKEN)
    tls = worker_tls(keys)
    host, _, port = leases_at.rpartition(":")
    try:
        with (
            socket.create_connection((host, int(port)), PATIENCE) as sock,
            tls.wrap_socket(sock, server_hostname=COORDINATOR) as line,
        ):
            # Only an answer shows that the coordinator took our certificate too.
            line.sendall(renewal_to_line(NOBODY))
            word_from_line(line.recv(LINE))
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ConfigError(
            "--leases",
            "",
            f"worker {platform.node()} can't renew leases at {leases_at} ({error})",
            "give an address that workers reach, and the certificates of one `survey keys init`",
        ) from error
