"""Lets ``python -m clearsight`` run the command line, also where its script is not on the path."""

from clearsight.cli.main import main

if __name__ == "__main__":
    main()
