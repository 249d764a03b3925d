"""Writes fragments.txt, what GoldenFragmentsTest expects, with Scapy (2.5.0 of Debian 12).

Run it as: /usr/bin/python3 fragments.py > fragments.txt
A line has a packet and the fragments that Scapy cuts it into for an MTU.
"""

import random

from scapy.all import (IP, TCP, UDP, ICMP, ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt,
                       IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, PadN, fragment,
                       fragment6)

random.seed(3)
NUMBER = 0xFEDCBA98


def text(length):
    return bytes(random.randrange(256) for _ in range(length))


def v4(name, payload, mtu, **more):
    packet = IP(src="10.0.0.1", dst="192.0.2.9", id=0xABCD, **more) / payload
    line(name, packet, fragment(packet, mtu - 20), mtu)


def v6(name, before, payload, mtu):
    ip = IPv6(src="2001:db8::1", dst="2001:db8::2", tc=0x22)
    for layer in before:
        ip = ip / layer
    line(name, ip / payload, fragment6(ip / IPv6ExtHdrFragment(id=NUMBER) / payload, mtu), mtu)


def line(name, packet, fragments, mtu):
    print("fragments", name, f"packet={bytes(packet).hex()}", f"mtu={mtu}", f"id={NUMBER - 2**32}",
          f"fragments={','.join(bytes(f).hex() for f in fragments)}")


hop = IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * 4)])
routing = IPv6ExtHdrRouting(type=2, segleft=0, addresses=["2001:db8::9"])
destination = IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 4)])

v4("udp4", UDP(sport=5, dport=6) / text(500), 204)
v4("even4", UDP(sport=5, dport=6) / text(16 * 8 - 8), 20 + 64, tos=1)
v4("tcp4", TCP(sport=5, dport=6, flags="PA") / text(301), 100)
v4("echo4", ICMP(id=7) / text(1000), 572)
v6("udp6", [], UDP(sport=5, dport=6) / text(500), 200)
v6("tcp6", [], TCP(sport=5, dport=6, flags="PA") / text(301), 131)
v6("extensions6", [hop, routing], UDP(sport=5, dport=6) / text(500), 255)
v6("destination6", [], destination / UDP(sport=5, dport=6) / text(100), 100)
v6("echo6", [hop], ICMPv6EchoRequest(data=text(200)), 120)
