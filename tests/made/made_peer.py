"""What a server, a firewall or a liar sends back to a SYN: whole frames with right checksums."""

import struct

SYN, RST, ACK = 0x02, 0x04, 0x10
ROUTER = 0xC6131001


def target(frame: bytes) -> tuple[int, int]:
    """Address and port that a frame of ours went to."""
    ip, port = struct.unpack_from(">I2xH", frame, 30)
    return ip, port


def is_syn(frame: bytes) -> bool:
    """Whether it is a SYN and nothing else."""
    return frame[23] == 6 and frame[47] == SYN


def segment(frame: bytes, flags: int, *, ahead: int = 1, source: int | None = None) -> bytes:
    """Their answer to our SYN, acknowledging our sequence number and ``ahead`` more."""
    ours, theirs, own, port, sequence = struct.unpack_from(">IIHHI", frame, 26)
    acknowledged = (sequence + ahead) % 2**32
    tcp = struct.pack(">HHIIBBHHH", port, own, 5, acknowledged, 0x50, flags, 1000, 0, 0)
    return _packet(frame, theirs if source is None else source, ours, 6, tcp)


def syn_ack(frame: bytes) -> bytes:
    """The port is open."""
    return segment(frame, SYN | ACK)


def reset(frame: bytes) -> bytes:
    """The port is closed."""
    return segment(frame, RST | ACK)


def unreachable(frame: bytes, code: int, kind: int = 3) -> bytes:
    """A router's error about our SYN."""
    (ours,) = struct.unpack_from(">I", frame, 26)
    body = bytes([kind, code, 0, 0]) + bytes(4) + frame[14:42]
    body = body[:2] + struct.pack(">H", _checksum(body)) + body[4:]
    return _packet(frame, ROUTER, ours, 1, body)


def _packet(frame: bytes, source: int, destination: int, protocol: int, body: bytes) -> bytes:
    ethernet = frame[6:12] + frame[:6] + frame[12:14]
    ends = struct.pack(">II", source, destination)
    if protocol == 6:
        pseudo = ends + struct.pack(">HH", protocol, len(body))
        body = body[:16] + struct.pack(">H", _checksum(pseudo + body)) + body[18:]
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 60, protocol, 0) + ends
    header = header[:10] + struct.pack(">H", _checksum(header)) + header[12:]
    return ethernet + header + body


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f">{len(data) // 2}H", data[: len(data) // 2 * 2]))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
