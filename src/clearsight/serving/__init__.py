"""An HTTP server for bundles.

A request passes `acceptor.py` and `connection.py` (limits of connections), `middleware.py` (access
control), a route of `images_api.py` or `inference_api.py`, `quota.py` (limits of the queue and of
memory), `body_thread.py` (parsing), a thread that decodes its images, and `batching.py` (the
network). FastAPI and uvicorn are imported only by the files that need them.
"""
