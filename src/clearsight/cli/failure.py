"""What a command prints when it fails: one sentence, and with ``--json`` also an object."""

from __future__ import annotations

import sys

from clearsight.cli.closed_output import has_printed
from clearsight.cli.output import ERROR, print_json, print_message


def report_failure(sentence: str, prefix: str = "", style: str = ERROR) -> None:
    """Print on stderr why a command failed, and ``{"error": SENTENCE}`` on stdout with ``--json``.

    There is no such object after a result, as of images of which some cannot be read. The arguments
    are read as typed, because a mistake in them may keep click from parsing them.

    Args:
        sentence: why it failed.
        prefix: text before the sentence on stderr.
        style: of the sentence on a terminal.
    """
    wants_json = "--json" in sys.argv[1 : [*sys.argv, "--"].index("--")]
    if wants_json and not has_printed():
        print_json({"error": sentence})
    if sys.stdout is not None:
        sys.stdout.flush()
    print_message(prefix + sentence, style)
