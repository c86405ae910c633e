"""``python -m tests.benchmarks.xdp_hosts INTERFACE``: every address behind it accepts every SYN.

A kernel's own TCP takes longer to answer than a scanner to ask, so on one machine it hides what is
to be measured.  This answers in a few dozen instructions, before the kernel has looked: an eBPF
program on the interface (XDP) that turns a SYN round into its SYN-ACK and drops whatever else of
TCP comes, like the resets.  It says ``ready`` and works until its input ends.
"""

import ctypes
import os
import socket
import struct
import sys

_BPF = {"x86_64": 321, "aarch64": 280}
_LOAD, _ATTACH = 5, 28  # BPF_PROG_LOAD, BPF_LINK_CREATE
_XDP_PROGRAM, _XDP_ATTACHMENT, _ANY_DRIVER = 6, 37, 2  # ..., XDP_FLAGS_SKB_MODE
_DROP, _PASS, _BACK = 1, 2, 3

# eBPF opcodes (RFC 9669); widths in bytes
_LOAD_FROM = {1: 0x71, 2: 0x69, 4: 0x61}
_STORE_REGISTER = {1: 0x73, 2: 0x6B, 4: 0x63}
_STORE_NUMBER = {1: 0x72, 4: 0x62}
_SET, _SET_NUMBER, _ADD, _ADD_NUMBER = 0xBF, 0xB7, 0x0F, 0x07
_AND_NUMBER, _XOR_NUMBER, _SHIFT_RIGHT, _BIG_ENDIAN = 0x57, 0xA7, 0x77, 0xDC
_IF_GREATER, _IF_NOT, _EXIT = 0x2D, 0x55, 0x95

_RESULT, _CONTEXT, _PACKET, _END, _OTHER, _WORD = range(6)
_HEADERS = 54
_ETHERTYPE, _VERSION, _PROTOCOL, _SEQUENCE, _ACKNOWLEDGED, _FLAGS, _CHECKSUM = (
    12, 14, 23, 38, 42, 47, 50,
)  # fmt: skip
_SYN, _SYN_ACK = 0x02, 0x12
_ADDED = 0x11
"""What the answer's sum has more than the SYN's: 1 in the number, 0x10 in the flags."""


class _Program:
    def __init__(self) -> None:
        self._code: list[tuple[int, int, int, int, int]] = []
        self._jumps: list[tuple[int, str]] = []
        self._labels: dict[str, int] = {}

    def do(self, code: int, to: int = 0, source: int = 0, *, at: int = 0, number: int = 0) -> None:
        """One instruction."""
        self._code.append((code, to, source, at, number))

    def jump(self, code: int, to: int, label: str, *, source: int = 0, number: int = 0) -> None:
        """Go to the label if the register compares so."""
        self._jumps.append((len(self._code), label))
        self.do(code, to, source, number=number)

    def end(self, verdict: int, label: str = "") -> None:
        """Leave with this verdict."""
        self._labels[label] = len(self._code)
        self.do(_SET_NUMBER, _RESULT, number=verdict)
        self.do(_EXIT)

    def assembled(self) -> bytes:
        """As the kernel takes it."""
        code = list(self._code)
        for place, label in self._jumps:
            operation, to, source, _, number = code[place]
            code[place] = operation, to, source, self._labels[label] - place - 1, number
        return b"".join(
            struct.pack("<BBhi", operation, to | source << 4, at, number)
            for operation, to, source, at, number in code
        )


