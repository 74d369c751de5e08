"""What all figures share: colours and marks, texts that fit, and the figure that carries an alternative text."""

from __future__ import annotations

import base64
import html
import io
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.textpath import text_to_path

# M. Okabe and K. Ito (2008), "Color universal design": told apart with any common colour vision. In greyscale some of
# them are alike, so a series never differs by its colour alone.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (3, 3)), (0, (1, 0.7)))
HATCHES = ("", "//", "..", "xx", "\\\\", "++", "oo")
# What others are compared with is dotted and grey, and nothing else is.
REFERENCE: dict[str, Any] = {"color": "0.35", "linestyle": ":"}
FONT_SIZE = 10
LONGEST_NAME = 2.0  # inches of a name of a row or column before it is broken into lines

# Dark blue and orange: told apart with any colour vision, and by their lightness in greyscale.
AGAINST, FOR = "#00355C", "#C96A00"
FOR_AND_AGAINST = LinearSegmentedColormap.from_list(
    "for_and_against",
    [AGAINST, "#6BAED6", "white", "#F5C242", FOR],
    N=257,  # odd, so that 0 is white
)


class DescribedFigure(Figure):
    """A figure that carries an alternative text into the notebook, for those who hear it instead of seeing it.

    Parameters
    ----------
    alt : str
        What the figure shows, in a sentence or two.
    **options
        As for :class:`matplotlib.figure.Figure`.
    """

    def __init__(self, alt: str, **options: Any) -> None:
        if not alt.strip():
            raise ValueError("a figure needs an alternative text: say in a sentence what it shows")
        super().__init__(layout="constrained", **options)
        self.alt = alt

    def draw(self, renderer: Any) -> None:
        """Draw, with every text as it stands: a "$" in the name of a class is a dollar, never the start of TeX."""
        no_mathtext(self)
        with rc_context({"text.parse_math": False}):  # for labels of ticks, which are made while drawing
            super().draw(renderer)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=90)
        png = base64.b64encode(buffer.getvalue()).decode()
        # As HTML, because JupyterLab gives no alternative text to a bare PNG; the PNG is for whatever shows no HTML.
        data = {
            "text/html": f'<img alt="{html.escape(self.alt)}" src="data:image/png;base64,{png}">',
            "image/png": png,
            "text/plain": f"<figure: {self.alt}>",
        }
        return data, {"image/png": {"alt": self.alt}}


def no_mathtext(figure: Figure) -> None:
    """Have every text of a figure drawn as it stands, but for the powers of ten that matplotlib puts on its axes."""
    for text in figure.findobj(Text):
        text.set_parse_math(r"\mathdefault" in text.get_text())


def text_width(text: str, size: float = FONT_SIZE) -> float:
    """Width of a line of text in inches, in the font of the figures."""
    width = text_to_path.get_text_width_height_descent(text, FontProperties(size=size), ismath=False)[0]
    return 1.06 * width / 72  # at few dots an inch the letters are drawn a little wider than designed


def widest(texts: Sequence[str], size: float = FONT_SIZE) -> float:
    """Width of the longest line of these texts in inches; 0 if there is none."""
    return max((text_width(line, size) for text in texts for line in text.split("\n")), default=0.0)


def wrap(text: str, inches: float, size: float = FONT_SIZE) -> str:
    """Break a text into lines that are at most so wide; a word that is wider by itself is cut."""
    return "\n".join(_wrap_line(line, inches, size) for line in text.split("\n"))


def _wrap_line(line: str, inches: float, size: float) -> str:
    width = text_width(line, size)
    if width <= inches:
        return line
    for characters in range(int(1.5 * len(line) * inches / width), 1, -1):
        lines = textwrap.wrap(line, characters)
        if max(text_width(part, size) for part in lines) <= inches:
            return "\n".join(lines)
    return line


