"""The HTTP client against a scripted server: what it asks, what it makes of answers, what it refuses to touch."""

import asyncio
import gzip
import re
import socket
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.http import PAGE_ACCEPT, Answer, Client, FetchError, HttpLimits, Request, Trouble
from tests.web_server import Received, Reply, WebServer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMITS = HttpLimits(connect_s=5, read_s=5, total_s=10, pause_s=0.0)
LOOPBACK = ("127.0.0.0/8",)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def server():
    with WebServer() as running:
        yield running


def client(server, limits=LIMITS, *, allow=LOOPBACK, clock=None, **options) -> Client:
    options.setdefault("resolve", server.resolve)
    agent = "newsmill/1.0 (+https://newsmill.example)"
    return Client(limits, user_agent=agent, clock=clock or Clock(), allow=allow, **options)


def ask(server, *wanted: Request | str, **options) -> list[Answer | FetchError]:
    """What each request brings, one after the other."""

    async def run() -> list[Answer | FetchError]:
        came: list[Answer | FetchError] = []
        async with client(server, **options) as asking:
            for one in wanted:
                request = one if isinstance(one, Request) else Request(url=one)
                try:
                    came.append(await asking.get(request))
                except FetchError as error:
                    came.append(error)
        return came

    return asyncio.run(run())


def answer(server, wanted: Request | str, **options) -> Answer:
    came = ask(server, wanted, **options)[0]
    assert isinstance(came, Answer), came
    return came


def failure(server, wanted: Request | str, **options) -> FetchError:
    came = ask(server, wanted, **options)[0]
    assert isinstance(came, FetchError), came
    assert re.fullmatch(r"[^\n<>]{10,300}", came.detail), "one plain sentence"
    assert not re.search(r"Error|Errno|\bNone\b|object at", came.detail)
    return came


# --- asking


def test_says_who_asks_for_what_and_what_it_can_decode(server):
    server.script("/feed.xml", Reply(body="<rss/>", headers=[("ETag", "W/x"), ("Vary", "a"), ("Vary", "b")]))
    came = answer(server, server.url("/feed.xml?a=%7Eb&c=d%2Fe", host="alpha.example"))
    assert (came.status, came.data, came.received_bytes) == (200, b"<rss/>", 6)
    assert came.headers["etag"] == "W/x"
    assert came.headers["vary"] == "a, b"
    assert came.fetched_at == NOW
    [asked] = server.requests
    assert asked.path == "/feed.xml?a=%7Eb&c=d%2Fe"
    assert asked.headers["host"] == f"alpha.example:{server.port}"
    assert asked.headers["user-agent"] == "newsmill/1.0 (+https://newsmill.example)"
    assert "application/atom+xml" in asked.headers["accept"]
    assert asked.headers["accept-encoding"] == "gzip, deflate, br, zstd"
    assert not {"if-none-match", "if-modified-since", "a-im", "cookie"} & set(asked.headers)


def test_headers_that_are_no_utf_8_are_read_as_latin_1(server):
    server.script("/f", Reply(raw=b"HTTP/1.1 200 OK\r\nX-Name: Caf\xe9\r\nX-Other: Caf\xc3\xa9\r\n\r\nx"))
    came = answer(server, server.url("/f"))
    assert came.headers["x-name"] == came.headers["x-other"] == "Café"


@pytest.mark.parametrize("etag", ['W/"a-gzip"', "no-quotes", '"é"', '"a", "b"', "'"])
def test_validators_go_back_exactly_as_they_came(server, etag):
    server.script(
        "/f",
        [Reply(headers={"ETag": etag, "Last-Modified": "yesterday, about 9"}, body="x"), Reply(304, {"ETag": "n"})],
    )
    first = answer(server, server.url("/f"))
    came = answer(
        server,
        Request(url=server.url("/f"), etag=first.headers["etag"], last_modified=first.headers["last-modified"]),
    )
    assert (came.status, came.data, came.headers["etag"]) == (304, b"", "n")
    asked = server.requests[-1].headers
    assert asked["if-none-match"].encode("latin-1").decode() == etag
    assert asked["if-modified-since"] == "yesterday, about 9"
    assert asked["a-im"] == "feed"


def test_a_304_that_nobody_asked_for_is_an_error(server):
    server.script("/f", Reply(304))
    assert failure(server, server.url("/f")).trouble is Trouble.PROTOCOL


