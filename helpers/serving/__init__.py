"""The model as a service: imports neither TensorFlow nor torch, nor anything of training.

``app`` is HTTP in front of an engine (``engine_protocol``): ``intake`` and ``intake_limits`` say who is let in,
``pictures``, ``forms`` and ``tensors`` read what was sent, ``batching`` asks the engine, ``problems`` refuses,
``contract`` describes all of it, ``metrics`` and ``logs`` tell what happened. ``runner`` keeps ``worker`` processes
running, each of which answers on ``connections``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
