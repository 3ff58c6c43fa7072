"""Under which addresses other devices on the network find this machine."""

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Of containers, virtual machines, tunnels and the system itself: nobody else in the room is on these. A bridge's name ends
# after `br` or in a number, so that no `broadband` is one.
_VIRTUAL = re.compile(
    r"(docker|podman|veth|br(idge)?[-_]?\d|br-|virbr|vmnet|vbox|virtualbox|vmware|vethernet|lxc|lxd|cni|flannel|cali|kube|"
    r"tun|tap|utun|wg|tailscale|zerotier|zt|ppp|ipsec|gif|stf|awdl|llw|anpi|dummy|ifb|loopback|nordlynx|hyper-v)",
    re.IGNORECASE,
)
# Reserved for documentation, so that nothing is there: only the way to it is asked for, and nothing is sent.
_FAR = ((socket.AF_INET, "203.0.113.1"), (socket.AF_INET6, "2001:db8::1"))


@dataclass(frozen=True)
class Interface:
    """A network interface that is up."""

    name: str
    addresses: tuple[Address, ...]

    @property
    def is_virtual(self) -> bool:
        """Whether it leads to nobody else, by its name."""
        return bool(_VIRTUAL.match(self.name))


def hosts(asked: str = "") -> list[str]:
    """This machine's addresses on the network, the likeliest first, as they stand in a URL; none without a network.

    Args:
        asked: the host that a browser asked, as in its `Host` header without the port: where that is one of this
            machine's addresses, others may well take the same way.
    """
    return [f"[{each}]" if each.version == 6 else str(each) for each in ranked(interfaces(), routed(), asked)]


def ranked(found: Iterable[Interface], to_far: Iterable[Address], asked: str = "") -> list[Address]:
    """Those addresses by which others may come, the likeliest first.

    Args:
        found: the interfaces of this machine.
        to_far: its addresses on the way to the internet.
        asked: as in `hosts`.
    """
    ours = [(interface, address) for interface in found for address in interface.addresses if _is_reachable(address)]
    first = [address for _, address in ours if str(address) == asked.strip("[]")]
    real = [address for interface, address in ours if not interface.is_virtual]
    # A server may have all its network behind a bridge: then that is what the others are on.
    to_far = [address for address in to_far if _is_reachable(address)]
    usable = first + (real or to_far)

    def rank(address: Address) -> tuple[bool, bool, bool, bool]:
        return address not in first, address not in to_far, not address.is_private, address.version == 6

    return sorted(dict.fromkeys(usable), key=rank)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host."""
    found = _address(host.strip("[]"))
    return found.is_loopback if found else host.rstrip(".").lower().endswith("localhost")


def interfaces() -> list[Interface]:
    """The interfaces of this machine that are up, with their addresses."""
    try:
        states, addresses = psutil.net_if_stats(), psutil.net_if_addrs()
    except OSError:  # where a process may not see them
        return []
    return [
        Interface(name, tuple(filter(None, (_address(each.address) for each in addresses[name]))))
        for name in addresses
        if name in states and states[name].isup
    ]


def routed() -> list[Address]:
    """This machine's addresses on the way to the internet, whether or not that is there."""
    found = []
    for family, far in _FAR:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as way:
                way.connect((far, 1))
                found.append(_address(way.getsockname()[0]))
        except OSError:  # there is no such way
            continue
    return [each for each in found if each]


def _address(text: str) -> Address | None:
    """An IP address; None for one of another kind, such as of the hardware."""
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _is_reachable(address: Address) -> bool:
    """Whether it may be another's way here: no loopback, nor one that holds on one cable only, nor none at all."""
    return not (address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast)
