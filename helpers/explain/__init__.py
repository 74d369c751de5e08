"""Why: methods that explain one answer of a network, and the measures that say whether an explanation is true.

Importing this package loads neither TensorFlow nor shap; the first use of a name loads the module behind it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
