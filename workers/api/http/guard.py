"""Keeps requests that users make us send away from our own network: references to fetch, webhooks to call.

A name is resolved here, every address that it has is looked at, and the connection is made to the address that was
looked at: a name that answers differently the next time gains nothing. Redirects pass through the same gate, since it
sits below the client, in its transport.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, TypeAlias

import httpx2

Address: TypeAlias = IPv4Address | IPv6Address
Resolve: TypeAlias = Callable[[str, int], Iterable[str]]

PORTS: Final = frozenset({443, 8443})
"""What an HTTPS service is found at; others are asked for by those who look for open ports."""
LONGEST_URL: Final = 2000
MOST_REDIRECTS: Final = 5
UNKNOWN_HOST: Final = "unknown_host"
"""Code of the one refusal that may pass: name servers fail at times."""

# Everything that is not global by IANA's registries (ipaddress knows them), and what is global by them but leads home:
# NAT64 and 6to4 carry IPv4 addresses, 168.63.129.16 is Azure's host, 192.0.0.192 Oracle's metadata service.
_REFUSED_V4 = tuple(map(ip_network, ("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24")))
_UNICAST_V6 = ip_network("2000::/3")
_REFUSED_V6 = tuple(map(ip_network, ("2001::/23", "2002::/16", "3ffe::/16", "3fff::/20")))
# Names of networks' insides: search domains, multicast DNS, container and cloud networks.
_INSIDE = re.compile(r"(^|\.)(localhost|local|localdomain|internal|intranet|lan|home|corp|arpa|onion|test|invalid)$")
# DNS names and addresses; nothing that one library decodes and another does not.
_HOST = re.compile(r"[a-z0-9._:-]+")
_CONTROL = re.compile(r"[\x00-\x20\x7f\\]")


class Refused(Exception):
    """A request will not be sent; ``code`` for programs, ``message`` and ``hint`` for people."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.hint = hint


def is_public(address: Address) -> bool:
    """Whether an address is one of the open Internet, and of one host only."""
    if isinstance(address, IPv6Address):
        if address.scope_id or address not in _UNICAST_V6:
            return False
        return address.is_global and not any(address in network for network in _REFUSED_V6)
    return address.is_global and not address.is_multicast and not any(address in n for n in _REFUSED_V4)


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a name, by the system's resolver; ``OSError`` when it has none."""
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@dataclass(frozen=True)
class Guard:
    """What may be connected to; ``allow`` names further ``host:port``, over HTTP too, for tests and one machine."""

    allow: frozenset[str] = frozenset()
    resolve: Resolve = field(default=resolve)

    def check(self, url: str) -> httpx2.URL:
        """Return the URL when its form is all right; no name is resolved.

        Raises:
            Refused: ``bad_url`` or ``refused_address``.
        """
        if len(url) > LONGEST_URL or _CONTROL.search(url):
            raise _bad_url("is too long, or holds blanks, control characters or backslashes")
        try:
            parsed = httpx2.URL(url)
        except (httpx2.InvalidURL, UnicodeError, ValueError):
            raise _bad_url("can't be read") from None
        if not parsed.host:
            raise _bad_url("names no host")
        if parsed.userinfo:
            raise _bad_url("holds a user name or password")
        if not self._allowed(parsed):
            _check_open(parsed)
        return parsed

    def address(self, url: httpx2.URL) -> str:
        """Return the address to connect to.

        Raises:
            Refused: ``bad_url``, ``refused_address``, or ``unknown_host``.
        """
        url = self.check(str(url))
        try:
            found = [ip_address(text) for text in self.resolve(_host(url), _port(url))]
        except (OSError, UnicodeError, ValueError):
            found = []
        if not found:
            raise Refused(UNKNOWN_HOST, f"{url.host} has no address", "check the name")
        # One bad address is enough: which of several is taken is not for the name's owner to try out.
        if not self._allowed(url) and not all(map(is_public, found)):
            raise _refused(url.host)
        return str(found[0])

    def client(
        self, *, timeout: httpx2.Timeout, redirects: bool, verify: ssl.SSLContext | bool = True
    ) -> httpx2.Client:
        """Return a client that connects to nothing else, whatever it is told; ``Refused`` comes from its calls."""
        return httpx2.Client(
            transport=GuardedTransport(self, verify),
            timeout=timeout,
            follow_redirects=redirects,
            max_redirects=MOST_REDIRECTS,
            trust_env=False,
        )

    def _allowed(self, url: httpx2.URL) -> bool:
        return url.scheme in {"http", "https"} and f"{_host(url)}:{_port(url)}" in self.allow


class GuardedTransport(httpx2.BaseTransport):
    """Connects to the address that the guard has looked at; TLS and the Host header still have the name."""

    def __init__(self, guard: Guard, verify: ssl.SSLContext | bool = True) -> None:
        self._guard = guard
        # No connection is kept: one that was made for a name must not serve another name of the same address.
        limits = httpx2.Limits(max_keepalive_connections=0)
        self._inner = httpx2.HTTPTransport(verify=verify, trust_env=False, limits=limits)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request; called anew for every redirect."""
        address = self._guard.address(request.url)
        pinned = httpx2.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": _host(request.url)},
        )
        return self._inner.handle_request(pinned)

    def close(self) -> None:
        """Close every connection."""
        self._inner.close()


def _check_open(url: httpx2.URL) -> None:
    if url.scheme != "https":
        raise _bad_url("is not https")
    if _port(url) not in PORTS:
        raise _bad_url(f"has a port other than {' or '.join(map(str, sorted(PORTS)))}")
    host = _host(url).rstrip(".").lower()
    if not _HOST.fullmatch(host):
        raise _bad_url("names a host that is none")
    try:
        public = is_public(ip_address(host))
    except ValueError:
        public = "." in host and not _INSIDE.search(host)
    if not public:
        raise _refused(url.host)


def _host(url: httpx2.URL) -> str:
    """Return the host as DNS and TLS have it, in ASCII."""
    return url.raw_host.decode("ascii")


def _port(url: httpx2.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _bad_url(problem: str) -> Refused:
    return Refused("bad_url", f"the URL {problem}", "give an https URL of a host on the Internet")


def _refused(host: str) -> Refused:
    return Refused("refused_address", f"{host} is not on the open Internet", "give an https URL of a public host")
