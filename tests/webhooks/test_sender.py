"""Messages that are sent to real servers, and what is made of all that these may do."""

import asyncio
import socket
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which

import pytest

from pearshop.errors import Invalid
from pearshop.webhooks.address import Address, address_of
from pearshop.webhooks.message import headers_of
from pearshop.webhooks.resolving import Resolver
from pearshop.webhooks.sender import MOST_BYTES, MOST_TEXT, Answer, Sender
from tests.receiver import Receiver, receiving
from tests.webhooks.test_message import BODY, EVENT, NOW, SECRET

HEADERS = headers_of(EVENT, BODY, SECRET, NOW)


def leading_to(*ips: str) -> Callable[[Address], Awaitable[list[str]]]:
    async def resolve(_: Address) -> list[str]:
        return list(ips)

    return resolve


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    sender = Sender(leading_to("127.0.0.1"))
    yield sender
    await sender.close()


async def send(sender: Sender, url: str) -> Answer:
    return await sender.send(url, HEADERS, BODY)


@contextmanager
def raw(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Run a server that does what HTTP servers do not; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(65536)
                answer(peer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


async def test_arrives_as_it_was_sent(sender: Sender, receiver: Receiver) -> None:
    answer = await send(sender, f"http://shop.example:{receiver.port}/events?a=%20b")
    assert (answer.status, answer.error) == (204, "")
    [received] = receiver.received
    assert (received.path, received.body) == ("/events?a=%20b", BODY)
    assert received.headers.items() >= HEADERS.items()
    assert received.headers["Host"] == f"shop.example:{receiver.port}"
    assert received.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_every_2xx_is_a_success(sender: Sender, receiver: Receiver, status: int) -> None:
    receiver.statuses.append(status)
    assert (await send(sender, receiver.url))[:2] == (status, "")


@pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 500, 503])
async def test_others_are_told_with_the_beginning_of_their_text(
    sender: Sender, receiver: Receiver, status: int
) -> None:
    receiver.statuses.append(status)
    receiver.content = b"No\0 pears\n \xff" + b"x" * 100 * MOST_BYTES
    answer = await send(sender, receiver.url)
    assert answer.status == status
    assert answer.error.startswith(f"answered {status}: No pears \ufffdxxx")
    assert len(answer.error) <= MOST_TEXT + 20


async def test_a_packed_text_is_not_unpacked(sender: Sender, receiver: Receiver) -> None:
    receiver.statuses.append(500)
    receiver.headers["Content-Encoding"] = "gzip"
    receiver.content = b"\x1f\x8b\x08 a bomb"
    assert (await send(sender, receiver.url))[:2] == (500, "answered 500")


async def test_a_redirect_is_not_followed(sender: Sender, receiver: Receiver) -> None:
    with receiving() as other:
        receiver.statuses.append(307)
        receiver.headers["Location"] = other.url
        answer = await send(sender, receiver.url)
        assert answer.status == 307
        assert "redirects are not followed" in answer.error
        assert other.received == []


async def test_nobody_there(sender: Sender) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    answer = await send(sender, f"http://shop.example:{port}/")
    assert answer.status is None
    assert answer.error


async def test_a_silent_one_is_given_up(receiver: Receiver) -> None:
    receiver.gate.clear()
    sender = Sender(leading_to("127.0.0.1"), timeout=0.2)
    answer = await send(sender, receiver.url)
    assert (answer.status, answer.error) == (None, "no answer within 0.2 s")
    assert answer.duration >= 0.2
    receiver.gate.set()
    await sender.close()


