"""For whom does it fail? Tables by group, gaps with intervals, counterfactual pairs, mitigations, and reports audited.

Arrays in, arrays and numbers with intervals out; nothing here loads TensorFlow or torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
