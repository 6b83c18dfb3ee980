"""The web page, one file that loads nothing else."""

import base64
import hashlib
import re
from importlib.resources import files

PAGE = (files("clearsight.serving") / "page.html").read_bytes()


def _source(tag: str) -> str:
    """Return the Content-Security-Policy hash of the page's only element with a tag."""
    found = re.search(rb"<%b>(.*?)</%b>" % (tag.encode(), tag.encode()), PAGE, re.DOTALL)
    assert found is not None
    digest = base64.b64encode(hashlib.sha256(found.group(1)).digest()).decode()
    return f"'sha256-{digest}'"


PAGE_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; script-src {_source('script')}; style-src {_source('style')}; "
        "img-src blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
}
