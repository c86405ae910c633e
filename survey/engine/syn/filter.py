"""Which packets the kernel puts into our ring: answers to our source ports, nothing else.

A classic BPF program (McCanne and Jacobson, USENIX 1993) as ``SO_ATTACH_FILTER`` takes it.  It only
spares us work; what gets through is judged by its cookie.
"""

import ctypes
import socket
import struct
from dataclasses import dataclass

SO_ATTACH_FILTER = 26

_LOAD_BYTE, _LOAD_HALF = 0x30, 0x28  # at a fixed place
_LOAD_BYTE_X, _LOAD_HALF_X = 0x50, 0x48  # X further on
_X_IS_HEADER_LENGTH = 0xB1  # X = 4 * (byte & 15)
_EQUAL, _GREATER, _NOT_LESS, _ANY_BIT = 0x15, 0x25, 0x35, 0x45
_AND = 0x54
_RETURN = 0x06

_ETHERNET = 14
_TCP, _ICMP = 6, 1
_SYN_ACK, _RST = 0x12, 0x04
_WHOLE = 0xFFFF

ICMP_UNREACHABLE, ICMP_TIME_EXCEEDED, ICMP_PARAMETER = 3, 11, 12


@dataclass(frozen=True, slots=True)
class _Step:
    code: int
    value: int
    yes: str = ""
    no: str = ""
    label: str = ""


def answers_to(first: int, last: int) -> bytes:
    """The program for our source ports ``first`` to ``last``; frames are Ethernet with IPv4.

    Wanted are SYN-ACKs and resets to them, not in fragments, and ICMP errors, whose quoted ports
    are looked at later.
    """
    fragment, protocol, kind = _ETHERNET + 6, _ETHERNET + 9, _ETHERNET
    steps = (
        _Step(_LOAD_BYTE, protocol),
        _Step(_EQUAL, _ICMP, yes="icmp"),
        _Step(_EQUAL, _TCP, no="drop"),
        _Step(_LOAD_HALF, fragment),
        _Step(_ANY_BIT, 0x1FFF, yes="drop"),
        _Step(_X_IS_HEADER_LENGTH, _ETHERNET),
        _Step(_LOAD_HALF_X, kind + 2),
        _Step(_NOT_LESS, first, no="drop"),
        _Step(_GREATER, last, yes="drop"),
        _Step(_LOAD_BYTE_X, kind + 13),
        _Step(_ANY_BIT, _RST, yes="keep"),
        _Step(_AND, _SYN_ACK),
        _Step(_EQUAL, _SYN_ACK, yes="keep", no="drop"),
        _Step(_X_IS_HEADER_LENGTH, _ETHERNET, label="icmp"),
        _Step(_LOAD_BYTE_X, kind),
        _Step(_EQUAL, ICMP_UNREACHABLE, yes="keep"),
        _Step(_EQUAL, ICMP_TIME_EXCEEDED, yes="keep"),
        _Step(_EQUAL, ICMP_PARAMETER, yes="keep", no="drop"),
        _Step(_RETURN, _WHOLE, label="keep"),
        _Step(_RETURN, 0, label="drop"),
    )
    places = {step.label: place for place, step in enumerate(steps) if step.label}

    def jump(here: int, label: str) -> int:
        return places[label] - here - 1 if label else 0

    return b"".join(
        struct.pack("=HBBI", step.code, jump(at, step.yes), jump(at, step.no), step.value)
        for at, step in enumerate(steps)
    )


def attach(sock: socket.socket, program: bytes) -> None:
    """Let only what the program keeps into this socket, from now on."""
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HP", len(program) // 8, ctypes.addressof(code))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, header)
