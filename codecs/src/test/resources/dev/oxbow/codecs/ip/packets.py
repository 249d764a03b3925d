"""Writes packets.txt, the packets that GoldenPacketsTest expects, with Scapy (2.5.0 of Debian 12).

Scapy builds and takes apart all of them, so that not one byte is by the code that is tested.
Run it as: /usr/bin/python3 packets.py > packets.txt
A line is a kind, a name and fields; packets are in hexadecimal.
"""

import random
import struct

from scapy.all import (ICMP, IP, TCP, UDP, ICMPv6DestUnreach, ICMPv6EchoRequest, ICMPv6PacketTooBig,
                       ICMPv6TimeExceeded, IPOption_RR, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                       IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, PadN, Raw)

random.seed(1)
C4, S4, N4 = "10.1.2.3", "192.0.2.80", "172.16.255.254"
C6, S6, N6 = "2001:db8::c", "2001:db8:ffff::80", "fd00:1:2:3:4:5:6:7"
OPTIONS = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (123456789, 0)), ("NOP", None),
           ("WScale", 7)]


def text(length):
    return bytes(random.randrange(256) for _ in range(length))


def line(kind, name, **fields):
    values = ((k, bytes(v).hex() if isinstance(v, (bytes, IP, IPv6)) else v)
              for k, v in fields.items())
    print(kind, name, *(f"{k}={v}" for k, v in values))


def tcp(flags="A", data=b"", options=(), **more):
    return TCP(sport=40000, dport=443, seq=0x89ABCDEF, ack=0x12345678, flags=flags, window=501,
               options=list(options), **more) / data


def parsed(name, packet, transport, wire=bytes):
    """What Scapy finds in the bytes; `transport` is the layer that the view must find."""
    packet = packet.__class__(bytes(packet))
    v4 = packet.version == 4
    layer = packet[transport]
    total = len(bytes(packet))
    fields = dict(version=packet.version, header=total - len(bytes(layer)), source=packet.src,
                  destination=packet.dst, hops=packet.ttl if v4 else packet.hlim,
                  trafficClass=packet.tos if v4 else packet.tc)
    fields["protocol"] = {TCP: 6, UDP: 17, ICMP: 1}.get(transport, 58)
    if v4:
        fields["identification"] = packet.id
        fields["dontFragment"] = str(bool(packet.flags.DF)).lower()
    if transport in (TCP, UDP):
        fields.update(ports=f"{layer.sport},{layer.dport}", payload=len(layer.payload))
    if transport is TCP:
        options = dict((o[0], o[1]) for o in layer.options if o[0] != "NOP")
        fields.update(seq=layer.seq, ack=layer.ack, flags=int(layer.flags), window=layer.window,
                      mss=options.get("MSS", -1), scale=options.get("WScale", -1))
    if transport not in (TCP, UDP):
        fields.update(type=layer.type, code=layer.code)
        if hasattr(layer, "id"):
            fields.update(echo=layer.id)
    line("parse", name, packet=wire(packet), **fields)


def extensions():
    return (IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * 4)])
            / IPv6ExtHdrRouting(type=2, segleft=0, addresses=["2001:db8::9"])
            / IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 12)]))


def well_formed():
    parsed("syn4", IP(src=C4, dst=S4, id=7, flags="DF", ttl=63, tos=0x28)
           / tcp("S", options=OPTIONS), TCP)
    parsed("data4", IP(src=C4, dst=S4, id=0xFFFF) / tcp("PA", text(33), OPTIONS[2:4]), TCP)
    parsed("options4", IP(src=C4, dst=S4, options=[IPOption_RR(routers=["0.0.0.0"] * 3)])
           / tcp("FA"), TCP)
    parsed("udp4", IP(src=C4, dst=S4) / UDP(sport=5353, dport=53) / text(9), UDP)
    parsed("udpEmpty4", IP(src=C4, dst=S4) / UDP(sport=5353, dport=53), UDP)
    parsed("udpWithout4", IP(src=C4, dst=S4) / UDP(sport=5353, dport=53, chksum=0) / text(9), UDP)
    parsed("echo4", IP(src=C4, dst=S4) / ICMP(type=8, id=0x1234, seq=2) / text(56), ICMP)
    parsed("syn6", IPv6(src=C6, dst=S6, hlim=3, tc=0xB9, fl=0xABCDE)
           / tcp("SEC", options=OPTIONS), TCP)
    parsed("data6", IPv6(src=C6, dst=S6) / tcp("A", text(61)), TCP)
    parsed("extensions6", IPv6(src=C6, dst=S6) / extensions() / tcp("A", text(5)), TCP)
    parsed("atomic6", IPv6(src=C6, dst=S6) / IPv6ExtHdrFragment(id=9) / tcp("A", text(5)), TCP)
    parsed("udp6", IPv6(src=C6, dst=S6) / UDP(sport=1, dport=65535) / text(10), UDP)
    parsed("echo6", IPv6(src=C6, dst=S6) / ICMPv6EchoRequest(id=77, data=text(8)),
           ICMPv6EchoRequest)
    # The same with an authentication header of the same length, which Scapy does not look behind.
    parsed("authenticated6", IPv6(src=C6, dst=S6)
           / IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 20)]) / tcp("A", text(4)), TCP,
           lambda packet: patched(patched(packet, 6, b"\x33"), 40, b"\x06\x04" + bytes(22)))


