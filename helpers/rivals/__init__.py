"""Would you believe it? A rival network with its maker's claims and evidence, and the audits that find what is false.

``makers`` makes a rival and its honest twin from a seed, ``claims`` says what a maker hands over. ``robustness``,
``calibration`` and ``sampling`` are the audits, each of what one notebook teaches, and ``results`` is what they give.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
