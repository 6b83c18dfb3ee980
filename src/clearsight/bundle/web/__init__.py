"""A bundle as a web page: a folder for any static server, since all code runs in the browser.

`page/` holds the page itself, whose JavaScript prepares images exactly as `data.preparation` does.
"""
