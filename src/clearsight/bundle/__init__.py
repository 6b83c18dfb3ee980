"""From a trained network to one small folder that predicts without Keras or torch, and back.

Opening and using a bundle needs numpy, Pillow and onnxruntime alone: `loading.py`, `loaded.py` and
what they import hold to that. Writing one needs the network, and with it Keras and torch.
"""
