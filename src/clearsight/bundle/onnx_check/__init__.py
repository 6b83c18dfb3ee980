"""What a stranger's ONNX file would do, found from its bytes before ONNX Runtime opens it.

A model may only hold what `model.py` reads: one graph of known operators with all its weights in
the file. `size.py` computes from it how much memory and work a batch of images takes. Nothing here
needs more than numpy.
"""
