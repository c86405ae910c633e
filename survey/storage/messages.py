"""Who was sent a message, one line each, on disk before the message leaves.

A receipt tells of the attempt that was committed; one that died may have sent messages too.  One
file for each shard, whatever attempts: at most one worker writes it at any time (law 5).
"""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from survey.errors import StorageError
from survey.model.address import format_ip, parse_ip
from survey.storage.files import private_folder
from survey.storage.layout import RunLayout
from survey.storage.line_log import lines_to_take, take_lines
from survey.storage.mentions import Addresses


def note_message(path: Path, ip: int) -> None:
    """Write down that this address is sent a message now.

    Raises:
        StorageError: It can't be written, so nothing may be sent.
    """
    private_folder(path.parent)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            # The leading newline ends a line that a crash may have torn; a whole one ends in ";".
            os.write(descriptor, message_line(ip))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StorageError(f"{path}: can't be written: {error.strerror}") from error


def message_line(ip: int) -> bytes:
    """How a message to an address is noted."""
    return f"\n{format_ip(ip)};\n".encode("ascii")


def read_messages(path: Path) -> Counter[int]:
    """How many messages each address was sent, as one file says; none before the first."""
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except FileNotFoundError:
        return Counter()
    except OSError as error:
        raise StorageError(f"{path}: can't be read: {error.strerror}") from error
    sent: Counter[int] = Counter()
    for line in lines:
        # else it is torn, and was never sent; or it was taken out since
        if line.endswith(";") and not line.startswith("#"):
            sent[parse_ip(line[:-1])] += 1
    return sent


def messages_to(run: RunLayout, ip: int, shards: Iterable[int]) -> int:
    """How many messages these shards of a run or a round sent to one address."""
    return sum(read_messages(run.messages(shard))[ip] for shard in set(shards))


def count_messages(path: Path, addresses: Addresses) -> int:
    """How many lines of one file are about one of the addresses, or torn."""
    return lines_to_take(path, lambda line: _is_about(line, addresses))


def forget_messages(path: Path, addresses: Addresses) -> int:
    """Take these lines out; a worker may go on writing to the file.

    Raises:
        OSError: The disk does not take it.
    """
    return take_lines(path, lambda line: _is_about(line, addresses))


def _is_about(line: bytes, addresses: Addresses) -> bool:
    """A torn line was never sent, and may have the beginning of any address."""
    if not line.endswith(b";"):
        return True
    return parse_ip(line[:-1].decode("ascii")) in addresses


def all_messages(run: RunLayout) -> Counter[int]:
    """How many messages each address was sent in a run, its rounds of follow-ups included."""
    sent: Counter[int] = Counter()
    for folder in (run.root, *sorted(run.rounds.glob("*"))):
        for path in sorted((folder / "messages").glob("shard-*.log")):
            sent += read_messages(path)
    return sent
