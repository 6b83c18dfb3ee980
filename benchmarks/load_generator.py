"""Asking a server from many connections, as cheaply as Python can, and checking every answer."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from dataclasses import dataclass, field

CLOSE = 1e-3  # of a probability; servers sum in different orders


@dataclass(frozen=True)
class Question:
    """One request and what its answer must say.

    Attributes:
        request: its bytes, header and body.
        label: the most probable class.
        probability: of that class.
    """

    request: bytes
    label: int
    probability: float


@dataclass
class Answers:
    """The results of a load test.

    Attributes:
        latencies: seconds of each right answer.
        num_wrong: answers with another class or probability.
        num_failed: answers with another status than 200, and connections that broke.
        seconds: how long it took altogether.
    """

    latencies: list[float] = field(default_factory=list)
    num_wrong: int = 0
    num_failed: int = 0
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        """Right answers a second."""
        return len(self.latencies) / self.seconds

    def quantile(self, fraction: float) -> float:
        """Return the seconds within which this fraction of the answers came."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(fraction * len(ordered)))]


def form_request(path: str, image: bytes) -> bytes:
    """Return a request that sends an image as a form does; both servers take that."""
    mark = b"----image"
    body = (
        b"--" + mark + b'\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + image + b"\r\n--" + mark + b"--\r\n"
    )
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: multipart/form-data; boundary={mark.decode()}\r\n\r\n"
    )
    return head.encode() + body


def closed_load(port: int, questions: list[Question], num_clients: int, seconds: float) -> Answers:
    """Ask from so many clients, each of which asks again as soon as it is answered."""
    return asyncio.run(_load(port, questions, num_clients, seconds, None))


def open_load(port: int, questions: list[Question], per_second: float, seconds: float) -> Answers:
    """Ask so often a second, whether or not answers come; latencies count from the due time."""
    return asyncio.run(_load(port, questions, 64, seconds, per_second))


async def _load(
    port: int,
    questions: list[Question],
    num_clients: int,
    seconds: float,
    per_second: float | None,
) -> Answers:
    answers, turn = Answers(), itertools.count()
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(num_clients)]
    started = time.perf_counter()

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                number = next(turn)
                due = time.perf_counter()
                if per_second is not None:
                    due = started + number / per_second
                if due - started > seconds:
                    return
                if (early := due - time.perf_counter()) > 0:
                    await asyncio.sleep(early)
                question = questions[number % len(questions)]
                writer.write(question.request)
                _note(answers, question, *await _answer(reader), time.perf_counter() - due)
        except (OSError, asyncio.IncompleteReadError):
            answers.num_failed += 1
        finally:
            writer.close()

    await asyncio.gather(*(client(*stream) for stream in streams))
    answers.seconds = time.perf_counter() - started
    return answers


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(line for line in lines if line.startswith(b"content-length:"))
    return int(head.split(b" ", 2)[1]), await reader.readexactly(int(length.split(b":")[1]))


def _note(answers: Answers, question: Question, status: int, body: bytes, latency: float) -> None:
    if status != 200:
        answers.num_failed += 1
        return
    (found,) = json.loads(body)["predictions"]
    is_close = abs(found["probability"] - question.probability) < CLOSE
    if found["label"] == question.label and is_close:
        answers.latencies.append(latency)
    else:
        answers.num_wrong += 1