def rewritten(name, packet, changes, **fields):
    """`changes` maps fields of the IP layer and of the transport to new values."""
    before = bytes(packet)
    after = packet.__class__(before)
    line("rewrite", name, before=before, after=changes(after), **fields)


def fresh(packet):
    """Computes every checksum and length again."""
    layer = packet
    while layer:
        for field in ("chksum", "cksum"):
            if field in layer.fields:
                layer.delfieldval(field)
        layer = layer.payload
    return packet.__class__(bytes(packet))


def moved(source, address, port):
    def change(packet):
        setattr(packet, "src" if source else "dst", address)
        layer = packet.lastlayer() if TCP not in packet and UDP not in packet else packet[
            TCP if TCP in packet else UDP]
        if port >= 0:
            setattr(layer, "sport" if source else "dport", port)
        return fresh(packet)
    return change


def quote_moved(source, address, port):
    """Changes the packet in an ICMP error, as its sender had sent it."""
    def change(packet):
        error = packet.payload
        inner = (IP if packet.version == 4 else IPv6)(bytes(error.payload))
        inner = moved(source, address, port)(inner)
        error.remove_payload()
        return fresh(packet / Raw(bytes(inner)))
    return change


def rewrites():
    packets = [
        ("tcp4", IP(src=C4, dst=S4, id=3) / tcp("PA", text(31), OPTIONS[2:4]), N4, 4444),
        ("udp4", IP(src=C4, dst=S4, id=3) / UDP(sport=9, dport=9) / text(32), N4, 0),
        ("echo4", IP(src=C4, dst=S4) / ICMP(id=5, seq=6) / text(7), N4, -1),
        ("tcp6", IPv6(src=C6, dst=S6) / tcp("A", text(30)), N6, 65535),
        ("extensions6", IPv6(src=C6, dst=S6) / extensions() / tcp("A", text(3)), N6, 2),
        ("udp6", IPv6(src=C6, dst=S6) / UDP(sport=9, dport=9) / text(1), N6, 10),
        ("echo6", IPv6(src=C6, dst=S6) / ICMPv6EchoRequest(id=77, data=text(8)), N6, -1),
    ]
    for name, packet, address, port in packets:
        for source in (True, False):
            rewritten(name + ("Source" if source else "Destination"), packet,
                      moved(source, address, port), address=address, port=port,
                      what="source" if source else "destination")
    for name, packet, address, port in packets:
        v4 = packet.version == 4
        inner = bytes(fresh(packet))
        error = (IP(src=S4, dst=C4) / ICMP(type=3, code=4, nexthopmtu=1400) if v4 else
                 IPv6(src=S6, dst=C6) / ICMPv6PacketTooBig(mtu=1400)) / Raw(inner)
        for source in (True, False):
            rewritten(name + ("QuotedSource" if source else "QuotedDestination"), error,
                      quote_moved(source, address, port), address=address, port=port,
                      what="quotedSource" if source else "quotedDestination")


def clamps():
    for name, ip in (("4", IP(src=C4, dst=S4)), ("6", IPv6(src=C6, dst=S6))):
        for nops in range(4):
            options = [("NOP", None)] * nops + [("MSS", 8960), ("WScale", 9)]
            before = ip / tcp("S", options=options)
            options[nops] = ("MSS", 1360)
            line("clamp", f"nops{nops}v{name}", before=before,
                 after=ip / tcp("S", options=options), mss=1360)
    syn = IP(src=C4, dst=S4) / tcp("S", options=OPTIONS)
    line("clamp", "smaller", before=syn, after=syn, mss=1461)
    syn = IP(src=C4, dst=S4) / tcp("S", options=OPTIONS[1:])
    line("clamp", "none", before=syn, after=syn, mss=500)