def most_lines(texts: Sequence[str]) -> int:
    """How many lines the longest of these texts has; 0 if all are empty."""
    return max((text.count("\n") + 1 for text in texts if text), default=0)


def one_axis(alt: str, width: float = 6.4) -> tuple[DescribedFigure, Axes]:
    """A figure of so many inches with a single axis, without a frame on top and on the right."""
    figure = DescribedFigure(alt, figsize=(width, 10))  # `fit_height` takes back what is too much
    axis = figure.subplots()
    axis.spines[["top", "right"]].set_visible(False)
    return figure, axis


def fit_height(figure: DescribedFigure, height: float) -> None:
    """Make the axes so many inches high, and the figure as high as it takes, whatever its texts take of it."""
    figure.draw_without_rendering()
    axes = figure.axes[0].get_position(original=True).height * figure.get_figheight()
    figure.set_figheight(figure.get_figheight() - axes + height)


def set_title(figure: DescribedFigure, title: str) -> None:
    """Put the finding over the whole figure."""
    figure.suptitle(wrap(title, figure.get_figwidth() - 0.2, FONT_SIZE + 1), fontsize=FONT_SIZE + 1)


def set_legend(figure: DescribedFigure, handles: Mapping[str, Any]) -> None:
    """Put the legend below the figure, where it covers nothing; in as many columns as there is room for.

    The names are handed on with their marks: left to find them by itself, matplotlib skips names that begin with "_".
    """
    if not handles:
        return
    room, key = figure.get_figwidth() - 0.2, 0.8  # a key's line and the space before the next column
    names = [wrap(name, room - key, FONT_SIZE - 1) for name in handles]
    columns = min(3, max(1, int(room / (widest(names, FONT_SIZE - 1) + key))))
    figure.legend(
        list(handles.values()), names, loc="outside lower center", ncols=columns, fontsize=FONT_SIZE - 1, frameon=False
    )


def finish(
    figure: DescribedFigure,
    axis: Axes,
    title: str,
    labels: tuple[str, str],
    height: float,
    handles: Mapping[str, Any] | None = None,
) -> None:
    """Give a figure of one axis, so many inches high, its title, what x and y mean, and its legend."""
    names = widest([label.get_text() for label in axis.get_yticklabels()], FONT_SIZE - 1)
    axis.set_xlabel(wrap(labels[0], figure.get_figwidth() - names - 0.9), fontsize=FONT_SIZE)
    axis.set_ylabel(wrap(labels[1], max(height, 1.0)), fontsize=FONT_SIZE)
    set_title(figure, title)
    set_legend(figure, handles or {})
    fit_height(figure, height)


def name_rows(axis: Axes, names: Sequence[str]) -> None:
    """Name rows, from top to bottom."""
    axis.set_yticks(range(len(names)), names, fontsize=FONT_SIZE - 1)
    axis.set_ylim(len(names) - 0.5, -0.5)  # no marker on the edge


def name_columns(axis: Axes, names: Sequence[str], width: float) -> None:
    """Name columns that are so many inches wide: broken into lines where every word fits, else at an angle."""
    size = FONT_SIZE - 1
    if widest([word for name in names for word in name.split()], size) <= width - 0.1:
        axis.set_xticks(range(len(names)), [wrap(name, width - 0.1, size) for name in names], fontsize=size)
    else:
        slanted: dict[str, Any] = {"rotation": 40, "rotation_mode": "anchor", "ha": "right", "fontsize": size}
        axis.set_xticks(range(len(names)), [wrap(name, LONGEST_NAME, size) for name in names], **slanted)


def lightness(colour: Sequence[float]) -> float:
    """Lightness L* of an sRGB colour in [0, 1], from 0 (black) to 100 (white): what is left of it in greyscale.

    CIE 15:2004, "Colorimetry", with the luminance of IEC 61966-2-1.
    """
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour[:3])
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return 116 * luminance ** (1 / 3) - 16 if luminance > 216 / 24389 else luminance * 24389 / 27
