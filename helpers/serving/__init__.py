"""The model as a service: a signed bundle, an engine that answers from it, and HTTP in front of that.

It imports neither TensorFlow nor torch, nor anything of training. ``bundle`` writes a model with all that belongs to it
under one signature, and reads it back only where that signature holds; ``broken_guards`` holds bundles that verify
elsewhere and are not what was signed. ``packing`` makes such a bundle out of a Keras
model, and ``course_bundle`` out of the course's own (the two files here that load TensorFlow, in a function); ``cards``
writes what a person should know of model and data. ``engine_protocol`` says what a service needs of a model, and
``engine`` is one, opened from a bundle: arrays in, arrays out. ``replay`` remembers the newest bundle that was opened,
so that an older one is refused, and ``release`` asks for the release decision, so that none is served whose verdict is
not *go*. ``limits`` says how many processors a container really has.

``app`` is HTTP in front of an engine: ``intake`` and ``intake_limits`` say who is let in, ``pictures``, ``forms`` and
``tensors`` read what was sent, ``batching`` asks the engine, ``problems`` refuses, ``contract`` describes all of it,
``metrics`` and ``logs`` tell what happened. ``runner`` keeps ``worker`` processes running, each of which answers on
``connections``. ``python -m helpers.serving`` is all of it as a program, and ``local`` runs that program beside a
notebook. ``load`` asks any server over HTTP, fast or steadily, and counts.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
