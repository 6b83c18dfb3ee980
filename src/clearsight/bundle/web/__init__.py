"""The page that classifies images, and a bundle with it as a folder for any static server.

`page/` holds the page, which `clearsight serve` uses too. It has two backends: a network in the
browser (`browser.js`), where JavaScript prepares images exactly as `data.preparation` does, and a
server (`server.js`).
"""
