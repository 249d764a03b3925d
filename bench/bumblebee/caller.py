#!/usr/bin/env python3
"""The smallest gateway there is: gives Bumblebee a flow, connects each of its clients to where it
wants to go, and leaves the rest to Splicer. It touches no packet and no byte.

usage: caller.py RUNTIME_DIR NETNS MTU vnet
           the client's tun is the flow
       caller.py RUNTIME_DIR NETNS MTU seqpacket COMMAND...
           the flow is a socket; COMMAND, with the numbers of the tun and of the other socket and
           the MTU, carries between the two
"""

import os
import selectors
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

from flows import Control, carried, open_tun  # noqa: E402

CLIENT_ADDRESS = "10.7.0.2/24"


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
    flow = open_tun(namespace, mtu, CLIENT_ADDRESS)
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
