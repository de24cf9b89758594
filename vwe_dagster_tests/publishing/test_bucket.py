"""Objects are written conditionally, and failures of the storage are explained."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from vwe_dagster.config.object_storage import storage_address
from vwe_dagster.publishing import bucket as bucket_module
from vwe_dagster.publishing.bucket import Bucket, BucketError, UnusableBucketError
from vwe_dagster_tests.publishing.s3_server import S3Server


def etag_of(bucket: Bucket, path: str) -> str:
    stored = bucket.read(path, 100)
    assert stored is not None
    return stored.etag


def test_swap_writes_only_over_the_object_that_was_read(s3: S3Server) -> None:
    bucket = Bucket(s3.new_address())
    assert bucket.read("a/b", 100) is None
    assert bucket.swap("a/b", b"1", None)
    assert not bucket.swap("a/b", b"2", None)
    first = etag_of(bucket, "a/b")
    assert bucket.swap("a/b", b"2", first)
    assert not bucket.swap("a/b", b"3", first)
    stored = bucket.read("a/b", 100)
    assert stored is not None
    assert stored.content == b"2"


def test_swap_of_an_object_that_was_removed_writes_nothing(s3: S3Server) -> None:
    address = s3.new_address()
    bucket = Bucket(address)
    bucket.write("a/b", b"1")
    etag = etag_of(bucket, "a/b")
    s3.delete(address, "a/b")
    assert not bucket.swap("a/b", b"2", etag)
    assert bucket.read("a/b", 100) is None


def test_listing_has_the_objects_below_a_folder(s3: S3Server) -> None:
    address = s3.new_address()
    bucket = Bucket(address)
    for path in ("a/b", "a/c/d", "ab/c"):
        bucket.write(path, b"12")
    listed = bucket.listing("a")
    assert {path: (each.bytes, each.etag) for path, each in listed.items()} == {
        path: (2, etag_of(bucket, path)) for path in ("a/b", "a/c/d")
    }
    assert all(abs(each.modified - dt.datetime.now(dt.UTC)) < dt.timedelta(hours=1) for each in listed.values())
    assert bucket.folders("a") == ["a/c"]
    assert Bucket(storage_address(f"s3://{address.bucket}", s3.environment)).listing("a") == {}


def test_file_of_several_parts_is_read_back(s3: S3Server) -> None:
    bucket, content = Bucket(s3.new_address()), bytes(range(256)) * 2**16
    bucket.write("large", content)
    stored = bucket.read("large", len(content))
    assert stored is not None
    assert stored.content == content


def test_object_that_is_too_large_is_not_read(s3: S3Server) -> None:
    bucket = Bucket(s3.new_address())
    bucket.write("a", b"12345")
    with pytest.raises(BucketError, match="has 5 bytes, more than 4"):
        bucket.read("a", 4)


def test_missing_bucket_is_reported_by_every_request(s3: S3Server) -> None:
    bucket = Bucket(storage_address("s3://not-there/x", s3.environment))
    for request in (
        lambda: bucket.read("a", 1),
        lambda: bucket.write("a", b""),
        lambda: bucket.swap("a", b"", None),
        lambda: bucket.listing("a"),
    ):
        with pytest.raises(UnusableBucketError, match="The bucket not-there does not exist"):
            request()


def test_rejected_credentials_are_reported(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    address = s3.new_address()
    Bucket(address).write("a", b"1")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    # A request without a signature has no right to a private bucket.
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    with pytest.raises(UnusableBucketError, match=f"denies access to {address}"):
        Bucket(address).read("a", 1)


class OtherServer(HTTPServer):
    """A server that answers every request with one status."""

    status = 200
    requests = 0


class _Answer(BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        assert isinstance(self.server, OtherServer)
        self.server.requests += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def other_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OtherServer]:
    with OtherServer(("127.0.0.1", 0), _Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "key")
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setattr(bucket_module, "_MAX_RETRIES", 1)
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "message"),
    [(200, "does not answer as S3 does"), (301, "set it to the region"), (502, r"failed 2 times .*502 Bad Gateway")],
)
def test_server_that_fails_every_request_is_unusable(other_server: OtherServer, status: int, message: str) -> None:
    other_server.status = status
    with pytest.raises(UnusableBucketError, match=message):
        Bucket(storage_address("s3://worlds")).write("a", b"1")


def test_server_that_fails_is_tried_again(other_server: OtherServer) -> None:
    other_server.status = 503
    with pytest.raises(UnusableBucketError):
        Bucket(storage_address("s3://worlds")).write("a", b"1")
    assert other_server.requests == 2
