"""How it breaks: attacks on pictures and on text, and what makes a network harder to break.

``base`` says what an attack gives and how far it may go, ``white_box`` has the attacks that use gradients (of
``networks``, with ``losses``), ``black_box`` those that only ask, ``text`` those on words; ``evaluation`` puts several
together, picture by picture, ``auto`` asks AutoAttack. ``maskings`` hide gradients without helping, and ``failures``
tells an attack that failed from a network that holds. ``adversarial_training`` makes a network harder to break, and
``smoothing`` certifies what no attack can.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
