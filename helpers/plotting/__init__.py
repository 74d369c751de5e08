"""Figures of the course: arrays in, figures out.

Every figure reads in greyscale and to the colour-blind (Okabe and Ito's palette, and a marker, a dash pattern or a
hatch for each series; dark blue is *against*, orange is *for*), shows the texts of data as they stand, carries its
finding as its title and an alternative text, and is shown by standing last in a cell.
"""

from helpers.plotting._style import FOR_AND_AGAINST
from helpers.plotting.bars import comparison_plot, diverging_bars, forest_plot, stacked_bars
from helpers.plotting.curves import histogram, line_plot, reliability_diagram, scatter_plot
from helpers.plotting.pictures import annotated_image, attribution_maps, diverging_maps, image_grid, with_alt_text
from helpers.plotting.tables import confusion_matrix, heatmap
from helpers.plotting.widgets import interactive_figure

__all__ = [
    "FOR_AND_AGAINST",
    "annotated_image",
    "attribution_maps",
    "comparison_plot",
    "confusion_matrix",
    "diverging_bars",
    "diverging_maps",
    "forest_plot",
    "heatmap",
    "histogram",
    "image_grid",
    "interactive_figure",
    "line_plot",
    "reliability_diagram",
    "scatter_plot",
    "stacked_bars",
    "with_alt_text",
]
