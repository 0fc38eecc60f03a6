"""A web server on 127.0.0.1 that answers as its script says, well or badly, under any host name.

with WebServer() as server:
    server.script("/feed.xml", [Reply(200, body=b"<rss/>"), Reply(304)])
    server.script("alpha.example/slow", Reply(body=b"x" * 100, drip=20))
    client = Client(limits, resolve=server.resolve, allow=["127.0.0.0/8"], …)
    … server.url("/feed.xml", host="alpha.example") …
    assert server.requests[0].headers["user-agent"] == …
"""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Self

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_BEAT_S = 0.02
_TLS = b"\x16"
"""How a client begins that takes the server for one of https."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server does with one request."""

    status: int = 200
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = ()
    body: bytes | str = b""
    delay_s: float = 0.0
    """Before the first byte."""
    drip: float | None = None
    """Bytes of the body a second."""
    break_after: int | None = None
    """Bytes of the body after which the connection is closed."""
    length: int | None = None
    """Content-Length, where it is not the body's."""
    is_chunked: bool = False
    raw: bytes | None = None
    """Sent instead of any HTTP, then the connection is closed."""
    is_hanging: bool = False
    """Nothing is ever answered."""
    is_last: bool = False
    """The connection is closed after the answer."""


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came."""

    method: str
    host: str
    """Without the port, in lower case."""
    path: str
    """With the query."""
    headers: Mapping[str, str]
    """Names in lower case."""
    at: float
    """`time.monotonic()`."""


Script = Reply | Sequence[Reply] | Callable[[Received], Reply]


@dataclass
class WebServer:
    """Serves in a thread while it is open; with `tls` it speaks https."""

    tls: ssl.SSLContext | None = None
    otherwise: Reply = field(default_factory=lambda: Reply(404))
    """Played where nothing else is scripted."""
    requests: list[Received] = field(default_factory=list)
    names: dict[str, Sequence[str] | Sequence[Sequence[str]]] = field(default_factory=dict)
    """Addresses of names, or a sequence of such answers of which the last repeats; others are at 127.0.0.1."""
    looked_up: list[str] = field(default_factory=list)
    connections: int = 0
    """Accepted so far."""
    open: set["_Connection"] = field(default_factory=set)
    """Connections at this moment."""
    most_open: int = 0
    """So many were open at a time."""
    port: int = 0

    received: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self._scripts: dict[str, Callable[[Received], Reply]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._ready = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def script(self, place: str, replies: Script) -> None:
        """Say what `/path` of any host, or `host/path`, answers: one after the other, the last again and again."""
        if callable(replies):
            self._scripts[place] = replies
            return
        left = [replies] if isinstance(replies, Reply) else list(replies)
        self._scripts[place] = lambda _: left.pop(0) if len(left) > 1 else left[0]

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    def resolve(self, name: str) -> list[str]:
        """The look-up to give to a client; an empty answer is a name that does not exist."""
        self.looked_up.append(name)
        answers = self.names.get(name, ["127.0.0.1"])
        if not answers or isinstance(answers[0], str):
            return list(answers)
        turn = min(self.looked_up.count(name), len(answers)) - 1
        return list(answers[turn])

    def asked(self, path: str, host: str | None = None) -> list[Received]:
        """The requests for a path, of one host or all."""
        return [r for r in self.requests if r.path == path and host in (None, r.host)]

    def wait_for(self, count: int, timeout_s: float = 10.0) -> bool:
        """Whether so many requests came in time."""
        with self.received:
            return self.received.wait_for(lambda: len(self.requests) >= count, timeout_s)

    def reply_to(self, request: Received) -> Reply:
        plain = request.path.partition("?")[0]
        for place in (request.host + request.path, request.path, request.host + plain, plain):
            if place in self._scripts:
                return self._scripts[place](request)
        return self.otherwise

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = listener.getsockname()[1]
        server = self._loop.run_until_complete(
            self._loop.create_server(lambda: _Connection(self), sock=listener, ssl=self.tls, backlog=4096)
        )
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for connection in list(self.open):
            connection.transport.abort()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()


class _Connection(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, server: WebServer) -> None:
        self._server, self._buffer = server, b""
        self._is_busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self._server.open.add(self)
        self._server.most_open = max(self._server.most_open, len(self._server.open))
        self._server.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.open.discard(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._buffer[:1] == _TLS:
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            self.transport.close()
        self._next()

    def _next(self) -> None:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if self._is_busy or not end:
            return
        self._buffer, self._is_busy = rest, True
        request = _parsed(head.decode("latin-1"))
        with self._server.received:
            self._server.requests.append(request)
            self._server.received.notify_all()
        reply = self._server.reply_to(request)
        if reply.is_hanging:
            return
        if reply.delay_s:
            asyncio.get_running_loop().call_later(reply.delay_s, self._answer, request, reply)
        else:
            self._answer(request, reply)

    def _answer(self, request: Received, reply: Reply) -> None:
        if self.transport.is_closing():
            return
        if reply.raw is not None:
            self.transport.write(reply.raw)
            self.transport.close()
            return
        head, body = _head_and_body(reply, is_bodiless=request.method == "HEAD")
        is_last = reply.is_last or reply.break_after is not None or request.headers.get("connection") == "close"
        if reply.break_after is not None:
            body = body[: reply.break_after]
        if reply.drip is None:
            self.transport.write(head + body)
            self._done(is_last)
        else:
            self.transport.write(head)
            self._drip(body, reply.drip, is_last)

    def _drip(self, body: bytes, per_s: float, is_last: bool) -> None:
        if self.transport.is_closing():
            return
        if not body:
            self._done(is_last)
            return
        beat_s = max(1 / per_s, _BEAT_S)
        size = max(int(per_s * beat_s), 1)
        self.transport.write(body[:size])
        asyncio.get_running_loop().call_later(beat_s, self._drip, body[size:], per_s, is_last)

    def _done(self, is_last: bool) -> None:
        if is_last:
            self.transport.close()
            return
        self._is_busy = False
        if self._buffer:
            self._next()


def _parsed(head: str) -> Received:
    first, *lines = head.split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    host = headers.get("host", "").lower()
    if not host.endswith("]"):
        host = host.rpartition(":")[0] or host
    return Received(method, host, path, headers, time.monotonic())


def _head_and_body(reply: Reply, *, is_bodiless: bool) -> tuple[bytes, bytes]:
    body = reply.body.encode() if isinstance(reply.body, str) else reply.body
    pairs = list(reply.headers.items() if isinstance(reply.headers, Mapping) else reply.headers)
    is_bodiless = is_bodiless or reply.status in (204, 304)
    if reply.is_chunked and not is_bodiless:
        pairs.append(("Transfer-Encoding", "chunked"))
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    elif not is_bodiless or reply.length is not None:
        pairs.append(("Content-Length", str(len(body) if reply.length is None else reply.length)))
    lines = [f"HTTP/1.1 {reply.status} {_PHRASES.get(reply.status, '')}", *(f"{n}: {v}" for n, v in pairs)]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape"), b"" if is_bodiless else body
