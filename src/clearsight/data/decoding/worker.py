"""A process that runs one `DecodeJob`, pickled on its standard input.

It needs nothing of the program that starts it, so that decoding works from notebooks and from
scripts without a main guard.
"""

import json
import os
import pickle
import sys
import threading

from clearsight.data.decoding.job import DecodeJob, run_job


def main() -> None:
    """Run the job; exit at once if the parent process ends."""
    job: DecodeJob = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    with job.events_path.open("ab", buffering=0) as events:
        for event in run_job(job):
            line = b"%d\n" % event if isinstance(event, int) else json.dumps(event).encode() + b"\n"
            events.write(line)


def _exit_with_parent() -> None:
    # Empty when the parent's end is closed, for whatever reason. Not through sys.stdin, whose lock
    # would make the interpreter abort when it ends.
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
