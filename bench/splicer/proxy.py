#!/usr/bin/env python3
"""The smallest proxy there is: accepts, connects, hands both sockets to Splicer, and closes them
when they come back. What is measured is the service, which this leaves alone with the bytes.

usage: proxy.py SPLICER_SOCKET LISTEN_ADDRESS PORT:TARGET_ADDRESS:TARGET_PORT...
"""

import array
import json
import os
import selectors
import socket
import sys


def control_connection(path):
    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    control.connect(path)
    hello = {"op": "hello", "id": 0, "app": f"bench-{os.getpid()}"}
    control.sendall(json.dumps(hello).encode())
    return control


def hand_over(control, accepted, target):
    try:
        connected = socket.create_connection(target)
    except OSError as e:
        print(f"{target}: {e}", file=sys.stderr, flush=True)
        accepted.close()
        return
    for side in (accepted, connected):
        side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    fds = array.array("i", [accepted.fileno(), connected.fileno()])
    request = json.dumps({"op": "splice", "id": 1, "fds": ["a", "b"]}).encode()
    control.sendmsg([request], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
    accepted.close()
    connected.close()


def take_message(control):
    data, ancillary, _, _ = control.recvmsg(65536, socket.CMSG_SPACE(253 * 4))
    if not data:
        sys.exit("the service closed the connection")
    for _, _, content in ancillary:
        fds = array.array("i")
        fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
        for fd in fds:
            os.close(fd)
    if b'"error"' in data[:60]:
        print(data.decode(), file=sys.stderr, flush=True)


def main(path, address, *routes):
    control = control_connection(path)
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ, None)
    for route in routes:
        port, target_address, target_port = route.split(":")
        listener = socket.create_server((address, int(port)), backlog=4096)
        selector.register(listener, selectors.EVENT_READ, (target_address, int(target_port)))
    while True:
        for key, _ in selector.select():
            if key.data is None:
                take_message(control)
            else:
                hand_over(control, key.fileobj.accept()[0], key.data)


if __name__ == "__main__":
    main(*sys.argv[1:])
