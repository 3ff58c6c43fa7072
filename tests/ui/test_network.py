"""Under which addresses other devices find this machine."""

import ipaddress
import socket
from typing import Any

import psutil
import pytest
from streamlit import config

from mnist_lab.ui import guard, network
from mnist_lab.ui.network import Interface

WIFI, CABLE = "192.168.1.20", "10.0.0.7"


def on(name: str, *addresses: str) -> Interface:
    return Interface(name, tuple(map(ipaddress.ip_address, addresses)))


def ranked(*found: Interface, to_far: str = "", asked: str = "") -> list[str]:
    return list(map(str, network.ranked(found, [ipaddress.ip_address(each) for each in to_far.split()], asked)))


LOOPBACK = on("lo", "127.0.0.1", "::1")


def test_what_leads_to_nobody_else_is_left_out() -> None:
    docker = [on("docker0", "172.17.0.1"), on("br-12ab34cd56ef", "172.18.0.1"), on("veth1a2b3c4", "169.254.1.1")]
    machines = [on("virbr0", "192.168.122.1"), on("vmnet8", "192.168.58.1"), on("vboxnet0", "192.168.56.1")]
    machines += [on("VirtualBox Host-Only Network", "192.168.56.1"), on("vEthernet (WSL)", "172.28.0.1")]
    tunnels = [on("tun0", "10.8.0.2"), on("utun3", "10.9.0.2"), on("wg0", "10.10.0.2"), on("tailscale0", "100.64.0.3")]
    wifi = on("wlp3s0", "169.254.7.7", "fe80::1", WIFI)
    assert ranked(LOOPBACK, *docker, *machines, *tunnels, wifi) == [WIFI]
    # Also where all that goes to the internet goes through a tunnel, which nobody else in the room is on.
    assert ranked(*tunnels, wifi, to_far="10.8.0.2") == [WIFI]


@pytest.mark.parametrize("name", ["eth0", "enp3s0", "wlan0", "en0", "Wi-Fi", "Ethernet 2", "WLAN", "broadband", "usb0"])
def test_what_others_are_on_is_not_left_out(name: str) -> None:
    assert ranked(on(name, WIFI)) == [WIFI]


def test_the_way_to_the_internet_is_first_then_private_addresses_then_the_older_protocol() -> None:
    two = (on("eth0", CABLE, "fd00::7"), on("wlan0", WIFI))
    assert ranked(*two) == [CABLE, WIFI, "fd00::7"]
    assert ranked(*two, to_far=f"{WIFI} fd00::7") == [WIFI, "fd00::7", CABLE]
    public = (on("eth0", "8.8.4.4"), on("wlan0", WIFI))
    assert ranked(*public) == [WIFI, "8.8.4.4"]
    assert ranked(*public, to_far="8.8.4.4") == ["8.8.4.4", WIFI]


def test_the_address_that_a_browser_asked_is_first_where_it_is_this_machines() -> None:
    two = (LOOPBACK, on("bridge100", "192.168.2.1"), on("eth0", CABLE, "fd00::7"), on("wlan0", WIFI))
    assert ranked(*two, to_far=CABLE, asked=WIFI) == [WIFI, CABLE, "fd00::7"]
    assert ranked(*two, to_far=CABLE, asked="[fd00::7]") == ["fd00::7", CABLE, WIFI]
    assert ranked(*two, asked="192.168.2.1")[0] == "192.168.2.1", "a network that this machine makes for others"
    for other in ("localhost", "127.0.0.1", "[::1]", "192.168.99.99", "evil.example", "", "[", "x" * 1000):
        assert ranked(*two, to_far=CABLE, asked=other) == [CABLE, WIFI, "fd00::7"], other


def test_where_a_bridge_has_the_whole_network_it_is_the_way() -> None:
    assert ranked(LOOPBACK, on("br0", CABLE), on("docker0", "172.17.0.1"), to_far=CABLE) == [CABLE]


def test_without_a_network_there_is_no_address() -> None:
    assert ranked() == ranked(LOOPBACK) == ranked(LOOPBACK, on("docker0", "172.17.0.1")) == []


def test_this_machines_own_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which are whatever they are here: each can be listened on, none is a loopback."""
    for host in network.hosts():
        address = ipaddress.ip_address(host.strip("[]"))
        assert not address.is_loopback
        assert host.startswith("[") == (address.version == 6)
        with socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET) as listening:
            listening.bind((str(address), 0))


def as_here(monkeypatch: pytest.MonkeyPatch, *found: tuple[str, bool, str]) -> None:
    """Have psutil say that these interfaces are here, in its own types."""
    family = {False: socket.AF_INET, True: socket.AF_INET6}
    addresses: dict[str, list[Any]] = {}
    for name, _, text in found:
        addresses.setdefault(name, []).append(psutil._ntp.snicaddr(family[":" in text], text, None, None, None))
        addresses[name].append(psutil._ntp.snicaddr(psutil.AF_LINK, "02:fc:00:00:00:01", None, None, None))
    stats = {name: psutil._ntp.snicstats(up, psutil.NIC_DUPLEX_FULL, 0, 1500, "") for name, up, _ in found}
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: addresses)
    monkeypatch.setattr(psutil, "net_if_stats", lambda: stats)
    monkeypatch.setattr(network, "routed", list)


def test_interfaces_that_are_down_and_addresses_of_other_kinds_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    as_here(monkeypatch, ("eth0", False, CABLE), ("wlan0", True, WIFI), ("wlan0", True, "fe80::1%wlan0"))
    assert network.hosts() == [WIFI]
    as_here(monkeypatch, ("eth0", True, "fd00::7"))
    assert network.hosts() == ["[fd00::7]"]


def test_where_interfaces_may_not_be_seen_there_is_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise PermissionError

    monkeypatch.setattr(psutil, "net_if_addrs", refuse)
    assert network.interfaces() == []


def test_the_server_says_where_it_is_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    as_here(monkeypatch, ("eth0", True, CABLE), ("wlan0", True, WIFI))
    port = config.get_option("server.port")
    here = f"http://localhost:{port}"

    def told(bound: str | None, asked: str = "") -> tuple[list[str], list[str]]:
        monkeypatch.setattr(config, "get_option", lambda name: bound if name == "server.address" else option(name))
        monkeypatch.setattr(guard.st, "get_option", config.get_option)
        return guard.addresses(), guard.addresses_for_others(asked)

    option = config.get_option
    assert told("localhost") == ([here], [])
    assert told("127.0.0.1") == ([f"http://127.0.0.1:{port}"], [])
    for everywhere in ("0.0.0.0", "::", None):
        both = [f"http://{CABLE}:{port}", f"http://{WIFI}:{port}"]
        assert told(everywhere) == ([here, both[0]], both)
        assert told(everywhere, WIFI)[1] == both[::-1]
    assert told(WIFI) == ([f"http://{WIFI}:{port}"], [f"http://{WIFI}:{port}"])
    assert told("fd00::7") == ([f"http://[fd00::7]:{port}"], [f"http://[fd00::7]:{port}"])
    as_here(monkeypatch)
    assert told("0.0.0.0") == ([here], [])
