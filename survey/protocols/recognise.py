"""Which protocol a peer speaks, told from its first bytes; used when it is not the one asked for."""

import re

from survey.model.failure import Failure
from survey.model.observation import MAX_EVIDENCE, Protocol, Step
from survey.protocols.dialogue import Answer

_HTTP = re.compile(rb"\s*(HTTP/\d|<!doctype html|<html)", re.IGNORECASE)
_SMTP = re.compile(rb"(220|421|5\d\d)[ -][^\r\n]*SMTP", re.IGNORECASE)
_FTP = re.compile(rb"(220|421|5\d\d)[ -][^\r\n]*FTP", re.IGNORECASE)
# RFC 8446 s5.1: a record of type alert or handshake, version 3.x.
_TLS = re.compile(rb"[\x15\x16]\x03[\x00-\x04]")
# RFC 1928 s3 and s6: a method, or a reply with its zero and address type.
_SOCKS5 = re.compile(rb"\x05([\x00-\x02\xff]\Z|[\x00-\x08]\x00[\x01\x03\x04])", re.DOTALL)
_SOCKS4 = re.compile(rb"\x00[\x5a-\x5d]", re.DOTALL)


def recognise(data: bytes) -> Protocol | None:
    """The protocol that a peer's first bytes belong to, or None if they fit none that we know."""
    if _HTTP.match(data):
        return Protocol.HTTP
    if data.startswith(b"SSH-"):
        return Protocol.SSH
    if _SMTP.match(data):
        return Protocol.SMTP
    if _FTP.match(data):
        return Protocol.FTP
    if _TLS.match(data):
        return Protocol.TLS
    if _SOCKS5.match(data):
        return Protocol.SOCKS5
    if _SOCKS4.match(data):
        return Protocol.SOCKS4
    return None


def unexpected(data: bytes, ended: Failure | None, wanted: Protocol) -> Answer:
    """The answer of a dialogue whose peer said ``data`` and no word of the ``wanted`` protocol.

    Args:
        data: What it said.
        ended: Why nothing more will come, or None if we gave up because of ``data``.
        wanted: The protocol that the dialogue speaks.
    """
    protocol = recognise(data)
    if protocol not in (None, wanted):
        failure = Failure.WRONG_PROTOCOL
    else:
        failure = ended or Failure.GARBAGE
    return Answer(Step.CONNECTED, failure, protocol, reply=data[:MAX_EVIDENCE])
