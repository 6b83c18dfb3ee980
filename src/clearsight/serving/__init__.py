"""From a bundle to answers over HTTP.

A request passes `protocol.py` (the connection), `gate.py` (who may ask), a route of
`images_api.py` or `inference_api.py` (what is asked), `admission.py` (whether there is room), a
thread that decodes it, and `batching.py` (the network). FastAPI and uvicorn are imported by the
files that need them.
"""