def test_cookies_are_not_kept(server):
    server.script("/f", Reply(headers={"Set-Cookie": "id=1; Path=/"}, body="x"))
    ask(server, server.url("/f"), server.url("/f"))
    assert "cookie" not in server.requests[-1].headers


def test_credentials_go_to_their_origin_only(server):
    server.script("a.example/f", Reply(302, {"Location": "/g"}))
    server.script("a.example/g", Reply(302, {"Location": server.url("/h", host="b.example")}))
    server.script("/h", Reply(body="x"))
    with_key = Request(url=server.url("/f", host="a.example"), headers={"X-Key": "secret"})
    answer(server, with_key)
    assert [r.headers.get("x-key") for r in server.requests] == ["secret", "secret", None]


def test_user_and_password_of_an_address_are_a_header_and_do_not_show(server):
    server.script("/f", Reply(302, {"Location": f"http://evil:pw@b.example:{server.port}/g"}))
    server.script("/g", Reply(body="x"))
    came = answer(server, f"http://me:p%40ss@a.example:{server.port}/f")
    assert [r.headers.get("authorization") for r in server.requests] == ["Basic bWU6cEBzcw==", None]
    assert "me:" not in came.hops[0].url
    assert came.url == server.url("/g", host="b.example")


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("/a b?q=ü#part", "/a%20b?q=%C3%BC"),
        ("", "/"),
        ("?q", "/?q"),
        ("/%e4?x=%zz", "/%e4?x=%zz"),
        ("/a\\b\n", "/a%5Cb"),
    ],
)
def test_addresses_are_sent_in_ascii_and_otherwise_as_they_are(server, written, asked):
    answer(server, server.url(written, host="A.Example"))
    assert server.requests[0].path == asked
    assert server.requests[0].host == "a.example"


def test_international_names(server):
    answer(server, server.url("/", host="bücher.example"))
    assert server.requests[0].host == "xn--bcher-kva.example"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/f",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "//a.example/f",
        "http:///f",
        "http://[::1/f",
        "http://a.example:99999/",
        "http://a.example:0/",
        "http://a b.example/",
        "http://ü..example/",
        "http://a.example/" + "x" * 2032,
        "",
    ],
)
def test_what_cannot_be_asked_is_refused(server, url):
    assert failure(server, url).trouble is Trouble.REFUSED
    assert server.connections == 0
    assert server.looked_up == []


def test_a_header_cannot_be_broken_into_two(server):
    request = Request(url=server.url("/f"), headers={"X-Key": "a\r\nX-Other: b"})
    assert failure(server, request).trouble is Trouble.REFUSED
    came = Request(url=server.url("/f"), etag='"a\r\nX-Other: b"')
    assert answer(server, came).status == 404
    assert "if-none-match" not in server.requests[0].headers


# --- addresses

INNER = (
    "127.0.0.2 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 224.0.0.1 0.0.0.0 240.0.0.1 255.255.255.255 "
    "[::1] [::] [fe80::1] [fd00:ec2::254] [ff02::1] [::ffff:127.0.0.2] [::127.0.0.2] [2002:7f00:2::] [2001:0:1::1] "
    "[64:ff9b::7f00:2] [64:ff9b:1::1]"
).split()


def inner_urls(server) -> list[str]:
    """URLs that lead to each inner address, by itself and by a name."""
    for n, host in enumerate(INNER):
        server.names[f"n{n}.example"] = [host.strip("[]")]
    hosts = [*INNER, *(f"n{n}.example" for n in range(len(INNER)))]
    return [server.url("/f", host=host) for host in hosts]


def is_refused(came: Answer | FetchError) -> bool:
    return isinstance(came, FetchError) and came.trouble is Trouble.REFUSED and "not a public address" in came.detail


@pytest.mark.parametrize("allow", [(), ("127.0.0.1/32",)])
def test_inner_addresses_are_refused_before_a_byte_is_sent(server, allow):
    urls = inner_urls(server)
    came = ask(server, *urls, allow=allow)
    assert [url for url, one in zip(urls, came, strict=True) if not is_refused(one)] == []
    assert server.connections == 0


