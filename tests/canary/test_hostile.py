"""Our canary is open to the whole internet: mutated words raise nothing and prove nothing."""

import asyncio
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from mutations import mutated, pieces
from recordings import recordings

from survey.canary.body import readable
from survey.canary.identity import identity_headers
from survey.canary.mailbox import Mailbox, understand
from survey.canary.path import parse_path

SAID = [
    b"".join(turn.said for turn in talk.turns) for one in recordings() for talk in one.talks if talk
]
"""What our own probes said, with tokens of a key that nobody has any more."""

LINES = sorted({line for said in SAID for line in said.splitlines(keepends=True)})
KEY, DOMAINS = b"k" * 32, frozenset({b"canary.example", b"canary.test"})
FEW, MANY = 60, 4000
PATIENCE = 0.05
"""Seconds for the canary's last words to whoever says nothing more."""

PROOFS = {"message", "tunnel"}


@pytest.mark.parametrize("seed", range(20))
def test_no_words_raise_or_name_a_mailbox_of_a_token_that_we_did_not_make(seed: int) -> None:
    """Paths, mailboxes, bodies and heads, each line mutated."""
    draw = Random(seed)
    for line in LINES[seed::20]:
        words = mutated(draw, line, LINES)
        for keyword in (b"FROM:", b"TO:"):
            parse_path(words, keyword)
        assert understand(KEY, DOMAINS, words).mailbox is not Mailbox.RECIPIENT
        assert isinstance(readable(words), bytes)
        assert isinstance(identity_headers(words), bytes)


async def besiege(stand: Any, times: int, seed: int) -> None:
    """So many visitors at each door; then it still does its work."""
    draw = Random(seed)

    async def visit(port: int, words: bytes) -> None:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for piece in pieces(draw, words):
                writer.write(piece)
                await writer.drain()
            if draw.random() < 0.5:
                writer.write_eof()
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    while await reader.read(65_536):
                        pass
            writer.transport.abort()

    failed: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
    async with stand.up() as running:
        doors = (running.smtp_port, running.echo_port, running.web_port)
        for _ in range(0, times, 20):
            words = [mutated(draw, draw.choice(SAID), SAID) for _ in range(20)]
            await asyncio.gather(*(visit(draw.choice(doors), one) for one in words))
        assert not PROOFS & {kind for kind, _ in stand.lines.kinds()}
        token = stand.tokens.tunnel(running.echo_port)
        async with stand.talk(running.echo_port) as talk:
            assert (await talk.say(f"NOOP {token}")).startswith(b"250 2.0.0 ")
        assert ("tunnel", token) in stand.lines.kinds()
    assert failed == []


async def test_hostile_visitors_prove_nothing_and_leave_it_in_order(stand: Any) -> None:
    """No proof is on record but the one that was made; nothing of ours fails."""
    await besiege(stand, FEW, seed=1)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_many_hostile_visitors_prove_nothing(stand: Any) -> None:
    """The same for hours of a hostile internet."""
    await besiege(stand, MANY, seed=2)
