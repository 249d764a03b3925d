"""Writes segments.txt, what SegmenterTest and CoalescerTest expect, with Scapy (2.5.0 of Debian 12).

Run it as: /usr/bin/python3 segments.py > segments.txt
A line has a super-packet with a partial checksum as a kernel hands it out, with its virtio_net_hdr,
and the segments that it stands for, each built by Scapy.
"""

import random
import struct

from scapy.all import IP, TCP, UDP, IPv6, IPv6ExtHdrDestOpt, PadN
from scapy.layers.inet import in4_pseudoheader
from scapy.layers.inet6 import in6_pseudoheader
from scapy.utils import checksum

random.seed(2)
TIMES = [("NOP", None), ("NOP", None), ("Timestamp", (99, 1 << 31))]
NONE, TCPV4, TCPV6, UDP_L4 = 0, 1, 4, 5


def text(length):
    return bytes(random.randrange(256) for _ in range(length))


def v4(number=0, **more):
    return IP(src="10.9.8.7", dst="192.0.2.1", id=(0xFFFF + number) & 0xFFFF, tos=2, **more)


def v6(number=0):
    return IPv6(src="2001:db8::1", dst="2001:db8::2", fl=0x12345, tc=1)


def destination6(number=0):
    return v6() / IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 4)])


def partial(packet):
    """The packet with nothing but the pseudo-header's sum as its checksum."""
    packet = packet.__class__(bytes(packet))
    layer = packet[TCP if TCP in packet else UDP]
    length = len(bytes(layer))
    number = 6 if TCP in packet else 17
    pseudo = in4_pseudoheader(number, packet, length) if packet.version == 4 else bytes(
        in6_pseudoheader(number, layer.underlayer, length))
    layer.chksum = ~checksum(pseudo) & 0xFFFF
    return packet


def header(packet, gso, size):
    raw, layer = bytes(packet), packet[TCP if TCP in packet else UDP]
    start = len(raw) - len(bytes(layer))
    headers = len(raw) - len(bytes(layer.payload))
    return struct.pack("<BBHHHH", 1, gso, headers if gso else 0, size, start,
                       16 if TCP in packet else 6)


def cut(name, ip, transport, data, size, gso, mtu=1500, pieces=None, joins=True):
    """`transport` makes the layer of the segment at an offset; first and last are told."""
    pieces = pieces or size
    whole = partial(ip() / transport(0, True, True) / data)
    segments = []
    for number, at in enumerate(range(0, len(data) or 1, pieces)):
        segment = ip(number) / transport(at, at == 0, at + pieces >= len(data)) / data[
            at:at + pieces]
        segments.append(bytes(segment).hex())
    # The headers come back by joining only when they were nothing special.
    print("cut", name, f"header={header(whole, gso, size).hex()}", f"packet={bytes(whole).hex()}",
          f"mtu={mtu}", f"segments={','.join(segments)}", f"joins={str(joins).lower()}")


def tcp(flags, options=TIMES):
    def layer(at, first, last):
        kept = [f for f in flags if (last or f not in "PF") and (first or f != "C")]
        return TCP(sport=4000, dport=80, seq=(0xFFFFFF80 + at) & 0xFFFFFFFF, ack=77, window=9,
                   flags="".join(kept), options=options)
    return layer


def udp(at, first, last):
    return UDP(sport=4000, dport=53)


cut("tcp4", v4, tcp("PA"), text(350), 100, TCPV4)
cut("even4", v4, tcp("A", []), text(300), 100, TCPV4)
cut("odd4", lambda n=0: v4(n, flags="DF"), tcp("FPAE"), text(160), 33, TCPV4)
cut("tcp6", v6, tcp("PA"), text(350), 100, TCPV6)
cut("congested4", v4, tcp("CPA"), text(100), 60, TCPV4, joins=False)
cut("extension6", destination6, tcp("FA"), text(100), 48, TCPV6, joins=False)
cut("smaller4", v4, tcp("PA"), text(250), 200, TCPV4, mtu=152, pieces=100, joins=False)
cut("tooLong6", v6, tcp("PA", []), text(250), 0, NONE, mtu=160, pieces=100, joins=False)
cut("shorterThanOne4", v4, tcp("A"), text(50), 100, TCPV4, joins=False)
cut("unsegmented4", v4, tcp("FA"), text(51), 0, NONE, pieces=51)
cut("unsegmented6", v6, tcp("FA"), text(52), 0, NONE, pieces=52)
cut("empty4", v4, tcp("SA"), b"", 0, NONE, pieces=1, joins=False)
cut("udp4", v4, udp, text(250), 100, UDP_L4)
cut("udp6", v6, udp, text(251), 50, UDP_L4)
cut("datagram6", v6, udp, text(52), 0, NONE, pieces=52)
