#!/usr/bin/env python3
"""Writes what Debian's ip, ss and conntrack exchange with the kernel, as strace sees it.

Run as root; works in a network namespace of its own:
    unshare -n codecs/src/test/golden/netlink.py > \
        codecs/src/test/resources/dev/oxbow/codecs/netlink/golden.txt
Each line is `name hex`: sequence number, port id and hardware addresses are those of that day.
"""
import re
import socket
import subprocess
import sys
import tempfile

CALLS = "sendmsg,sendto,recvmsg,recvfrom"


def run(command):
    subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL)


def trace(command):
    """Returns [(call, bytes)] of one command's netlink messages, empty ones left out."""
    with tempfile.NamedTemporaryFile() as log:
        subprocess.run(
            ["strace", "-o", log.name, "-s", "0", "-e", f"trace={CALLS}", "-e", "write=all",
             "-e", "read=all"] + command.split(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        text = open(log.name).read()
    found = []
    buffer = 0
    for line in text.splitlines():
        if line.startswith(("send", "recv")):
            found.append((line[:4], bytearray()))
        dump = re.match(r" \| ([0-9a-f]{5})  (.{49})", line)
        if dump:
            # A message may lie in several buffers, each counted from 0.
            if int(dump.group(1), 16) not in (0, len(found[-1][1]) - buffer):
                sys.exit(f"gap in the dump of {command}: {line}")
            if int(dump.group(1), 16) == 0:
                buffer = len(found[-1][1])
            found[-1][1].extend(bytes.fromhex(dump.group(2)))
    return [(call, bytes(data)) for call, data in found if data]


def kind(message):
    return int.from_bytes(message[4:6], sys.byteorder)


def write(name, command, direction, wanted):
    """The last message of a type in a direction: ip probes the kernel with some before."""
    last = None
    for call, data in trace(command):
        while len(data) >= 16:
            length = int.from_bytes(data[:4], sys.byteorder)
            if length < 16:  # what is no message: text of ip, padding
                break
            if call == direction and kind(data) == wanted:
                last = data[:length]
            data = data[max(16, (length + 3) & ~3):]
    if last is None:
        sys.exit(f"{command} had no message of type {wanted}")
    print(name, last.hex())


def routes():
    run("ip link add d0 type veth peer name d1")
    run("ip link set d1 up txqueuelen 777 mtu 1400")
    write("link.up", "ip link set dev d0 txqueuelen 777 mtu 1400 up", "send", 16)
    write("link.reply", "ip link show dev d0", "recv", 16)
    write("link.unknown", "ip link show dev nothing", "recv", 2)
    write("address.add4", "ip address add 192.0.2.1/24 dev d0", "send", 20)
    write("address.add6", "ip address add 2001:db8::1/64 dev d0", "send", 20)
    write("address.reply4", "ip -4 address show dev d0", "recv", 20)
    write("address.delete4", "ip address del 192.0.2.1/24 dev d0", "send", 21)
    write("route.add4", "ip route add 198.51.100.0/24 dev d0", "send", 24)
    write("route.table", "ip route add 198.51.100.0/24 dev d0 table 1000 metric 5", "send", 24)
    write("route.add6", "ip route add 2001:db8:1::/48 dev d0", "send", 24)
    write("route.local", "ip route add local default dev lo table 100", "send", 24)
    write("route.blackhole", "ip route add blackhole 100.64.0.0/10 metric 9000", "send", 24)
    write("route.again", "ip route add blackhole 100.64.0.0/10 metric 9000", "recv", 2)
    write("route.reply", "ip route show table 1000", "recv", 24)
    write("route.delete", "ip route del blackhole 100.64.0.0/10 metric 9000", "send", 25)
    write("route.refused", "ip route add 203.0.113.0/24 via 203.0.113.1 dev d0", "recv", 2)


def sockets():
    run("ip link set lo up")
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, 4321))
        listener.listen()
        client = socket.socket(family)
        client.bind((address, 1234))
        client.connect((address, 4321))
        version = "4" if family == socket.AF_INET else "6"
        write(f"socket.dump{version}", f"ss -{version}tn state established", "send", 20)
        write(f"socket.reply{version}", f"ss -{version}tn state established sport = 1234", "recv",
              20)
        client.close()
        listener.close()


def conntrack():
    """Kernel and conntrack talk about translated connections, as Fish does."""
    udp = "-p udp -s 100.64.0.1 -d 198.51.100.9 --sport 1000 --dport 53"
    tcp = "-p tcp -s 100.64.0.1 -d 198.51.100.9 --sport 1000 --dport 443"
    udp6 = "-p udp -s 2001:db8::1 -d 2001:db8:1::9 --sport 1000 --dport 53"
    tcp6 = "-p tcp -s 2001:db8::1 -d 2001:db8:1::9 --sport 1000 --dport 443"
    icmp = "-p icmp -s 100.64.0.1 -d 198.51.100.9 --icmp-type 8 --icmp-code 0 --icmp-id 1234"
    icmp6 = ("-p icmpv6 -s 2001:db8::1 -d 2001:db8:1::9 --icmpv6-type 128"
             " --icmpv6-code 0 --icmpv6-id 1234")
    new, get, delete = 0x100, 0x101, 0x102
    for name, what, nat in (("udp", udp, "203.0.113.7:20001"), ("tcp", tcp, "203.0.113.7:20001"),
                            ("udp6", udp6, "[2001:db8:2::7]:20001"),
                            ("tcp6", tcp6, "[2001:db8:2::7]:20001"),
                            ("icmp", icmp, "203.0.113.7"), ("icmp6", icmp6, "2001:db8:2::7")):
        state = "--state SYN_SENT " if name.startswith("tcp") else ""
        write(f"conntrack.insert.{name}",
              f"conntrack -I {what} {state}--src-nat {nat} -t 300 -m 77", "send", new)
        write(f"conntrack.get.{name}", f"conntrack -G {what}", "send", get)
        write(f"conntrack.reply.{name}", f"conntrack -G {what}", "recv", new)
        write(f"conntrack.delete.{name}", f"conntrack -D {what}", "send", delete)
    write("conntrack.dump", "conntrack -L -m 77/255", "send", get)


if __name__ == "__main__":
    routes()
    sockets()
    conntrack()
