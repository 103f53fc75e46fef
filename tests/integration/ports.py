"""Ports for programs that cannot be asked which one they took."""

import random
import socket


def free_port(address="127.0.0.1"):
    """One that is free for UDP and TCP alike, below those that the kernel gives to outgoing connections: nobody takes it by chance meanwhile."""
    for _ in range(100):
        port = random.randrange(12000, 32000)
        with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket(type=socket.SOCK_STREAM) as tcp:
            try:
                udp.bind((address, port))
                tcp.bind((address, port))
                return port
            except OSError:
                continue
    raise AssertionError(f"no port of {address} is free for both")
