"""The servers that ``benchmarks/serving.py`` compares, a file each, and a lock beside each that needs its own packages.

All answer ``{"prediction": class}`` with the same ONNX file, ONNX Runtime on one thread, and take the same two bodies:
the brief's JSON, and a form with a PNG file. Each runs in an environment of its own, where ``helpers`` isn't installed,
so what they share lies in ``onnx_model`` and needs NumPy, ONNX Runtime and Pillow alone. ``MODEL`` and ``PORT`` come
from the environment, for each server begins its workers in its own way.
"""
