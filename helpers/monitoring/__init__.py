"""Would you notice? A simulated month, detectors with thresholds by expected run time, accuracy without labels, audits.

Arrays in, numbers with intervals out; NumPy and SciPy are all that loads. What comes of a model (probabilities,
features, conformal sets, the flag for strange pictures) is passed in: a notebook asks its model, or a running service.
:class:`LocalPrometheus` alone starts something: the program that watches a service.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
