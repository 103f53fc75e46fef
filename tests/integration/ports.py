"""Ports for programs that cannot be asked which one they took."""

import random
import socket

given = set()  # to this process


def free_port(address="127.0.0.1"):
    """One that is free for UDP and TCP alike, below those that the kernel gives to outgoing connections: nobody takes it by chance meanwhile."""
    for _ in range(100):
        port = random.randrange(12000, 32000)
        if port in given:
            continue
        with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket(type=socket.SOCK_STREAM) as tcp:
            try:
                udp.bind((address, port))
                tcp.bind((address, port))
            except OSError:
                continue
            given.add(port)
            return port
    raise AssertionError(f"no port of {address} is free for both")


def lasting():
    """Addresses of a server that goes and comes back: one that the kernel chose would be given to somebody else meanwhile, now and then."""
    return {kind: f"127.0.0.1:{free_port()}" for kind in ("http", "sip")}
