"""A trained network as one small folder, the bundle, which predicts without Keras or torch.

Opening and using a bundle needs only numpy, Pillow and onnxruntime: `bundle.py` and what it imports
keep to these. Writing one needs the network, and so Keras and torch.
"""