def test_redirects_to_inner_addresses_are_refused_before_a_byte_is_sent(server):
    urls = inner_urls(server)
    for n, url in enumerate(urls):
        server.script(f"/to{n}", Reply(302, {"Location": url}))
    outer = [server.url(f"/to{n}", host=f"outer{n}.example") for n in range(len(urls))]
    came = ask(server, *outer, allow=["127.0.0.1/32"])
    assert [url for url, one in zip(urls, came, strict=True) if not is_refused(one)] == []
    assert [one.hops[0].location for one in came] == urls
    assert [r.path for r in server.requests] == [f"/to{n}" for n in range(len(urls))]


@pytest.mark.parametrize(
    "host", ["2130706433", "0177.0.0.1", "0x7f.1", "0x7f000001", "127.1", "１２７.0.0.1", "localhost"]
)
def test_other_spellings_of_loopback_are_refused(server, host):
    resolve = {"resolve": None} if host == "localhost" else {}
    assert failure(server, server.url("/f", host=host), allow=(), **resolve).trouble is Trouble.REFUSED
    assert server.connections == 0
    assert server.looked_up == []


def test_a_spelling_that_servers_could_read_otherwise_is_refused_where_its_network_is_allowed(server):
    error = failure(server, server.url("/f", host="2130706433"))
    assert error.trouble is Trouble.REFUSED
    assert "127.0.0.1" in error.detail


def test_the_address_that_was_checked_is_the_one_connected_to(server):
    server.names["rebinding.example"] = [["127.0.0.1"], ["127.0.0.2"]]
    url = server.url("/f", host="rebinding.example")
    first, second = ask(server, url, url, allow=["127.0.0.1/32"])
    assert isinstance(first, Answer)
    assert isinstance(second, Answer), "what was looked up is kept for a minute"
    assert server.looked_up == ["rebinding.example"]
    again = ask(server, url, allow=["127.0.0.1/32"])[0]
    assert isinstance(again, FetchError)
    assert again.trouble is Trouble.REFUSED
    assert len(server.requests) == 2


def test_of_several_addresses_those_that_may_not_be_reached_are_left_out(server):
    server.names["many.example"] = ["10.0.0.1", "::1", "127.0.0.1"]
    assert answer(server, server.url("/f", host="many.example"), allow=["127.0.0.1/32"]).status == 404


def test_a_network_that_is_none_is_said_at_once(server):
    with pytest.raises(ValueError, match="nonsense"):
        client(server, allow=["nonsense"])


# --- redirects


def test_redirects_are_followed_and_reported(server):
    server.script("a.example/f", Reply(301, {"Location": f"//b.example:{server.port}/x/../g?a b"}))
    server.script("/g", Reply(308, {"Location": "h"}))
    server.script("/h", Reply(body="here"))
    came = answer(server, server.url("/f", host="a.example"))
    assert came.data == b"here"
    assert came.url == server.url("/h", host="b.example")
    assert [(h.status, h.url, h.location) for h in came.hops] == [
        (301, server.url("/f", host="a.example"), server.url("/g?a%20b", host="b.example")),
        (308, server.url("/g?a%20b", host="b.example"), server.url("/h", host="b.example")),
    ]


def test_five_redirects_are_followed_and_no_more(server):
    def onward(request: Received) -> Reply:
        left = int(request.path[1:])
        return Reply(302, {"Location": f"/{left - 1}"}) if left else Reply(body="end")

    for left in range(7):
        server.script(f"/{left}", onward)
    assert len(answer(server, server.url("/5")).hops) == 5
    error = failure(server, server.url("/6"))
    assert error.trouble is Trouble.REDIRECTS
    assert len(error.hops) == 5


@pytest.mark.parametrize("location", [None, "", "/f", "/g", "http://["])
def test_redirects_that_lead_nowhere(server, location):
    server.script("/f", Reply(302, {} if location is None else {"Location": location}))
    server.script("/g", Reply(302, {"Location": "/f"}))
    assert failure(server, server.url("/f")).trouble is Trouble.REDIRECTS


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://b.example/", "/" + "x" * 3000])
def test_redirects_to_what_is_not_fetched(server, location):
    server.script("/f", Reply(302, {"Location": location}))
    assert failure(server, server.url("/f")).trouble is Trouble.REFUSED


# --- bodies


def test_what_is_compressed_is_unpacked_and_counted_as_it_came(server):
    packed = gzip.compress(b"<rss/>" * 100)
    server.script("/declared", Reply(headers={"Content-Encoding": "gzip"}, body=packed))
    server.script("/undeclared", Reply(body=packed, is_chunked=True))
    for path in ("/declared", "/undeclared"):
        came = answer(server, server.url(path))
        assert came.data == b"<rss/>" * 100
        assert came.received_bytes == len(packed)