def resets():
    for name, ip, back in (
            ("4", IP(src=C4, dst=S4), IP(src=S4, dst=C4, id=0, flags="DF", ttl=64)),
            ("6", IPv6(src=C6, dst=S6), IPv6(src=S6, dst=C6, hlim=64))):
        reset = TCP(sport=443, dport=40000, flags="R", seq=0x12345678, window=0)
        line("reset", "acknowledging" + name, about=ip / tcp("PA", text(10)), answer=back / reset)
        for flags, length in (("S", 1), ("SF", 12), ("", 10)):
            data = text(10) if length >= 10 else b""
            reset = TCP(sport=443, dport=40000, flags="RA", seq=0, window=0,
                        ack=(0x89ABCDEF + length) & 0xFFFFFFFF)
            line("reset", f"flags{flags}v{name}", about=ip / tcp(flags, data), answer=back / reset)
        for flags in ("R", "RA"):
            line("reset", f"ofReset{flags}v{name}", about=ip / tcp(flags), answer=b"")


def errors():
    big4 = IP(src=C4, dst=S4, flags="DF") / tcp("A", text(700))
    small4 = IP(src=C4, dst=S4) / UDP(sport=1, dport=2) / text(3)
    big6 = IPv6(src=C6, dst=S6) / tcp("A", text(1300))
    small6 = IPv6(src=C6, dst=S6) / UDP(sport=1, dport=2) / text(3)
    icmp4 = {"TOO_BIG": ICMP(type=3, code=4, nexthopmtu=1280), "HOST_UNREACHABLE": ICMP(type=3, code=1),
             "PORT_UNREACHABLE": ICMP(type=3, code=3), "PROHIBITED": ICMP(type=3, code=13),
             "TIME_EXCEEDED": ICMP(type=11, code=0),
             "REASSEMBLY_TIME_EXCEEDED": ICMP(type=11, code=1)}
    icmp6 = {"TOO_BIG": ICMPv6PacketTooBig(mtu=1280),
             "HOST_UNREACHABLE": ICMPv6DestUnreach(code=3),
             "PORT_UNREACHABLE": ICMPv6DestUnreach(code=4),
             "PROHIBITED": ICMPv6DestUnreach(code=1), "TIME_EXCEEDED": ICMPv6TimeExceeded(code=0),
             "REASSEMBLY_TIME_EXCEEDED": ICMPv6TimeExceeded(code=1)}
    for error, icmp in icmp4.items():
        back = IP(src=N4, dst=C4, id=0, flags="DF", ttl=64) / icmp
        for name, about in (("big4", big4), ("small4", small4))[error != "TOO_BIG":]:
            line("error", name + error, about=about, error=error, source=N4,
                 mtu=1280 if error == "TOO_BIG" else 0, answer=back / Raw(bytes(about)[:548]))
    for error, icmp in icmp6.items():
        back = IPv6(src=N6, dst=C6, hlim=64) / icmp
        for name, about in (("big6", big6), ("small6", small6))[error != "TOO_BIG":]:
            line("error", name + error, about=about, error=error, source=N6,
                 mtu=1280 if error == "TOO_BIG" else 0, answer=back / Raw(bytes(about)[:1232]))
    silent = [
        IP(src=C4, dst=S4) / ICMP(type=3, code=1) / Raw(bytes(small4)),
        IP(src=C4, dst=S4) / ICMP(type=5, code=1) / Raw(bytes(small4)),
        IP(src=C4, dst=S4, frag=3) / text(8), IP(src="0.0.0.0", dst=S4) / UDP(),
        IP(src=C4, dst="224.0.0.1") / UDP(), IP(src="255.255.255.255", dst=S4) / UDP(),
        IPv6(src=C6, dst=S6) / ICMPv6TimeExceeded() / Raw(bytes(small6)),
        IPv6(src="::", dst=S6) / UDP(), IPv6(src="ff02::1", dst=S6) / UDP(),
        IPv6(src=C6, dst="ff02::1") / UDP()]
    for i, about in enumerate(silent):
        line("error", f"silent{i}", about=about, error="PORT_UNREACHABLE", source=N4, mtu=0,
             answer=b"")


