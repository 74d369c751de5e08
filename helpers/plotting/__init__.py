"""Figures of the course: arrays in, figures out.

Every figure reads in greyscale and to the colour-blind (Okabe and Ito's palette, and a marker or a line style for each
series), carries its finding as its title and an alternative text, and is shown by standing last in a cell.
"""

from helpers.plotting._style import SIGNED_COLOURS
from helpers.plotting.bars import contest, estimates, signed_bars, stacked_bars
from helpers.plotting.curves import histograms, lines, log_log, points, reliability
from helpers.plotting.pictures import (
    attributions,
    contact_sheet,
    described,
    maps_on_one_scale,
    places_on_picture,
    signed_maps,
)
from helpers.plotting.tables import confusion, shares_table
from helpers.plotting.widgets import redrawn

__all__ = [
    "SIGNED_COLOURS",
    "attributions",
    "confusion",
    "contact_sheet",
    "contest",
    "described",
    "estimates",
    "histograms",
    "lines",
    "log_log",
    "maps_on_one_scale",
    "places_on_picture",
    "points",
    "redrawn",
    "reliability",
    "shares_table",
    "signed_bars",
    "signed_maps",
    "stacked_bars",
]
