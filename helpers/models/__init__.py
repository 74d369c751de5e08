"""Things that predict: the course CNN, its training, twin and exports; ImageNet networks; models that can be read.

Importing this package loads neither TensorFlow nor torch; the first use of a name loads the module behind it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
