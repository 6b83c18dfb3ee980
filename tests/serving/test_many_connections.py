"""Full tables: of connections, and of the system's descriptors."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

import clearsight
from support.server_process import COMMAND, Server, assert_error, serving

NUM_CLIENTS = 200


@contextmanager
def idle_connections(server: Server, count: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(server.connect()) for _ in range(count)]


def status_of(server: Server) -> int:
    with server.client() as client:
        return client.get("/healthz").status_code


def wait_for_answer(server: Server, seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while status_of(server) != 200:
        assert time.monotonic() < until, "the server does not recover"
        time.sleep(0.1)


@pytest.mark.slow
def test_few_descriptors_limit_the_connections(small_bundle: clearsight.Bundle) -> None:
    """Twice more clients than descriptors: no busy loop, one line in the log, then as before."""
    limited = ("sh", "-c", 'ulimit -n 64; exec "$@"', "sh", COMMAND, "serve")
    arguments = (f"fashion={small_bundle.path}", "--drain-seconds", "0")
    with serving(*arguments, program=limited) as server:
        assert "this process may open 64 files: `ulimit -n` raises that" in server.log
        for _ in range(2):  # two episodes
            with idle_connections(server, NUM_CLIENTS):
                time.sleep(0.2)
                before = server.processor_seconds
                time.sleep(0.6)
                assert server.processor_seconds - before < 0.2
                with server.client() as client:
                    assert_error(client.get("/healthz"), 503, "too_many_connections")
            wait_for_answer(server)
        assert server.log.count("connections are in use: others wait or get 503") == 2
        assert len(server.log.splitlines()) == 4
        assert server.stop() == 0


def test_the_limit_of_descriptors_is_raised(small_bundle: clearsight.Bundle) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limited = ("sh", "-c", 'ulimit -Sn 64; exec "$@"', "sh", COMMAND, "serve")
    with serving(f"fashion={small_bundle.path}", program=limited) as server:
        assert resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE) == (hard, hard)
        assert server.log.count("\n") == 1
        with idle_connections(server, NUM_CLIENTS):
            assert status_of(server) == 200


def test_descriptors_for_no_connection_are_one_sentence(small_bundle: clearsight.Bundle) -> None:
    limited = ("sh", "-c", 'ulimit -n 20; exec "$@"', "sh", COMMAND, "serve")
    with (
        pytest.raises(AssertionError, match="raise the limit with `ulimit -n`"),
        serving(f"fashion={small_bundle.path}", program=limited),
    ):
        pass


def test_slow_clients_are_cut_off_and_others_are_served(small_bundle: clearsight.Bundle) -> None:
    """320 clients send a header byte by byte to a server for 300 connections."""
    arguments = ("--receive-seconds", "1", "--max-connections", "300", "--drain-seconds", "0")
    with serving(f"fashion={small_bundle.path}", *arguments) as server:
        with ExitStack() as stack:
            slow = [stack.enter_context(server.connect()) for _ in range(320)]
            for connection in slow:
                connection.setblocking(False)
            statuses = []
            until = time.monotonic() + 2.2
            while time.monotonic() < until:
                for connection in slow:
                    with suppress(OSError):  # it was cut off
                        connection.send(b"G")
                statuses.append(status_of(server))
                time.sleep(0.2)
            assert set(statuses) <= {200, 503}
            assert statuses[0] == 503
            assert statuses[-1] == 200
            assert [is_open(connection) for connection in slow].count(True) == 0
        assert server.stop() == 0
        assert server.log.count("connections are in use") == 1


def is_open(connection: socket.socket) -> bool:
    """Whether the server has not closed a connection; what it sent before that is dropped."""
    try:
        while connection.recv(65_536):
            pass
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False
