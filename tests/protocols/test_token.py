"""Tokens survive what mail systems do to them, and only the key's holder makes them."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.model.probe import PROBE_CODES, Probe
from survey.protocols.token import (
    NONCE_CHARS,
    TOKEN_CHARS,
    VARIANT_CODES,
    Claims,
    TokenKind,
    find_token,
    make_nonce,
    make_token,
    read_token,
    run_tag,
)

KEY = bytes(range(32))
OTHER_KEY = bytes(32)

CLAIMS = Claims(
    run=run_tag("spring", "2026-W48"),
    ip=0xC0000201,
    port=25,
    probe=Probe.SMTP_RELAY,
    variant="V1",
    canary_port=0,
    tls=False,
    attempt=0,
    kind=TokenKind.RECIPIENT,
)

every_claims = st.builds(
    Claims,
    run=st.binary(min_size=6, max_size=6),
    ip=st.integers(0, 2**32 - 1),
    port=st.integers(0, 65535),
    probe=st.sampled_from(Probe),
    variant=st.sampled_from(sorted(VARIANT_CODES)),
    canary_port=st.integers(0, 65535),
    tls=st.booleans(),
    attempt=st.integers(0, 255),
    kind=st.sampled_from(TokenKind),
)


@given(every_claims)
def test_a_token_gives_its_claims_back_in_any_case(claims: Claims) -> None:
    """Relays fold case; the claims stay."""
    token = make_token(KEY, claims)
    assert re.fullmatch(f"[a-z2-7]{{{TOKEN_CHARS}}}", token)
    assert read_token(KEY, token) == claims
    assert read_token(KEY, token.upper().encode()) == claims
    assert read_token(KEY, token.title()) == claims


def test_a_token_fits_a_mailbox_name_and_a_host_label() -> None:
    """64 octets of local part and 63 of a label are the limits."""
    assert TOKEN_CHARS <= 63


@given(every_claims, st.integers(0, TOKEN_CHARS - 1), st.sampled_from("abcdefghijklmnop234567"))
def test_a_changed_token_is_none(claims: Claims, at: int, letter: str) -> None:
    """No character can be changed unnoticed."""
    token = make_token(KEY, claims)
    changed = token[:at] + letter + token[at + 1 :]
    assert (read_token(KEY, changed) is None) == (changed != token)


@given(st.binary(max_size=80) | st.text(max_size=80))
def test_a_strangers_bytes_are_no_token(data: bytes | str) -> None:
    """Whatever comes, nothing is raised."""
    assert read_token(KEY, data) is None


def test_another_key_reads_nothing() -> None:
    """Tokens of another installation are strangers."""
    assert read_token(OTHER_KEY, make_token(KEY, CLAIMS)) is None


@pytest.mark.parametrize(
    "other",
    [
        replace(CLAIMS, run=run_tag("spring", "2026-W49")),
        replace(CLAIMS, ip=CLAIMS.ip + 1),
        replace(CLAIMS, port=26),
        replace(CLAIMS, probe=Probe.SOCKS5),
        replace(CLAIMS, variant="V3"),
        replace(CLAIMS, canary_port=25),
        replace(CLAIMS, tls=True),
        replace(CLAIMS, attempt=1),
        replace(CLAIMS, kind=TokenKind.MESSAGE),
    ],
)
def test_every_claim_makes_another_token(other: Claims) -> None:
    """What a token binds: all of it."""
    assert make_token(KEY, other) != make_token(KEY, CLAIMS)


def test_runs_of_campaigns_have_tags_of_their_own() -> None:
    """Campaign and run can't be shifted into one another."""
    assert run_tag("a", "b-c") != run_tag("a-b", "c")
    assert len(run_tag("a", "b")) == 6


def test_a_token_is_found_in_a_body() -> None:
    """Between other words, folded, and after tokens that are none of ours."""
    token = make_token(KEY, replace(CLAIMS, kind=TokenKind.MESSAGE))
    body = b"Hello\r\n%s\r\nX-Mark: <%s>\r\n" % (b"a" * TOKEN_CHARS, token.upper().encode())
    found = find_token(KEY, body)
    assert found is not None
    assert found == (token, read_token(KEY, token))


def test_a_token_of_the_wanted_kind_is_found_behind_others() -> None:
    """A message holds its recipient's token too."""
    recipient = make_token(KEY, CLAIMS)
    message = make_token(KEY, replace(CLAIMS, kind=TokenKind.MESSAGE))
    found = find_token(KEY, f"{recipient} {message}".encode(), kind=TokenKind.MESSAGE)
    assert found is not None
    assert found[0] == message


def test_finding_stops_at_its_limit() -> None:
    """A stranger can't make us compute for ever."""
    body = b" ".join([b"a" * TOKEN_CHARS] * 16 + [make_token(KEY, CLAIMS).encode()])
    assert find_token(KEY, body, limit=16) is None
    assert find_token(KEY, body, limit=17) is not None


def test_a_longer_word_holds_no_token() -> None:
    """A token is a whole word."""
    token = make_token(KEY, CLAIMS).encode()
    assert find_token(KEY, b"x" + token) is None
    assert find_token(KEY, token + b"9") is None


def test_a_nonce_depends_on_token_connection_and_key() -> None:
    """So it can be neither guessed nor replayed."""
    token = make_token(KEY, CLAIMS)
    nonce = make_nonce(KEY, token, b"one")
    assert re.fullmatch(f"[a-z2-7]{{{NONCE_CHARS}}}", nonce)
    others = {
        make_nonce(KEY, token, b"two"),
        make_nonce(OTHER_KEY, token, b"one"),
        make_nonce(KEY, make_token(KEY, replace(CLAIMS, attempt=1)), b"one"),
    }
    assert nonce not in others
    assert len(others) == 3


def test_the_published_form_never_changes() -> None:
    """Tokens of old runs must stay readable for as long as mail may be delayed."""
    assert make_token(KEY, CLAIMS) == ("ag5kx7tvre3maaacaeabsaibaaaacabfthqs23ib3si5uiwfnwekl562")
    assert PROBE_CODES.keys() == set(Probe)
    assert len(set(VARIANT_CODES.values())) == len(VARIANT_CODES)
