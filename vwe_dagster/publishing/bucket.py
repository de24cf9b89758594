"""Requests to object storage; every error names a remedy."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from vwe_dagster.config.object_storage import ENDPOINT_VARIABLE, StorageAddress
from vwe_dagster.store import StoreError

_CONCURRENT = 8
_TIMEOUT_S = 120
_CONNECT_S = 5
_MAX_RETRIES = 4
_RETRY_S = 60
_MAX_REASON_LENGTH = 200
"""Maximum characters of a reason, which may be the page of a proxy."""

_CODE = re.compile(r"<Code>(\w+)</Code>")
_UNREADABLE_NAME = re.compile(r"object with invalid path: (.*)", re.DOTALL)
_SERVER_FAILS = re.compile(r"status code: 5\d\d")
_WRONG_REGION = re.compile(r"redirect without LOCATION|<Code>(PermanentRedirect|AuthorizationHeaderMalformed)</Code>")
_NOT_S3 = re.compile(r"Unable to extract metadata from headers|Got invalid \w+ response")
_NO_ANSWER = re.compile(r"error sending request|timed out|Connection|HTTP error", re.IGNORECASE)


_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class BucketError(StoreError):
    """Object storage cannot be used, or an object in it is damaged. The message contains a remedy."""


class UnusableBucketError(BucketError):
    """The bucket does not exist, cannot be reached or rejects the credentials; every further request fails too."""


@dataclasses.dataclass(frozen=True)
class StoredObject:
    """An object that was read.

    Attributes:
        content: its bytes.
        etag: its entity tag, which changes with the content.
        modified: the time of its last write, by the clock of the storage.
    """

    content: bytes
    etag: str
    modified: dt.datetime


@dataclasses.dataclass(frozen=True)
class ListedObject:
    """An object in a listing.

    Attributes:
        bytes: its length.
        etag: its entity tag, which changes with the content.
        modified: the time of its last write, by the clock of the storage.
    """

    bytes: int
    etag: str
    modified: dt.datetime


class Bucket:
    """The objects below an address; thread-safe.

    Every method raises :class:`UnusableBucketError` if the bucket does not exist, cannot be reached or rejects the
    credentials, and :class:`BucketError` if a request fails otherwise.

    Args:
        address: the address; the other settings come from the environment variables of AWS.
    """

    def __init__(self, address: StorageAddress) -> None:
        self.address = address
        self._objects = S3Store(
            address.bucket,
            prefix=address.prefix or None,
            client_options={
                "allow_http": address.endpoint.startswith("http://"),
                "timeout": dt.timedelta(seconds=_TIMEOUT_S),
                "connect_timeout": dt.timedelta(seconds=_CONNECT_S),
            },
            retry_config={"max_retries": _MAX_RETRIES, "retry_timeout": dt.timedelta(seconds=_RETRY_S)},
        )

    def read(self, path: str, max_bytes: int) -> StoredObject | None:
        """Return an object; None if it does not exist.

        Raises:
            BucketError: the object is larger than ``max_bytes``.
        """
        with self._explained():
            try:
                answer = obstore.get(self._objects, path)
            except FileNotFoundError as error:
                self._check_bucket(error)
                return None
            if answer.meta["size"] > max_bytes:
                raise BucketError(
                    f"The object {self.address}/{path} has {answer.meta['size']} bytes, more than {max_bytes}; "
                    f"publish it again."
                )
            return StoredObject(bytes(answer.bytes()), answer.meta["e_tag"] or "", answer.meta["last_modified"])

    def write(self, path: str, content: bytes) -> None:
        """Write an object whose path determines its content; an existing object is overwritten with the same bytes."""
        with self._explained():
            obstore.put(self._objects, path, content)

    def swap(self, path: str, content: bytes, former: str | None) -> bool:
        """Write an object only if it has not changed.

        Args:
            path: the path of the object.
            content: its new content.
            former: its entity tag as it was read; None if it did not exist.

        Returns:
            False if another process has written or removed the object since.
        """
        with self._explained():
            try:
                obstore.put(self._objects, path, content, mode="create" if former is None else {"e_tag": former})
            except (AlreadyExistsError, PreconditionError):
                return False
            except FileNotFoundError as error:
                self._check_bucket(error)
                return False
            return True

    def listing(self, folder: str) -> dict[str, ListedObject]:
        """Return the objects below a folder by path."""
        with self._explained():
            chunks = obstore.list(self._objects, folder)
            return {
                each["path"]: ListedObject(each["size"], each["e_tag"] or "", each["last_modified"])
                for chunk in chunks
                for each in chunk
            }

    def folders(self, folder: str) -> list[str]:
        """Return the paths of the folders directly below a folder, sorted."""
        with self._explained():
            return sorted(obstore.list_with_delimiter(self._objects, folder)["common_prefixes"])

    def delete(self, paths: Sequence[str]) -> None:
        """Delete objects; missing ones are ignored."""
        with self._explained(), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._objects, paths)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (UnauthenticatedError, PermissionDeniedError) as error:
            raise UnusableBucketError(
                f"The object storage denies access to {self.address} ({_reason(error)}); check AWS_ACCESS_KEY_ID, "
                f"AWS_SECRET_ACCESS_KEY, AWS_REGION and the rights of the key."
            ) from error
        except (BaseError, OSError) as error:
            self._check_bucket(error)
            raise self._described(error) from error

    def _described(self, error: Exception) -> BucketError:
        """Return the error of a failed request: an :class:`UnusableBucketError` if others would fail, too."""
        text, reason, server = _text(error), _reason(error), self.address.endpoint or "AWS"
        if name := _UNREADABLE_NAME.search(text):
            return BucketError(
                f"An object in {self.address} has a name that vwe cannot read ({name[1]}); delete or rename it."
            )
        if _SERVER_FAILS.search(text):
            return UnusableBucketError(
                f"The object storage at {server} failed {_MAX_RETRIES + 1} times ({reason}); run the command again "
                f"later."
            )
        if _WRONG_REGION.search(text):
            return UnusableBucketError(
                f"The object storage does not have {self.address} in the region of AWS_REGION ({reason}); set it to "
                f"the region of the bucket."
            )
        if _NOT_S3.search(text):
            return UnusableBucketError(
                f"The server at {server} does not answer as S3 does ({reason}); correct {ENDPOINT_VARIABLE}."
            )
        if _NO_ANSWER.search(text):
            return UnusableBucketError(
                f"The object storage at {server} does not answer ({reason}); check {ENDPOINT_VARIABLE} and the "
                f"network, then run the command again."
            )
        return BucketError(f"A request to {self.address} failed ({reason}); run the command again.")

    def _check_bucket(self, error: Exception) -> None:
        if _reason(error) == "NoSuchBucket":
            raise UnusableBucketError(
                f"The bucket {self.address.bucket} does not exist; create it, or correct the address {self.address}."
            ) from error


def in_threads(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
    """Execute requests concurrently, and return their results in the order of the items.

    After an error, requests that have not begun are canceled.
    """
    with ThreadPoolExecutor(_CONCURRENT) as threads:
        futures = [threads.submit(work, item) for item in items]
        try:
            return [future.result() for future in futures]
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


def _text(error: Exception) -> str:
    return str(error).partition("\n\nDebug source")[0].strip()


def _reason(error: Exception) -> str:
    """Return the code of S3's answer, or the cause of an error without an answer."""
    code = _CODE.search(_text(error))
    # obstore describes the request and its retries before the cause.
    return code[1] if code else _text(error).partition("\n")[0].rpartition(" - ")[2][:_MAX_REASON_LENGTH]
