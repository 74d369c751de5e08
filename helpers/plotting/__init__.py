"""Figures of the course: arrays in, figures out.

Every figure reads in greyscale and to the colour-blind (Okabe and Ito's palette, and a marker, a dash pattern or a
hatch for each series; dark blue is *against*, orange is *for*), shows the texts of data as they stand, carries its
finding as its title and an alternative text, and is shown by standing last in a cell.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
