#!/usr/bin/env python3
"""Connections that do nothing: the far end of them, and the near end.

usage: idle.py serve ADDRESS PORT
       idle.py hold ADDRESS PORT COUNT GROUP ROUNDS

`serve` echoes. `hold` first opens GROUP connections, exchanges 64 bytes on each and closes them,
ROUNDS times; then it opens COUNT, exchanges 64 bytes on each, says "ready" and keeps them.
"""

import selectors
import signal
import socket
import sys

MESSAGE = b"x" * 64


def serve(address, port):
    selector = selectors.DefaultSelector()
    listener = socket.create_server((address, int(port)), backlog=4096)
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                selector.register(listener.accept()[0], selectors.EVENT_READ)
                continue
            try:
                data = key.fileobj.recv(4096)
                if data:
                    key.fileobj.sendall(data)
                    continue
            except ConnectionError:
                pass
            selector.unregister(key.fileobj)
            key.fileobj.close()


def connected(target):
    connection = socket.create_connection(target, timeout=10)
    connection.sendall(MESSAGE)
    return connection


def exchange(connections):
    for connection in connections:
        received = 0
        while received < len(MESSAGE):
            data = connection.recv(len(MESSAGE))
            if not data:
                sys.exit("a connection was closed from the other side")
            received += len(data)


def hold(address, port, count, group, rounds):
    target = (address, int(port))
    size = int(group)
    for _ in range(int(rounds)):
        connections = [connected(target) for _ in range(size)]
        exchange(connections)
        for connection in connections:
            connection.close()
    connections = []
    while len(connections) < int(count):
        some = [connected(target) for _ in range(min(size, int(count) - len(connections)))]
        exchange(some)
        connections += some
    print("ready", flush=True)
    signal.pause()


if __name__ == "__main__":
    {"serve": serve, "hold": hold}[sys.argv[1]](*sys.argv[2:])
