"""`examples`: the examples at the end of a command's help."""


def examples(*commands: str) -> str:
    """Return commands, without the program's name, as lines that `--help` shows as they are.

    They work when they are pasted, in a folder with a run; a test does that.
    """
    lines = [f"  clearsight {command}" for command in commands]
    return "\n".join(["\b", f"Example{'s' if len(lines) > 1 else ''}:", *lines])  # \b: unwrapped
