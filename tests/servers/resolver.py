"""A name server on loopback that knows one name, for a peer that can't do without."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rrset


@contextmanager
def resolver(ip: str, name: str, address: str) -> Iterator[None]:
    """Answer at port 53 of ``ip`` that ``name`` is ``address``, and that no other has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind((ip, 53))
        listener.settimeout(0.2)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    data, peer = listener.recvfrom(4096)
                except TimeoutError:
                    continue
                listener.sendto(answer(data, name, address), peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def answer(data: bytes, name: str, address: str) -> bytes:
    """The reply to one question."""
    question = dns.message.from_wire(data)
    reply = dns.message.make_response(question)
    reply.flags |= dns.flags.AA
    asked = question.question[0]
    if asked.name.to_text(omit_final_dot=True) == name and asked.rdtype == dns.rdatatype.A:
        reply.answer.append(dns.rrset.from_text(asked.name, 60, "IN", "A", address))
    return reply.to_wire()