def program() -> bytes:
    """SYN to SYN-ACK."""
    made = _Program()
    made.do(_LOAD_FROM[4], _PACKET, _CONTEXT, at=0)
    made.do(_LOAD_FROM[4], _END, _CONTEXT, at=4)
    made.do(_SET, _OTHER, _PACKET)
    made.do(_ADD_NUMBER, _OTHER, number=_HEADERS)
    made.jump(_IF_GREATER, _OTHER, "pass", source=_END)
    for at, width, wanted, otherwise in (
        (_ETHERTYPE, 2, 0x0008, "pass"),
        (_PROTOCOL, 1, 6, "pass"),
        (_VERSION, 1, 0x45, "pass"),
        (_FLAGS, 1, _SYN, "drop"),
    ):
        made.do(_LOAD_FROM[width], _WORD, _PACKET, at=at)
        made.jump(_IF_NOT, _WORD, otherwise, number=wanted)
    _correct_checksum(made)
    made.do(_LOAD_FROM[4], _WORD, _PACKET, at=_SEQUENCE)
    made.do(_BIG_ENDIAN, _WORD, number=32)
    made.do(_ADD_NUMBER, _WORD, number=1)
    made.do(_BIG_ENDIAN, _WORD, number=32)
    made.do(_STORE_REGISTER[4], _PACKET, _WORD, at=_ACKNOWLEDGED)
    made.do(_STORE_NUMBER[4], _PACKET, at=_SEQUENCE, number=0)
    made.do(_STORE_NUMBER[1], _PACKET, at=_FLAGS, number=_SYN_ACK)
    for one, other, width in ((26, 30, 4), (34, 36, 2), (0, 6, 4), (4, 10, 2)):
        made.do(_LOAD_FROM[width], _WORD, _PACKET, at=one)
        made.do(_LOAD_FROM[width], _OTHER, _PACKET, at=other)
        made.do(_STORE_REGISTER[width], _PACKET, _OTHER, at=one)
        made.do(_STORE_REGISTER[width], _PACKET, _WORD, at=other)
    made.end(_BACK)
    made.end(_DROP, "drop")
    made.end(_PASS, "pass")
    return made.assembled()


def _correct_checksum(made: _Program) -> None:
    """Swapped fields leave the sum as it is (RFC 1071); so only ``_ADDED`` is to be added."""
    made.do(_LOAD_FROM[2], _WORD, _PACKET, at=_CHECKSUM)
    made.do(_BIG_ENDIAN, _WORD, number=16)
    made.do(_XOR_NUMBER, _WORD, number=0xFFFF)
    made.do(_ADD_NUMBER, _WORD, number=_ADDED)
    made.do(_SET, _OTHER, _WORD)
    made.do(_SHIFT_RIGHT, _OTHER, number=16)
    made.do(_AND_NUMBER, _WORD, number=0xFFFF)
    made.do(_ADD, _WORD, _OTHER)
    made.do(_XOR_NUMBER, _WORD, number=0xFFFF)
    made.do(_BIG_ENDIAN, _WORD, number=16)
    made.do(_STORE_REGISTER[2], _PACKET, _WORD, at=_CHECKSUM)


def attach(interface: str) -> None:
    """Let the program work on an interface as long as this process lives."""
    code = ctypes.create_string_buffer(program())
    licence = ctypes.create_string_buffer(b"Apache-2.0")
    log = ctypes.create_string_buffer(1 << 16)
    addresses = map(ctypes.addressof, (code, licence, log))
    instructions, name, diary = addresses
    count = (len(code) - 1) // 8
    load = struct.pack("<IIQQIIQ", _XDP_PROGRAM, count, instructions, name, 1, len(log), diary)
    descriptor = _bpf(_LOAD, load, log)
    index = socket.if_nametoindex(interface)
    link = struct.pack("<IIII", descriptor, index, _XDP_ATTACHMENT, _ANY_DRIVER)
    _bpf(_ATTACH, link, log)


def _bpf(command: int, attributes: bytes, log: "ctypes.Array[ctypes.c_char]") -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    memory = ctypes.create_string_buffer(attributes, 128)
    result: int = libc.syscall(_BPF[os.uname().machine], command, memory, 128)
    if result < 0:
        reason = os.strerror(ctypes.get_errno())
        raise OSError(ctypes.get_errno(), f"bpf: {reason} {log.value.decode()}")
    return result


if __name__ == "__main__":
    attach(sys.argv[1])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()
