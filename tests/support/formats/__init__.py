"""Data sets written in every format that clearsight reads, intact and broken."""
