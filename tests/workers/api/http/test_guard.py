"""Where requests of ours may not be led: a corpus of addresses, names and URLs, and servers that redirect."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.api.http.rig import Api, running
from workers.api.http.guard import Guard, Refused, is_public, resolve
from workers.api.store.engine import Database

PUBLIC = "93.184.216.34"
TIMEOUT = httpx2.Timeout(5.0)

# Addresses as they stand in URLs, in every spelling that resolvers take.
ADDRESSES = [
    "127.0.0.1", "127.0.0.2", "127.255.255.254", "127.1", "127.0.1", "0", "0.0.0.0", "0x7f000001", "0x7f.0.0.1",  # noqa: S104 - never bound to
    "0x7f.1", "2130706433", "017700000001", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255",
    "192.168.0.1", "192.168.255.255", "100.64.0.1", "100.127.255.255", "100.100.100.200", "169.254.169.254",
    "169.254.170.2", "169.254.0.1", "0xa9fea9fe", "2852039166", "192.0.0.1", "192.0.0.192", "192.0.2.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255", "168.63.129.16", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[::ffff:169.254.169.254]", "[::ffff:0:127.0.0.1]", "[::127.0.0.1]", "[fe80::1]",
    "[fe80::1%25eth0]", "[fec0::1]", "[fc00::1]", "[fd00:ec2::254]", "[fd12:3456::1]", "[ff02::1]", "[ff0e::1]",
    "[64:ff9b::7f00:1]", "[64:ff9b:1::a00:1]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]", "[2001::1]",
    "[2001:db8::1]", "[100::1]", "[3fff::1]", "[5f00::1]",
]  # fmt: skip
NAMES = [
    "localhost", "localhost.", "LOCALHOST", "foo.localhost", "metadata", "metadata.google.internal",
    "instance-data.ec2.internal", "printer.local", "router.lan", "nas.home", "intranet", "db", "api.corp",
    "host.docker.internal", "kubernetes.default.svc.cluster.local", "1.0.0.127.in-addr.arpa", "example.onion",
]  # fmt: skip
URLS = [
    "http://example.com/", "ftp://example.com/a.mp3", "file:///etc/passwd", "gopher://example.com/", "data:,a", "",
    "javascript:alert(1)", "//example.com/", "example.com", "https://", "https:///a", "https://example.com:22/",
    "https://example.com:6379/", "https://example.com:80/", "https://user@example.com/", "https://u:p@example.com/",
    "https://example.com@127.0.0.1/", "https://127.0.0.1\\@example.com/", "https://exa mple.com/",
    "https://example.com/\r\nHost: localhost", "https://example.com/\0", "https://[::1", "https://example.com:x/",
    "https://example.com:99999/", "https://①②⑦.⓪.⓪.①/", "https://" + "a" * 3000 + ".com/", "jar:https://example.com!/",
    "https://0177.0.0.1/", "https://%31%32%37.0.0.1/",
]  # fmt: skip
CORPUS = [*(f"https://{host}/lesson.mp3" for host in (*ADDRESSES, *NAMES)), *URLS]
PUBLIC_ADDRESSES = ["8.8.8.8", "1.1.1.1", PUBLIC, "2606:4700:4700::1111", "2a00:1450:4001:81b::200e"]


def never(host: str, port: int) -> list[str]:
    """Resolve addresses as the system does, in whatever spelling; names lead to a public one."""
    try:
        return resolve(host, port) if not any(c.isalpha() and c not in "xabcdef" for c in host) else [PUBLIC]
    except OSError:
        return []


def test_the_corpus_is_large_enough() -> None:
    assert len(set(CORPUS)) >= 100


@pytest.mark.parametrize("url", CORPUS)
def test_nothing_of_the_corpus_is_called(url: str) -> None:
    guard = Guard(resolve=never)
    with pytest.raises(Refused) as refused:
        guard.address(guard.check(url))
    assert refused.value.code in {"bad_url", "refused_address", "unknown_host"}
    assert refused.value.hint


@pytest.mark.parametrize("address", PUBLIC_ADDRESSES)
def test_public_addresses_are_called(address: str) -> None:
    guard = Guard(resolve=lambda host, port: [address])
    assert guard.address(guard.check("https://example.com/lesson.mp3")) == address
    assert guard.address(guard.check("https://EXAMPLE.com.:8443/a?b=c#d")) == address
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", [host.strip("[]") for host in ADDRESSES if ":" in host or host.count(".") == 3])
def test_a_public_name_with_such_an_address_is_not_called(address: str) -> None:
    for answer in ([address], [PUBLIC, address], [address, PUBLIC]):
        guard = Guard(resolve=lambda host, port, answer=answer: answer)  # type: ignore[misc]
        with pytest.raises(Refused) as refused:
            guard.address(guard.check("https://rebound.example.com/"))
        assert refused.value.code in {"refused_address", "unknown_host"}


@given(st.ip_addresses())
def test_no_private_address_is_public(address: IPv4Address | IPv6Address) -> None:
    if is_public(address):
        assert address.is_global
        assert not (address.is_multicast or address.is_private or address.is_loopback or address.is_link_local)
        assert not (address.is_reserved or address.is_unspecified)
        if isinstance(address, IPv6Address):
            assert address.ipv4_mapped is None and address.sixtofour is None and address.teredo is None


@given(st.text(max_size=60))
def test_any_text_is_taken_or_refused(text: str) -> None:
    try:
        Guard(resolve=lambda host, port: []).check(text)
    except Refused as error:
        assert error.code in {"bad_url", "refused_address"}


class _Server(BaseHTTPRequestHandler):
    seen: list[str]
    location = ""

    def do_GET(self) -> None:
        type(self).seen.append(f"{self.headers['Host']}{self.path}")
        self.send_response(302 if self.path == "/away" else 200)
        self.send_header("Location", self.location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(location: Callable[[int], str] = str) -> Iterator[tuple[int, list[str]]]:
    """Yield the port of a server on this host, whose ``/away`` redirects, and what it is asked."""
    handler = type("Handler", (_Server,), {"seen": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        handler.location = location(server.server_port)  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port, handler.seen  # type: ignore[attr-defined]
        finally:
            server.shutdown()
            thread.join()


def test_the_connection_goes_to_the_address_that_was_looked_at() -> None:
    asked: list[str] = []

    def once(host: str, port: int) -> list[str]:
        # A name that answers otherwise the second time.
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["192.0.2.1"]

    with serving() as (port, seen):
        guard = Guard(allow=frozenset({f"lessons.example.com:{port}"}), resolve=once)
        with guard.client(timeout=TIMEOUT, redirects=True) as client:
            assert client.get(f"http://lessons.example.com:{port}/a").status_code == 200
        assert seen == [f"lessons.example.com:{port}/a"]
        assert asked == ["lessons.example.com"]


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1:{port}/inside", "https://127.0.0.1/", "https://169.254.169.254/latest/meta-data", "file:///etc"],
)
def test_a_redirect_to_ourselves_is_not_followed(target: str) -> None:
    with serving(lambda port: target.format(port=port)) as (port, seen):
        guard = Guard(allow=frozenset({f"allowed.example.com:{port}"}), resolve=lambda host, at: ["127.0.0.1"])
        with (
            guard.client(timeout=TIMEOUT, redirects=True) as client,
            pytest.raises((Refused, httpx2.UnsupportedProtocol)),
        ):
            client.get(f"http://allowed.example.com:{port}/away")
        assert [path for path in seen if path.endswith("/inside")] == []


def test_redirects_end() -> None:
    with serving(lambda port: f"http://round.example.com:{port}/away") as (port, seen):
        guard = Guard(allow=frozenset({f"round.example.com:{port}"}), resolve=lambda host, at: ["127.0.0.1"])
        with guard.client(timeout=TIMEOUT, redirects=True) as client, pytest.raises(httpx2.TooManyRedirects):
            client.get(f"http://round.example.com:{port}/away")
        assert len(seen) == 6


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as (port, seen):
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        guard = Guard(allow=frozenset({f"127.0.0.1:{port}"}))
        with guard.client(timeout=TIMEOUT, redirects=False) as client:
            assert client.get(f"http://127.0.0.1:{port}/a").status_code == 200
        assert len(seen) == 1


@pytest.fixture
def guarded(database: Database, jobs_dir: Path) -> Iterator[Api]:
    """An API to whose resolver every name is public."""
    with running(database, jobs_dir, guard=Guard(resolve=never)) as found:
        yield found


def test_the_api_refuses_the_corpus_as_reference(guarded: Api) -> None:
    key = guarded.key()
    for url in CORPUS:
        asked = guarded.client.post("/api/jobs", headers=key, json={"source": {"https": url}})
        assert asked.status_code == 422, url
        assert asked.json()["code"] in {"bad_url", "refused_address", "unknown_host", "invalid_request"}
    right = guarded.client.post("/api/jobs", headers=key, json={"source": {"https": "https://example.com/a.mp3"}})
    assert right.status_code == 201
    assert [job["id"] for job in guarded.client.get("/api/jobs", headers=key).json()["jobs"]] == [right.json()["id"]]


def test_the_api_refuses_webhooks_by_their_form(guarded: Api) -> None:
    key = guarded.key()
    literal = [host for host in ADDRESSES if ":" in host or (host.count(".") == 3 and not host.startswith("0x"))]
    bad = [*(f"https://{host}/hook" for host in (*literal, *NAMES)), *filter(None, URLS)]
    for url in (*bad, "https://example.com/hook"):
        source = {"https": "https://example.com/a.mp3"}
        asked = guarded.client.post("/api/jobs", headers=key, json={"source": source, "webhook_url": url})
        begun = guarded.client.post("/api/uploads", headers=key, json={"name": "a.mp3", "size": 4, "webhook_url": url})
        assert [asked.status_code, begun.status_code] == ([422, 422] if url in bad else [201, 201]), url