def test_a_body_that_cannot_be_decoded(server):
    server.script("/f", Reply(headers={"Content-Encoding": "br"}, body=b"\xff\xff no"))
    assert failure(server, server.url("/f")).trouble is Trouble.PROTOCOL


def test_limits_of_size(server):
    limits = replace(LIMITS, received_bytes=1000, decoded_bytes=10_000_000, ratio=100)
    bomb = gzip.compress(b"\0" * 20_000_000)
    for path, reply in {
        "/stated": Reply(body=b"x", length=1001),
        "/unstated": Reply(body=b"x" * 1001, is_chunked=True),
    }.items():
        server.script(path, reply)
        assert failure(server, server.url(path), limits=limits).trouble is Trouble.TOO_LARGE
    server.script("/bomb", Reply(body=bomb))
    assert failure(server, server.url("/bomb")).trouble is Trouble.RATIO
    server.script("/decoded", Reply(body=gzip.compress(b"x" * 2000)))
    limits = replace(LIMITS, decoded_bytes=1999)
    assert failure(server, server.url("/decoded"), limits=limits).trouble is Trouble.TOO_LARGE


@pytest.mark.parametrize("media_type", ["audio/mpeg", "video/mp4", "Image/PNG", "application/pdf"])
def test_the_body_of_a_page_that_is_none_is_not_waited_for(server, media_type):
    server.script("/episode", Reply(headers={"Content-Type": media_type}, body=b"x" * 1000, drip=1.0))
    page = Request(url=server.url("/episode"), with_robots=True)
    assert failure(server, page, limits=replace(LIMITS, total_s=5.0)).trouble is Trouble.MEDIA


@pytest.mark.parametrize(
    "cut",
    [
        Reply(body=b"abcdef", length=10, is_last=True),
        Reply(body=b"abcdef" * 9, is_chunked=True, break_after=10),
        Reply(body=gzip.compress(b"abcdef" * 99)[:-9], headers={"Content-Encoding": "gzip"}),
    ],
)
def test_a_body_that_breaks_off_is_asked_for_once_more_and_then_marked(server, cut):
    server.script("/heals", [cut, Reply(body="whole")])
    server.script("/stays", cut)
    server.script("/dies", [cut, Reply(raw=b"")])
    healed, stayed, died = ask(server, *(server.url(p) for p in ("/heals", "/stays", "/dies")))
    assert isinstance(healed, Answer)
    assert isinstance(stayed, Answer)
    assert isinstance(died, Answer)
    assert (healed.data, healed.is_truncated) == (b"whole", False)
    assert stayed.data.startswith(b"abcdef")
    assert stayed.is_truncated
    assert died.is_truncated
    assert [len(server.asked(p)) for p in ("/heals", "/stays")] == [2, 2]


# --- trouble


def test_names_that_do_not_resolve(server):
    server.names["nowhere.example"] = []
    error = failure(server, server.url("/", host="nowhere.example"))
    assert error.trouble is Trouble.NAME
    assert error.detail == "the name nowhere.example does not resolve"

    def unknown(name: str) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    assert failure(server, "http://nowhere.example/", resolve=unknown).trouble is Trouble.NAME
    assert failure(server, f"http://{'a' * 64}.example/", resolve=None).trouble is Trouble.NAME


def test_nobody_answers(server):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        error = failure(server, f"http://127.0.0.1:{port}/")
    assert error.trouble is Trouble.CONNECT
    assert error.detail == f"nobody answers at 127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("raw", "trouble"),
    [
        (b"", Trouble.CONNECT),
        (b"SSH-2.0-OpenSSH_9.6\r\n", Trouble.PROTOCOL),
        (b"HTTP/1.1 abc\r\n\r\n", Trouble.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 40_000 + b"\r\n\r\n", Trouble.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 400 + b"\r\n", Trouble.PROTOCOL),
    ],
)
def test_what_is_no_http(server, raw, trouble):
    server.script("/f", Reply(raw=raw))
    assert failure(server, server.url("/f")).trouble is trouble


