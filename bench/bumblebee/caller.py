#!/usr/bin/env python3
"""The smallest gateway there is: gives Bumblebee a flow, connects each of its clients to where it
wants to go, and leaves the rest to Splicer. It touches no packet and no byte.

usage: caller.py RUNTIME_DIR NETNS MTU vnet
           the client's tun is the flow
       caller.py RUNTIME_DIR NETNS MTU seqpacket COMMAND...
           the flow is a socket; COMMAND, with the numbers of the tun and of the other socket and
           the MTU, carries between the two
"""

import ctypes
import fcntl
import json
import os
import selectors
import socket
import struct
import subprocess
import sys

CLONE_NEWNET = 0x40000000
TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x0001, 0x1000, 0x4000
TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6 = 1, 2, 4
SO_SNDBUFFORCE = 32
# Bytes that a flow takes before it is full: about 450 packets of 1,500.
FLOW_BYTES = 1 << 20
CLIENT_ADDRESS = "10.7.0.2/24"
QUEUE_PACKETS = 16_384
LIBC = ctypes.CDLL(None, use_errno=True)


def enter(namespace):
    handle = os.open(namespace, os.O_RDONLY)
    try:
        if LIBC.setns(handle, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(handle)


def open_tun(namespace, mtu):
    """A tun with offloads, which is the only way out of the namespace."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    enter(namespace)
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"tun0", flags))
    fcntl.ioctl(tun, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6)
    for words in (
        f"link set tun0 mtu {mtu} txqueuelen {QUEUE_PACKETS} up",
        f"addr add {CLIENT_ADDRESS} dev tun0",
        "route add default dev tun0",
    ):
        subprocess.run(["ip", *words.split()], check=True)
    enter(f"/proc/self/fd/{home}")
    os.close(home)
    return tun


def carried(tun, mtu, command):
    """One end of a pair of sockets; a process carries between the other end and the tun."""
    flow, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (flow, other):
        end.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, FLOW_BYTES)
    words = [*command, str(tun), str(other.fileno()), str(mtu)]
    subprocess.Popen(words, pass_fds=(tun, other.fileno()))
    other.close()
    os.close(tun)
    return flow.detach()


class Control:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.connect(path)
        self.ask("hello", app=f"bench-{os.getpid()}")

    def ask(self, op, numbers=(), **fields):
        request = json.dumps({"op": op, "id": 1, **fields}).encode()
        socket.send_fds(self.sock, [request], list(numbers))

    def take(self):
        """The next message and the descriptors that came with it."""
        data, numbers, _, _ = socket.recv_fds(self.sock, 65536, 253, socket.MSG_CMSG_CLOEXEC)
        if not data:
            sys.exit("the service closed the connection")
        message = json.loads(data)
        if "error" in message:
            print(data.decode(), file=sys.stderr, flush=True)
        return message, numbers


def connected(event, numbers, splicer):
    client = socket.socket(fileno=numbers[0])
    host, _, port = event["destination"].rpartition(":")
    try:
        server = socket.create_connection((host, int(port)), 5)
    except OSError as e:
        print(f"{host}:{port}: {e}", file=sys.stderr, flush=True)
        client.close()
        return
    for side in (client, server):
        side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    splicer.ask("splice", (client.fileno(), server.fileno()), fds=["a", "b"])
    client.close()
    server.close()


def main(runtime, namespace, mtu, kind, *command):
    flow = open_tun(namespace, mtu)
    if kind == "seqpacket":
        flow = carried(flow, mtu, command)
    bumblebee = Control(os.path.join(runtime, "bumblebee.sock"))
    splicer = Control(os.path.join(runtime, "splicer.sock"))
    bumblebee.ask("upgrade", (flow,), fds=["flow"], mtu=int(mtu))
    os.close(flow)
    selector = selectors.DefaultSelector()
    for control in (bumblebee, splicer):
        selector.register(control.sock, selectors.EVENT_READ, control)
    while True:
        for key, _ in selector.select():
            message, numbers = key.data.take()
            if message.get("event") == "connected":
                connected(message, numbers, splicer)
            else:
                for number in numbers:
                    os.close(number)


if __name__ == "__main__":
    main(*sys.argv[1:])
