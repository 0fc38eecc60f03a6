"""Which addresses may be connected to."""

import asyncio
import socket

import pytest

from connectors.exchange.networks import Lookup, Networks, NoSuchNameError, NotPermittedError, literal

PUBLIC = "8.8.8.8 1.1.1.1 172.32.0.1 100.128.0.1 2606:4700::1111 2a00:1450:4001::1 ::ffff:8.8.8.8 64:ff9b::808:808"
CLOSED = (
    "0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.255 169.254.169.254 172.16.0.1 "
    "172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.51.100.1 203.0.113.1 "
    "224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16 "
    ":: ::1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::10.0.0.1 64:ff9b::a00:1 64:ff9b:1::808:808 100::1 2001::1 "
    "2001:db8::1 2002:a00:1:: 2002:7f00:1:: 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1"
)


def test_what_is_public_and_what_is_not():
    networks = Networks()
    assert [a for a in PUBLIC.split() if not networks.permits(a)] == []
    assert [a for a in CLOSED.split() if networks.permits(a)] == []
    assert not networks.permits("news.example")


def test_networks_are_opened_by_name():
    networks = Networks(["10.1.0.0/16", "fd00:1::/64", "127.0.0.1"])
    opened = ["10.1.255.1", "fd00:1::2", "127.0.0.1", "::ffff:10.1.0.1", "64:ff9b::a01:1"]
    assert all(networks.permits(a) for a in opened)
    assert not any(networks.permits(a) for a in ("10.2.0.1", "fd00:2::1", "127.0.0.2", "::1"))


@pytest.mark.parametrize("network", ["nonsense", "10.0.0.0/64", ""])
def test_what_is_no_network(network):
    with pytest.raises(ValueError, match="does not appear to be"):
        Networks([network])


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("::1", "::1"),
        ("0:0:0:0:0:ffff:7f00:1", "::ffff:127.0.0.1"),
        ("news.example", None),
        ("1.2.3.4.example", None),
        ("0x", None),
    ],
)
def test_hosts_that_are_addresses(host, address):
    found = literal(host)
    assert found == address or (found is not None and ":" in found and socket.inet_pton(socket.AF_INET6, found))


def test_a_look_up_gives_what_may_be_reached():
    answers = {"mixed.example": ["10.0.0.1", "8.8.8.8", "::1", "2606:4700::1111"], "inner.example": ["10.0.0.1"]}

    async def run() -> None:
        lookup = Lookup(Networks(), lambda name: answers.get(name, []))
        found = await lookup.resolve("mixed.example", 443)
        assert [(r["host"], r["port"], r["family"]) for r in found] == [
            ("8.8.8.8", 443, socket.AF_INET),
            ("2606:4700::1111", 443, socket.AF_INET6),
        ]
        with pytest.raises(NotPermittedError, match=r"10\.0\.0\.1"):
            await lookup.resolve("inner.example", 80)
        with pytest.raises(NoSuchNameError):
            await lookup.resolve("none.example", 80)
        await lookup.close()

    asyncio.run(run())


def test_the_systems_look_up():
    async def run() -> set[str]:
        lookup = Lookup(Networks(["127.0.0.0/8", "::1/128"]))
        found = await lookup.resolve("localhost", 80)
        await lookup.close()
        return {r["host"] for r in found}

    assert asyncio.run(run()) <= {"127.0.0.1", "::1"}