@pytest.mark.parametrize(
    ("reply", "limits", "words"),
    [
        (Reply(is_hanging=True), replace(LIMITS, read_s=0.2), "stopped sending"),
        (Reply(body=b"x" * 1000, drip=0.5), replace(LIMITS, read_s=0.2), "stopped sending"),
        (Reply(body=b"x" * 1000, drip=20), replace(LIMITS, total_s=0.3), "took too long"),
    ],
)
def test_slow_servers_end_in_time(server, reply, limits, words):
    server.script("/f", reply)
    error = failure(server, server.url("/f"), limits=limits)
    assert error.trouble is Trouble.TIMEOUT
    assert words in error.detail


def test_the_whole_time_counts_over_redirects(server):
    for n in range(5):
        server.script(f"/{n}", Reply(302, {"Location": f"/{n + 1}"}, delay_s=0.15))
    error = failure(server, server.url("/0"), limits=replace(LIMITS, total_s=0.4))
    assert error.trouble is Trouble.TIMEOUT
    assert len(error.hops) in (1, 2)


def test_a_look_up_that_hangs_counts_as_connecting_and_holds_nobody_else(server):
    waiting = asyncio.Event()

    async def run() -> tuple[FetchError, Answer]:
        loop = asyncio.get_running_loop()

        def slow(name: str) -> list[str]:
            if name.startswith("slow"):
                asyncio.run_coroutine_threadsafe(waiting.wait(), loop).result()
            return ["127.0.0.1"]

        async with client(server, replace(LIMITS, connect_s=0.3), resolve=slow) as asking:
            hanging = [asyncio.create_task(asking.get(Request(url=f"http://slow{n}.example/"))) for n in range(40)]
            came = await asking.get(Request(url=server.url("/", host="quick.example")))
            errors = await asyncio.gather(*hanging, return_exceptions=True)
            waiting.set()
            assert isinstance(errors[0], FetchError)
            return errors[0], came

    error, came = asyncio.run(run())
    assert error.trouble is Trouble.TIMEOUT
    assert came.status == 404


# --- TLS


