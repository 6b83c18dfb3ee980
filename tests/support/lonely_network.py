"""Runs a program in a network of its own that reaches nothing, and records what it tries to reach.

Called in new network and mount namespaces: ``lonely_network.py RECORD PROGRAM [ARGUMENT...]``.
RECORD becomes JSON: the names that were looked up, and how often an address was to be reached for
which there is no way.
"""

from __future__ import annotations

import fcntl
import json
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

SIOCSIFFLAGS, IFF_UP = 0x8914, 1
HEADER_BYTES = 12
NO_SUCH_NAME = 0x8183


def raise_loopback() -> None:
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))


def become_name_server(names: list[str]) -> None:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("nameserver 127.0.0.1\n")
        file.flush()
        subprocess.run(["mount", "--bind", file.name, "/etc/resolv.conf"], check=True)

    def answer() -> None:
        while True:
            question, client = server.recvfrom(4_096)
            names.append(name_in(question))
            header = question[:2] + struct.pack(">H", NO_SUCH_NAME) + question[4:6] + bytes(6)
            server.sendto(header + question[HEADER_BYTES:], client)

    threading.Thread(target=answer, daemon=True).start()


def name_in(question: bytes) -> str:
    labels, position = [], HEADER_BYTES
    while length := question[position]:
        labels.append(question[position + 1 : position + 1 + length].decode())
        position += 1 + length
    return ".".join(labels)


def num_unreachable() -> int:
    keys, values = [
        line.split() for line in Path("/proc/net/snmp").read_text().splitlines()
        if line.startswith("Ip:")
    ]  # fmt: skip
    return int(values[keys.index("OutNoRoutes")])


if __name__ == "__main__":
    record, *program = sys.argv[1:]
    names: list[str] = []
    raise_loopback()
    become_name_server(names)
    code = subprocess.run(program, check=False).returncode
    Path(record).write_text(json.dumps({"names": names, "unreachable": num_unreachable()}))
    sys.exit(code)
