"""An S3 server of the tests, moto's, in a thread of this process."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

from vwe_dagster.config.object_storage import StorageAddress, storage_address

_NUMBERS = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class S3Server:
    """A running server.

    Attributes:
        endpoint: its URL.
    """

    endpoint: str

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables of its clients."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        }

    def new_address(self) -> StorageAddress:
        """Create a bucket, and return an address in it."""
        bucket = f"worlds-{next(_NUMBERS)}"
        _client(self.endpoint).create_bucket(Bucket=bucket)
        return storage_address(f"s3://{bucket}/some/prefix", self.environment)

    def objects(self, address: StorageAddress) -> dict[str, bytes]:
        """Return the content of every object at an address by path."""
        client, prefix = _client(self.endpoint), f"{address.prefix}/"
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=address.bucket, Prefix=prefix)
        keys = [each["Key"] for page in pages for each in page.get("Contents", [])]
        return {
            key.removeprefix(prefix): client.get_object(Bucket=address.bucket, Key=key)["Body"].read() for key in keys
        }

    def put(self, address: StorageAddress, path: str, content: bytes) -> None:
        """Replace an object."""
        _client(self.endpoint).put_object(Bucket=address.bucket, Key=f"{address.prefix}/{path}", Body=content)

    def delete(self, address: StorageAddress, path: str) -> None:
        """Remove an object."""
        _client(self.endpoint).delete_object(Bucket=address.bucket, Key=f"{address.prefix}/{path}")


@functools.cache
def _client(endpoint: str) -> Any:
    """Return a client of boto3, which takes long to create."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id="key",
        aws_secret_access_key="secret",  # noqa: S106  moto accepts any
        region_name="us-east-1",
    )


@contextlib.contextmanager
def running_s3() -> Iterator[S3Server]:
    """Yield a running server, and end it afterwards."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield S3Server(f"http://{host}:{port}")
    finally:
        server.stop()
