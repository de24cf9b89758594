"""Object storage: the address where worlds are published, the credentials, and the limit of the cache."""

from __future__ import annotations

import dataclasses
import os
import re
import urllib.parse
from collections.abc import Mapping

PUBLISH_VARIABLE = "VWE_PUBLISH"
"""The environment variable with the address that ``vwe publish`` writes to."""

CACHE_VARIABLE = "VWE_PUBLISH_CACHE_MB"
"""The environment variable with the limit of the cache of fetched files, in megabytes."""

DEFAULT_CACHE_MB = 4096

ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL"

_KEY_VARIABLE = "AWS_ACCESS_KEY_ID"
_SECRET_VARIABLE = "AWS_SECRET_ACCESS_KEY"  # noqa: S105  the name of the variable

_CREDENTIALS = (
    _KEY_VARIABLE,
    "AWS_SKIP_SIGNATURE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_METADATA_ENDPOINT",
)
_ADDRESS = re.compile(
    r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?P<prefix>(?:/[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}){0,9})/?"
)
_MEGABYTES = re.compile(r"[0-9]{1,9}")


class ObjectStorageError(ValueError):
    """A setting of object storage is missing or invalid. The message contains a remedy."""


@dataclasses.dataclass(frozen=True)
class StorageAddress:
    """A place in object storage.

    Attributes:
        bucket: the name of the bucket.
        prefix: the beginning of the names of all objects, without a slash at its ends; empty for the whole bucket.
        endpoint: the URL of the server; empty for that of AWS.
    """

    bucket: str
    prefix: str
    endpoint: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


def storage_address(text: str, environ: Mapping[str, str] = os.environ) -> StorageAddress:
    """Parse an address such as ``s3://bucket/prefix``.

    Raises:
        ObjectStorageError: the text is not an address, or the environment has no credentials.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise ObjectStorageError(
            f"{text!r} is not an address in object storage; write it as s3://BUCKET or s3://BUCKET/PREFIX, with ASCII "
            f"letters, digits, '-', '_' and '.', and lowercase letters in the bucket."
        )
    if not any(environ.get(name) for name in _CREDENTIALS):
        raise ObjectStorageError(
            f"The environment has no credentials for {text}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
            f"or AWS_SKIP_SIGNATURE=true to read a public bucket."
        )
    if bool(environ.get(_KEY_VARIABLE)) != bool(environ.get(_SECRET_VARIABLE)):
        # The client would search for other credentials, among them those of a virtual machine of AWS.
        raise ObjectStorageError(f"Of {_KEY_VARIABLE} and {_SECRET_VARIABLE} only one is set; set both.")
    return StorageAddress(match["bucket"], match["prefix"].strip("/"), _endpoint(environ))


def _endpoint(environ: Mapping[str, str]) -> str:
    """Return the URL of the server; empty for that of AWS."""
    text = environ.get(ENDPOINT_VARIABLE, "")
    try:
        parts = urllib.parse.urlsplit(text)
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        is_url = is_url and parts.username is None and not parts.query and not parts.fragment
    except ValueError:
        is_url = False
    if text and not is_url:
        # The text may have a password, so the message does not repeat it.
        raise ObjectStorageError(
            f"{ENDPOINT_VARIABLE} is not the URL of a server; write it as https://HOST or http://HOST:PORT, and set "
            f"the credentials in {_KEY_VARIABLE} and {_SECRET_VARIABLE}."
        )
    return text


def publish_address(environ: Mapping[str, str] = os.environ) -> StorageAddress:
    """Return the address that ``vwe publish`` writes to.

    Raises:
        ObjectStorageError: the variable is not set or not an address, or the environment has no credentials.
    """
    text = environ.get(PUBLISH_VARIABLE, "").strip()
    if not text:
        raise ObjectStorageError(f"{PUBLISH_VARIABLE} is not set; set it to an address, as in s3://BUCKET/PREFIX.")
    return storage_address(text, environ)


def cache_bytes(environ: Mapping[str, str] = os.environ) -> int:
    """Return the limit of the cache of fetched files, in bytes.

    Raises:
        ObjectStorageError: the variable is not a number of megabytes.
    """
    text = environ.get(CACHE_VARIABLE, "").strip() or str(DEFAULT_CACHE_MB)
    if _MEGABYTES.fullmatch(text) is None:
        raise ObjectStorageError(f"{CACHE_VARIABLE} is {text!r}; set it to a number of megabytes, such as 4096.")
    return int(text) * 10**6
