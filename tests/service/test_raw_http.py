"""Bytes that no browser sends, to the running service: each gets an answer, and the next request is served."""

import socket

import pytest
import requests

HEAD = "POST /models/small/tfidf HTTP/1.1\r\nHost: localhost\r\n"
SENT = {  # what is sent, and which answers are right
    "a body that says it is huge": (HEAD + f"Content-Length: {10**12}\r\n\r\nx", {b""}),  # it waits for the rest
    "a body that is much too large": (HEAD + "Content-Length: 90000000\r\n\r\n" + "x" * 4_000_000, {b"413"}),
    "two lengths": (HEAD + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", {b"400"}),
    "a length and chunks": (
        HEAD + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        {b"400", b"403"},
    ),
    "a length that is none": (HEAD + "Content-Length: x\r\n\r\n", {b"400"}),
    "no request": ("\x16\x03\x01\x00\xa5\r\n\r\n", {b"400", b""}),
    "a line without end": ("GET /" + "a" * 20_000 + " HTTP/1.1\r\nHost: localhost\r\n\r\n", {b"400", b"414"}),
    "many headers": (HEAD + "".join(f"X-{n}: 1\r\n" for n in range(500)) + "\r\n", {b"400", b"431"}),
    "a header with a NUL": ("GET / HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n", {b"400", b"200"}),
    "a header with an underscore": ("GET / HTTP/1.1\r\nHost: localhost\r\nX_FORWARDED_FOR: x\r\n\r\n", {b"200"}),
    "no host": ("GET / HTTP/1.1\r\n\r\n", {b"400", b"200"}),
    "another host": ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", {b"400"}),
    "a method that there is not": ("BREW /verdicts HTTP/1.1\r\nHost: localhost\r\n\r\n", {b"405", b"403"}),
}


@pytest.mark.parametrize("name", SENT)
def test_strange_bytes_are_answered_and_stop_nothing(served, name):
    sent, expected = SENT[name]
    host, port = served.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        try:
            connection.sendall(sent.encode("latin-1"))
        except (BrokenPipeError, ConnectionResetError):
            assert name == "a body that is much too large", "refused while it was sent"
            return
        connection.settimeout(3 if expected == {b""} else 20)
        try:
            answer = connection.recv(4096)
        except (TimeoutError, ConnectionResetError):
            answer = b""
    assert answer[9:12] in expected
    assert requests.get(f"{served.address}/health", timeout=20).json()["status"] == "ok"
