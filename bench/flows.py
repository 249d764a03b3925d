"""What callers of Bumblebee and of Fish have in common: a tun, a flow, the control socket."""

import ctypes
import fcntl
import json
import os
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
QUEUE_PACKETS = 16_384
LIBC = ctypes.CDLL(None, use_errno=True)


def enter(namespace):
    handle = os.open(namespace, os.O_RDONLY)
    try:
        if LIBC.setns(handle, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(handle)


def open_tun(namespace, mtu, address, offloads=True):
    """A tun, with offloads or without, which is the only way out of the namespace."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    enter(namespace)
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    flags = IFF_TUN | IFF_NO_PI | (IFF_VNET_HDR if offloads else 0)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"tun0", flags))
    if offloads:
        fcntl.ioctl(tun, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6)
    for words in (
        f"link set tun0 mtu {mtu} txqueuelen {QUEUE_PACKETS} up",
        f"addr add {address} dev tun0",
        "route add default dev tun0",
    ):
        subprocess.run(["ip", *words.split()], check=True)
    enter(f"/proc/self/fd/{home}")
    os.close(home)
    return tun


def pair():
    """A flow that is a socket, and its other end."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, FLOW_BYTES)
    return ends


def carried(tun, mtu, command):
    """A flow; a process carries between its other end and the tun."""
    flow, other = pair()
    words = [*command, str(tun), str(other.fileno()), str(mtu)]
    subprocess.Popen(words, pass_fds=(tun, other.fileno()))
    other.close()
    os.close(tun)
    return flow.detach()


class Control:
    def __init__(self, path, app="bench", seconds=None):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(seconds)
        self.sock.connect(path)
        # Events of an app go to its newest connection.
        self.ask("hello", app=f"{app}-{os.getpid()}")

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
