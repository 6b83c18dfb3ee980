"""A bundle as a page for browsers: one folder for any static server, nothing runs on the server.

`page/` holds the page itself, whose JavaScript prepares images as `data.preparation` does.
"""
