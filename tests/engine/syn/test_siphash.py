"""The hash is SipHash-2-4 and no other."""

import numpy as np
import pytest

from survey.engine.syn.siphash import siphash

KEY = bytes(range(16))
# The authors' reference vectors (vectors_sip64) for messages 00, 00 01, 00 01 02, ...
VECTORS = (
    "310e0edd47db6f72",
    "fd67dc93c539f874",
    "5a4fa9d909806c0d",
    "2d7efbd796666785",
    "b7877127e09427cf",
    "8da699cd64557618",
    "cee3fe586e46c9cb",
    "37d1018bf50002ab",
)


@pytest.mark.parametrize("length", range(8))
def test_reference_vectors(length: int) -> None:
    """Every length that fits one block, as its authors have it."""
    message = int.from_bytes(bytes(range(length)), "little")

    (result,) = siphash(KEY, np.array([message], dtype=np.uint64), length)

    assert int(result).to_bytes(8, "little").hex() == VECTORS[length]


def test_rows_do_not_touch_each_other() -> None:
    """Many at once give what each gives alone, and the messages stay as they are."""
    messages = np.arange(1000, dtype=np.uint64) << np.uint64(13)
    before = messages.copy()

    together = siphash(KEY, messages, 6)

    assert (messages == before).all()
    alone = [int(siphash(KEY, messages[row : row + 1], 6)[0]) for row in range(0, 1000, 97)]
    assert together[::97].tolist() == alone


def test_no_messages_give_no_hashes() -> None:
    """An empty batch is a batch."""
    assert len(siphash(KEY, np.zeros(0, dtype=np.uint64), 6)) == 0