def header4(packet, at, value):
    """Changes bytes of an IPv4 packet and makes its header's checksum right again."""
    raw = bytearray(bytes(packet))
    raw[at:at + len(value)] = value
    length = (raw[0] & 15) * 4
    raw[10:12] = b"\0\0"
    total = sum(struct.unpack(f"!{length // 2}H", raw[:length])) if length <= len(raw) else 0
    total = (total & 0xFFFF) + (total >> 16)
    raw[10:12] = struct.pack("!H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF)
    return bytes(raw)


def patched(packet, at, value):
    raw = bytearray(bytes(packet))
    raw[at:at + len(value)] = value
    return bytes(raw)


def defects():
    t4 = bytes(IP(src=C4, dst=S4) / tcp("A", text(8)))
    u4 = bytes(IP(src=C4, dst=S4) / UDP(sport=1, dport=2) / text(8))
    t6 = bytes(IPv6(src=C6, dst=S6) / tcp("A", text(8)))
    e6 = bytes(IPv6(src=C6, dst=S6) / extensions() / tcp("A", text(8)))
    f6 = bytes(IPv6(src=C6, dst=S6) / IPv6ExtHdrFragment(id=9, offset=1, m=1) / Raw(text(16)))
    o4 = bytes(IP(src=C4, dst=S4, options=[IPOption_RR(routers=["0.0.0.0"] * 2)]) / UDP())
    wrong = [
        ("empty", "truncated", b""), ("oneByte4", "truncated", t4[:1]),
        ("version0", "bad-version", patched(t4, 0, b"\x05")),
        ("version5", "bad-version", patched(t4, 0, b"\x55")),
        ("short4", "truncated", t4[:19]), ("cut4", "truncated", t4[:-1]),
        ("header4", "bad-header", header4(t4, 0, b"\x44")),
        ("total4", "bad-header", header4(t4, 2, b"\0\x13")),
        ("headerBeyondTotal4", "bad-header", header4(u4, 0, b"\x4f")),
        ("checksum4", "bad-checksum", patched(t4, 8, b"\x01")),
        ("option4", "bad-header", header4(o4, 21, b"\x01")),
        ("optionBeyond4", "bad-header", header4(o4, 21, bytes([13]))),
        ("loose4", "source-route", header4(o4, 20, b"\x83")),
        ("strict4", "source-route", header4(o4, 20, b"\x01\x89\x07")),
        ("fragmentEmpty4", "bad-fragment", IP(src=C4, dst=S4, frag=1)),
        ("fragmentOdd4", "bad-fragment", IP(src=C4, dst=S4, flags="MF") / text(15)),
        ("fragmentBeyond4", "bad-fragment", IP(src=C4, dst=S4, frag=8190) / text(16)),
        ("noTcp4", "truncated", IP(src=C4, dst=S4, proto=6) / text(19)),
        ("tcpOffset4", "bad-header", patched(t4, 32, b"\x40")),
        ("tcpBeyond4", "truncated", patched(t4, 32, b"\x80")),
        ("noUdp4", "truncated", IP(src=C4, dst=S4, proto=17) / text(7)),
        ("udpLength4", "bad-header", patched(u4, 24, b"\0\x07")),
        ("udpBeyond4", "truncated", patched(u4, 24, b"\0\x11")),
        ("noIcmp4", "truncated", IP(src=C4, dst=S4, proto=1) / text(7)),
        ("short6", "truncated", t6[:39]), ("cut6", "truncated", t6[:-1]),
        ("extensionCut6", "truncated", IPv6(src=C6, dst=S6, nh=0) / b"\x06\0\x01\x04\0\0\0"),
        ("extensionBeyond6", "truncated", patched(e6, 41, b"\x20")),
        ("hopByHopSecond6", "bad-header", patched(e6, 40, b"\0")),
        ("routing6", "source-route",
         IPv6(src=C6, dst=S6) / IPv6ExtHdrRouting(segleft=1, addresses=[N6]) / tcp()),
        ("tooMany6", "bad-header",
         IPv6(src=C6, dst=S6, nh=60) / (b"\x3c\0\x01\x04\0\0\0\0" * 8 + b"\x06\0\x01\x04\0\0\0\0"
                                        + bytes(tcp()))),
        ("fragmentTwice6", "bad-header",
         IPv6(src=C6, dst=S6) / IPv6ExtHdrFragment() / IPv6ExtHdrFragment() / tcp()),
        ("fragmentOdd6", "bad-fragment", patched(f6[:-1], 4, b"\0\x17")),
        ("fragmentEmpty6", "bad-fragment", patched(f6[:48], 4, b"\0\x08")),
        ("fragmentBeyond6", "bad-fragment", patched(f6, 42, b"\xff\xf8")),
        ("noTcp6", "truncated", IPv6(src=C6, dst=S6, nh=6) / text(19)),
        ("jumbo6", "truncated", IPv6(src=C6, dst=S6, nh=0, plen=0) / b"\x06\0\xc2\x04\0\1\0\0"),
    ]
    for name, reason, packet in wrong:
        line("defect", name, reason=reason, packet=bytes(packet))


well_formed()
rewrites()
clamps()
resets()
errors()
defects()