def certificate(folder: Path, name: str, until: int) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    owner = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder(owner, owner, key.public_key(), 7)
        .not_valid_before(datetime(2001, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(until, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    text = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / f"{name}.pem"
    path.write_bytes(text + made.public_bytes(pem))
    return path


@pytest.mark.parametrize(
    ("until", "host", "is_trusted", "sentence"),
    [
        (2002, "old.example", True, "the certificate of old.example has expired"),
        (2199, "other.example", True, "the certificate of other.example is for another name"),
        (2199, "good.example", False, "the certificate of good.example is signed by itself, and nobody vouches for it"),
        (2199, "good.example", True, None),
    ],
)
def test_certificates(tmp_path, monkeypatch, until, host, is_trusted, sentence):
    path = certificate(tmp_path, "old.example" if until == 2002 else "good.example", until)
    monkeypatch.setenv("SSL_CERT_FILE", str(path if is_trusted else tmp_path / "none.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with WebServer(tls=context, otherwise=Reply(body="secret")) as server:
        url = server.url("/f", host=host)
        if sentence is None:
            assert answer(server, url).data == b"secret"
            return
        error = failure(server, url)
        assert (error.trouble, error.detail) == (Trouble.TLS, sentence)
        assert server.requests == []


def test_a_server_without_tls_asked_for_it(server):
    error = failure(server, server.url("/f", host="a.example").replace("http:", "https:"))
    assert error.trouble is Trouble.TLS


# --- manners


def test_retry_after_is_kept_for_the_host_and_its_domain(server):
    server.script("a.news.example/f", Reply(429, {"Retry-After": "120"}))
    server.script("c.example/f", Reply(503, {"Retry-After": "Mon, 02 Mar 2099 12:00:00 GMT"}))
    server.script("d.example/f", Reply(503))
    clock = Clock()

    async def run() -> None:
        async with client(server, clock=clock) as asking:
            busy, twin, other = (server.url("/f", host=h) for h in ("a.news.example", "b.news.example", "c.example"))
            assert asking.not_before(busy) is None
            assert asking.not_before("no address") is None
            assert (await asking.get(Request(url=busy))).status == 429
            assert asking.not_before(busy) == asking.not_before(twin) == NOW + timedelta(seconds=120)
            for url in (busy, twin):
                with pytest.raises(FetchError, match=r"news\.example asked to be left alone") as caught:
                    await asking.get(Request(url=url))
                assert caught.value.trouble is Trouble.BUSY
            await asking.get(Request(url=other))
            assert asking.not_before(other) == NOW + timedelta(days=1), "no longer than the settings believe"
            await asking.get(Request(url=server.url("/f", host="d.example")))
            assert asking.not_before(server.url("/f", host="d.example")) is None
            clock.now += timedelta(seconds=121)
            assert asking.not_before(twin) is None
            assert (await asking.get(Request(url=twin))).status == 404

    asyncio.run(run())
    assert [r.host for r in server.requests] == ["a.news.example", "c.example", "d.example", "b.news.example"]


def test_too_many_requests_is_a_minute_of_peace_where_no_other_is_stated(server):
    server.script("/f", Reply(429))
    clock = Clock()

    async def run() -> None:
        async with client(server, clock=clock) as asking:
            url = server.url("/f", host="a.example")
            await asking.get(Request(url=url))
            assert asking.not_before(url) == NOW + timedelta(minutes=1)
            clock.now += timedelta(minutes=1)
            assert asking.not_before(url) is None

    asyncio.run(run())


def test_those_who_wait_for_a_turn_learn_that_the_host_wants_peace(server):
    server.script("/f", Reply(503, {"Retry-After": "60"}, delay_s=0.05))

    async def run() -> list[object]:
        async with client(server, replace(LIMITS, per_host=1)) as asking:
            wanted = [asking.get(Request(url=server.url("/f", host="a.example"))) for _ in range(5)]
            return await asyncio.gather(*wanted, return_exceptions=True)

    came = asyncio.run(run())
    assert isinstance(came[0], Answer)
    assert all(isinstance(c, FetchError) and c.trouble is Trouble.BUSY for c in came[1:])
    assert len(server.requests) == 1


def test_few_at_a_time_to_a_host_and_to_a_domain(server):
    server.otherwise = Reply(delay_s=0.03)
    urls = [server.url("/f", host=f"{h}.news.example") for h in "aaabbbccc"]

    async def run() -> None:
        async with client(server) as asking:
            await asyncio.gather(*(asking.get(Request(url=url)) for url in urls))

    asyncio.run(run())
    assert (len(server.requests), server.most_open) == (9, 4)
    assert max([r.host for r in server.requests[:4]].count(f"{h}.news.example") for h in "abc") == 2


def test_the_cancelled_make_room_and_close_their_connection(server):
    server.otherwise = Reply(is_hanging=True)

    async def run() -> None:
        async with client(server) as asking:
            tasks = [asyncio.create_task(asking.get(Request(url=server.url("/f", host="a.example")))) for _ in range(9)]
            assert await asyncio.to_thread(server.wait_for, 2)
            for task in tasks[:2]:
                task.cancel()
            assert await asyncio.to_thread(server.wait_for, 4)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(run())
    assert len(server.requests) == 4


def test_a_bound_on_all_that_is_in_flight(server):
    server.otherwise = Reply(delay_s=0.03)

    async def run() -> None:
        async with client(server, replace(LIMITS, in_flight=3)) as asking:
            await asyncio.gather(*(asking.get(Request(url=server.url("/f", host=f"h{n}.example"))) for n in range(9)))

    asyncio.run(run())
    assert (len(server.requests), server.most_open) == (9, 3)


def test_a_host_that_hangs_holds_nobody_else(server):
    server.script("slow.example/f", Reply(is_hanging=True))

    async def run() -> None:
        async with client(server) as asking:
            slow = [
                asyncio.create_task(asking.get(Request(url=server.url("/f", host="slow.example")))) for _ in range(9)
            ]
            assert await asyncio.to_thread(server.wait_for, 2)
            came = await asking.get(Request(url=server.url("/f", host="quick.example")))
            assert came.status == 404
            assert not any(task.done() for task in slow)
            for task in slow:
                task.cancel()
            await asyncio.gather(*slow, return_exceptions=True)

    asyncio.run(run())


# --- robots.txt


def test_pages_are_asked_for_as_robots_txt_allows(server):
    server.script("/robots.txt", Reply(body="User-agent: newsmill\nDisallow: /private\n\nUser-agent: *\nDisallow: /\n"))
    server.otherwise = Reply(body="page")
    pages = [
        Request(url=server.url(path, host="a.example"), accept=PAGE_ACCEPT, with_robots=True)
        for path in ("/public", "/private/1", "/more")
    ]
    public, private, more = ask(server, *pages)
    assert isinstance(public, Answer)
    assert isinstance(more, Answer)
    assert isinstance(private, FetchError)
    assert private.trouble is Trouble.ROBOTS
    assert [r.path for r in server.requests] == ["/robots.txt", "/public", "/more"]
    assert server.connections == 2, "one for robots.txt; that of pages is kept"


def test_a_redirect_of_a_page_is_checked_against_the_other_sites_robots_txt(server):
    server.script("a.example/robots.txt", Reply(404))
    server.script("b.example/robots.txt", Reply(body="User-agent: *\nDisallow: /g\n"))
    server.script("/f", Reply(302, {"Location": server.url("/g", host="b.example")}))
    error = failure(server, Request(url=server.url("/f", host="a.example"), with_robots=True))
    assert error.trouble is Trouble.ROBOTS
    assert server.asked("/g") == []


def test_a_robots_txt_that_leads_to_an_inner_address(server):
    server.script("/robots.txt", Reply(302, {"Location": "http://10.0.0.1/robots.txt"}))
    request = Request(url=server.url("/f"), with_robots=True)
    assert failure(server, request).trouble is Trouble.REFUSED


def test_a_site_whose_robots_txt_fails_is_left_for_later(server):
    server.script("/robots.txt", Reply(500))
    request = Request(url=server.url("/f"), with_robots=True)
    first, second = ask(server, request, request)
    assert isinstance(first, FetchError)
    assert isinstance(second, FetchError)
    assert first.trouble is second.trouble is Trouble.BUSY
    assert [r.path for r in server.requests] == ["/robots.txt"]


def test_what_hosts_asked_for_is_known_to_a_later_client(server):
    server.script("a.example/robots.txt", Reply(body="User-agent: *\nDisallow: /private\n"))
    server.script("busy.example/f", Reply(429, {"Retry-After": "600"}))
    page = Request(url=server.url("/private", host="a.example"), with_robots=True)
    busy = Request(url=server.url("/f", host="busy.example"))

    async def run() -> None:
        async with client(server) as first:
            await first.get(busy)
            with pytest.raises(FetchError):
                await first.get(page)
        async with client(server) as second:
            second.recall(first.memory())
            for request, trouble in ((busy, Trouble.BUSY), (page, Trouble.ROBOTS)):
                with pytest.raises(FetchError) as caught:
                    await second.get(request)
                assert caught.value.trouble is trouble

    asyncio.run(run())
    assert len(server.requests) == 2


@pytest.mark.parametrize("memory", [b"", b"[]", b"{}", b'{"peace": {"a": 1}, "robots": {}}', b'{"peace": {"a": "x"}}'])
def test_a_memory_that_is_none(server, memory):
    with pytest.raises(ValueError):  # noqa: PT011  what it says is json's or ours
        client(server).recall(memory)


# --- proxies


def test_a_proxy_is_used_but_where_it_is_told_not_to(server):
    proxies = {"http": f"127.0.0.1:{server.port}", "no": "direct.example"}
    server.script("direct.example/f", Reply(body="direct"))
    server.otherwise = Reply(body="by proxy")
    far, near, inner = ask(
        server, "http://far.example/f", server.url("/f", host="direct.example"), "http://10.0.0.1/", proxies=proxies
    )
    assert isinstance(far, Answer)
    assert isinstance(near, Answer)
    assert isinstance(inner, FetchError)
    assert (far.data, near.data, inner.trouble) == (b"by proxy", b"direct", Trouble.REFUSED)
    assert [r.path for r in server.requests] == ["http://far.example/f", "/f"]
    assert server.looked_up == ["direct.example"]


def test_a_proxy_that_answers_with_an_error_and_one_that_is_not_there(server):
    server.otherwise = Reply(403)
    error = failure(server, "https://far.example/f", proxies={"https": server.url("")})
    assert (error.trouble, error.detail) == (Trouble.CONNECT, "the proxy does not let us through to far.example")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        error = failure(server, "http://far.example/f", proxies={"http": f"http://127.0.0.1:{free.getsockname()[1]}"})
    assert error.detail == "the proxy does not answer"


def test_a_proxy_that_is_no_http_proxy_is_said_at_once(server):
    with pytest.raises(ValueError, match="https_proxy names a proxy of the kind 'socks5'"):
        client(server, proxies={"https": "socks5://127.0.0.1:1080"})
