"""Which addresses may be connected to, and the look-up of names that gives no others."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from aiohttp.abc import AbstractResolver, ResolveResult

_CACHED_S = 60.0
_CACHED_NAMES = 20_000
_THREADS = 256
_UNICAST = ip_network("2000::/3")
"""All that is given out of IPv6 for hosts on the internet (RFC 4291)."""
_NOT_PUBLIC = tuple(
    ip_network(n)
    for n in (
        "168.63.129.16/32",  # metadata and agents of Azure's machines, on a public address
        "192.0.0.0/24",  # protocol assignments (RFC 6890); metadata of Oracle's machines
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "3fff::/20",  # documentation (RFC 9637)
    )
)
_NAT64 = ip_network("64:ff9b::/96")
_COMPATIBLE = ip_network("::/96")


class NoSuchNameError(Exception):
    """The name has no address."""


class NotPermittedError(Exception):
    """All addresses of the name are refused; the message is one of them."""


class Networks:
    """The public internet, and the networks in `allow` (`["127.0.0.0/8"]`).

    Public means not loopback, private, link-local, CGNAT, multicast, unspecified, reserved or for documentation (IANA's
    special-purpose registries, RFC 6890), nor a metadata service. An IPv6 address that carries one of IPv4 (mapped,
    compatible, 6to4, NAT64) is judged by that one, and Teredo is refused. Raises `ValueError` for what is no network.
    """

    def __init__(self, allow: Sequence[str] = ()) -> None:
        self._allow = tuple(ip_network(network, strict=False) for network in allow)

    def permits(self, address: str) -> bool:
        """Whether the address, in its usual form, may be connected to."""
        try:
            ip = ip_address(address)
        except ValueError:
            return False
        inner = _carried(ip) if isinstance(ip, IPv6Address) else None
        if any(a in network for network in self._allow for a in (ip, inner) if a is not None):
            return True
        return _is_public(inner if inner is not None else ip)


def literal(host: str) -> str | None:
    """The address that a host of a URL is, if it is no name; `2130706433`, `0177.0.0.1` and `0x7f.1` are addresses."""
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None


class Lookup(AbstractResolver):
    """Looks names up in threads of its own and gives the addresses that may be connected to, and only those.

    An answer is kept for a minute. What is given is what is connected to: a name that resolves to something else the
    next time is checked then. Raises `NoSuchNameError` and `NotPermittedError`.
    """

    def __init__(self, networks: Networks, resolve: Callable[[str], Sequence[str]] | None = None) -> None:
        self._networks, self._resolve = networks, resolve or _system_addresses
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="lookup")
        self._cached: dict[str, tuple[float, Sequence[str]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The permitted addresses of the name."""
        addresses = await self._addresses(host)
        permitted = [a for a in addresses if self._networks.permits(a)]
        if not permitted:
            raise NotPermittedError(addresses[0])
        results = [_result(host, port, a) for a in permitted]
        return [r for r in results if family in (socket.AF_UNSPEC, r["family"])]

    async def close(self) -> None:
        """Wait for no look-up any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _addresses(self, name: str) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        until, addresses = self._cached.get(name, (0.0, ()))
        if until > loop.time():
            return addresses
        try:
            addresses = await loop.run_in_executor(self._threads, self._resolve, name)
        except (OSError, UnicodeError) as error:  # a label of more than 63 characters is a UnicodeError
            raise NoSuchNameError(name) from error
        if not addresses:
            raise NoSuchNameError(name)
        if len(self._cached) >= _CACHED_NAMES:
            self._cached.clear()
        self._cached[name] = (loop.time() + _CACHED_S, addresses)
        return addresses


def _system_addresses(name: str) -> list[str]:
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _result(host: str, port: int, address: str) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=flags)


def _carried(ip: IPv6Address) -> IPv4Address | None:
    """The IPv4 address inside."""
    if ip.ipv4_mapped or ip.sixtofour:
        return ip.ipv4_mapped or ip.sixtofour
    if ip in _NAT64 or (ip in _COMPATIBLE and int(ip) > 1):
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return None


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    if ip.is_multicast or not ip.is_global or any(ip in network for network in _NOT_PUBLIC):
        return False
    return isinstance(ip, IPv4Address) or ip in _UNICAST
