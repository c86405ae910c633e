"""A small form's fields, read with bounds."""

from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

LARGEST = 8192
"""Bytes of a form."""
_FIELDS = 8


async def read_form(request: Request) -> dict[str, str]:
    """The fields, eight at most.

    Raises:
        HTTPException: It is no form of ours (415), too large (413), or broken (400).
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(415)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            raise HTTPException(413)
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise HTTPException(400) from error
    return dict(pairs)
