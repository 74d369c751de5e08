"""The model as a service: a signed bundle on disk, and an engine that answers from it, without any training library.

``bundle`` writes a model with all that belongs to it under one signature, and reads it back only where that signature
holds. ``packing`` makes such a bundle out of a Keras model (the one file here that loads TensorFlow, in a function);
``cards`` writes what a person should know of model and data. ``engine`` opens a bundle and answers: arrays in, arrays
out. ``limits`` says how many processors a container really has.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
