"""What does a model give away of its training pictures? Attacks on membership, mechanisms with a guarantee, audits.

Arrays in, arrays and numbers with intervals out; torch and Opacus load only in what trains with them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