async def test_one_that_answers_byte_by_byte_is_given_up() -> None:
    given_up = threading.Event()

    def drip(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\n")
        while not given_up.wait(0.01):
            try:
                peer.sendall(b"X-A: b\r\n")
            except OSError:
                return

    with raw(drip) as port:
        sender = Sender(leading_to("127.0.0.1"), timeout=0.3)
        answer = await send(sender, f"http://127.0.0.1:{port}/")
        given_up.set()
    assert (answer.status, answer.error) == (None, "no answer within 0.3 s")
    await sender.close()


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 2000 X\r\n\r\n"])
async def test_what_is_no_http_is_told(sender: Sender, said: bytes) -> None:
    with raw(lambda peer: peer.sendall(said)) as port:
        answer = await send(sender, f"http://127.0.0.1:{port}/")
    assert answer.status is None
    assert answer.error


async def test_a_status_without_its_text_is_enough(sender: Sender) -> None:
    told = b"HTTP/1.1 500 No\r\nContent-Length: 50\r\n\r\nNo pe"
    with raw(lambda peer: peer.sendall(told)) as port:
        answer = await send(sender, f"http://127.0.0.1:{port}/")
    assert (answer.status, answer.error) == (500, "answered 500: No pe")


async def test_an_address_that_nobody_answers_at_is_passed_over(receiver: Receiver) -> None:
    sender = Sender(leading_to("::1", "127.0.0.1"))  # nothing listens at the first
    assert (await send(sender, receiver.url)).status == 204
    assert len(receiver.received) == 1
    await sender.close()


async def test_a_name_is_looked_up_once_and_that_address_is_connected_to(
    receiver: Receiver,
) -> None:
    """A name that leads elsewhere when it is asked again (DNS rebinding) leads nobody there."""
    with receiving() as inside:
        answers = ["127.0.0.1"]
        asked: list[Address] = []

        async def rebinding(address: Address) -> list[str]:
            asked.append(address)
            return [answers.pop()]

        sender = Sender(rebinding)
        url = f"http://localhost:{receiver.port}/"
        assert (await send(sender, url)).status == 204
        assert asked == [address_of(url)]
        assert inside.received == []
        await sender.close()


class TestResolving:
    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "localhost", "[::1]", "0x7f.1", "2130706433", "0", "10.0.0.1"]
    )
    async def test_private_addresses_are_refused(self, receiver: Receiver, host: str) -> None:
        sender = Sender(Resolver(private=False, lookups=1).resolve)
        answer = await send(sender, f"http://{host}:{receiver.port}/")
        assert answer.status is None
        assert "no public address" in answer.error
        assert receiver.received == []
        await sender.close()

    async def test_unless_they_are_allowed(self, receiver: Receiver) -> None:
        sender = Sender(Resolver(private=True, lookups=1).resolve)
        assert (await send(sender, receiver.url)).status == 204
        await sender.close()

    @pytest.mark.parametrize("host", ["nobody.invalid", "a" * 64 + ".invalid", "a..invalid"])
    async def test_what_is_not_found_is_told(self, host: str) -> None:
        resolver = Resolver(private=True, lookups=1)
        with pytest.raises(Invalid, match="is not found"):
            await resolver.resolve(Address("https", host, 443, "/"))

    async def test_one_private_address_among_others_is_one_too_many(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = [(2, 1, 6, "", (each, 443)) for each in ("8.8.8.8", "10.0.0.1")]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        with pytest.raises(Invalid, match=r"leads to 10\.0\.0\.1,"):
            await Resolver(private=False, lookups=1).resolve(address_of("https://shop.example/"))

    async def test_a_slow_look_up_holds_no_other(self, monkeypatch: pytest.MonkeyPatch) -> None:
        gate = threading.Event()

        def slow(host: str, *_: object, **__: object) -> list[object]:
            if host == "slow.example":
                gate.wait()
            return [(2, 1, 6, "", ("8.8.8.8", 443))]

        monkeypatch.setattr(socket, "getaddrinfo", slow)
        resolver = Resolver(private=False, lookups=2)
        waiting = asyncio.create_task(resolver.resolve(address_of("https://slow.example/")))
        assert await resolver.resolve(address_of("https://quick.example/")) == ["8.8.8.8"]
        assert not waiting.done()
        gate.set()
        assert await waiting == ["8.8.8.8"]


@pytest.mark.skipif(not which("openssl"), reason="needs openssl: apt-get install openssl")
class TestTls:
    """The certificate has to be the name's, although it is an address that is connected to."""

    @pytest.fixture
    def secured(self, tmp_path: Path) -> Iterator[tuple[int, ssl.SSLContext]]:
        """A server of shop.example; yield its port, and what trusts it."""
        key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
                *("ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj"),
                *("/CN=shop.example", "-addext", "subjectAltName=DNS:shop.example"),
                *("-keyout", str(key), "-out", str(certificate)),
            ],
            check=True,
            capture_output=True,
        )

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            server.socket = context.wrap_socket(server.socket, server_side=True)
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            yield server.server_port, ssl.create_default_context(cafile=str(certificate))
            server.shutdown()
            thread.join()

    async def test_is_checked(self, secured: tuple[int, ssl.SSLContext]) -> None:
        port, trust = secured
        sender = Sender(leading_to("127.0.0.1"), tls=trust)
        assert (await send(sender, f"https://shop.example:{port}/")).status == 204
        other = await send(sender, f"https://other.example:{port}/")
        assert "certificate" in other.error
        await sender.close()
        stranger = Sender(leading_to("127.0.0.1"))
        assert "certificate" in (await send(stranger, f"https://shop.example:{port}/")).error
        await stranger.close()
