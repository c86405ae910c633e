"""By which headers a proxy names itself, or the client that it serves."""

from survey.canary.record import MAX_HEADERS

# RFC 9110 s7.6.3 (Via), RFC 7239 (Forwarded), and what came before or beside them.
NAMES = frozenset(
    {
        b"via",
        b"forwarded",
        b"forwarded-for",
        b"x-forwarded",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-server",
        b"x-real-ip",
        b"x-client-ip",
        b"client-ip",
        b"true-client-ip",
        b"x-cluster-client-ip",
        b"x-originating-ip",
        b"x-proxyuser-ip",
        b"x-proxy-id",
        b"x-bluecoat-via",
    }
)


def identity_headers(request: bytes) -> bytes:
    r"""Those lines of a request's head, each with ``\n``; at most MAX_HEADERS bytes, hostile."""
    kept = b""
    for line in request.split(b"\n")[1:]:
        text = line.rstrip(b"\r")
        if not text:  # the head is over
            break
        if text.partition(b":")[0].strip().lower() in NAMES:
            kept += text[: MAX_HEADERS - 1] + b"\n"
    return kept[:MAX_HEADERS]
