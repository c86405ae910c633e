"""A real object store on loopback, that speaks S3, with a bucket for each test."""

import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

_NUMBERS = count(1)

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "made",
    "AWS_SECRET_ACCESS_KEY": "made-secret-of-tests",
    "AWS_REGION": "us-east-1",
    "AWS_ALLOW_HTTP": "true",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def object_store() -> Iterator[str]:
    """Its endpoint; the environment names it as long as it lives."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - half a second

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    before = {name: os.environ.get(name) for name in (*ENVIRONMENT, "AWS_ENDPOINT_URL")}
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        os.environ.update({**ENVIRONMENT, "AWS_ENDPOINT_URL": endpoint})
        yield endpoint
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        server.stop()


def new_bucket(endpoint: str) -> str:
    """The URL of a bucket with nothing in it."""
    name = f"made-{next(_NUMBERS)}"
    wish: Any = urllib.request.Request(f"{endpoint}/{name}", method="PUT")  # noqa: S310 - loopback
    with urllib.request.urlopen(wish):  # noqa: S310
        pass
    return f"s3://{name}/survey"
