"""Every public figure, drawn of data that looks real, with the names that it is given."""

import numpy as np

from helpers import plotting
from helpers.intervals import Estimate
from helpers.uncertainty import equal_width_edges, reliability_table

# Names as the course's data have them; long ones; and names that TeX, matplotlib or HTML would read as something else.
SIGNS = (
    "stop",
    "yield",
    "no entry",
    "speed limit 30",
    "speed limit 80",
    "pedestrian crossing",
    "priority road",
    "turn right ahead",
    "roadworks",
    "end of all restrictions",
)
LONG = tuple(f"{name}, seen at night through rain, half hidden" for name in SIGNS)
AWKWARD = (
    "$5 off $x_$",
    "100%",
    "_",
    "_hidden",
    "$x_$",
    r"a \backslash",
    "x^2",
    "<b>&amp;",
    "{curly} %s",
    "$\\frac{$",
)
NAMES = {"signs": SIGNS, "long": LONG, "awkward": AWKWARD}


def rng():
    return np.random.default_rng(0)


def words(names):
    """A finding and an alternative text."""
    return {
        "title": f"Most frequent mistake: {names[3]} read as {names[0]}, in 12% of the cases",
        "alt": "What it shows.",
    }


def pictures(n, side=32, channels=3):
    """Coarse patterns, as pictures of signs have them."""
    coarse = rng().random((n, 8, 8, channels))
    return np.kron(coarse, np.ones((1, side // 8, side // 8, 1))).astype(np.float32)


def blobs(n, side=16, signed=True):
    """Smooth maps; signed ones have a blob for and one against."""
    rows, columns = np.mgrid[:side, :side] / side
    centres = rng().random((n, 4))
    one = np.exp(-20 * ((rows - centres[:, :1, None]) ** 2 + (columns - centres[:, 1:2, None]) ** 2))
    other = np.exp(-20 * ((rows - centres[:, 2:3, None]) ** 2 + (columns - centres[:, 3:, None]) ** 2))
    return one - 0.8 * other if signed else one


def shares(n, cases=1000):
    """Shares with their intervals, one so near to 1 that its interval is hardly there."""
    return [
        Estimate(v, v - 0.04, min(v + 0.03, 1.0), cases * (i + 1)) for i, v in enumerate(np.linspace(0.999, 0.7, n))
    ]


def curve(names, n, points):
    x = np.linspace(0, 1, points)
    return {name: (x, 0.9 - 0.06 * i - 0.3 * x ** (i + 1)) for i, name in enumerate(names[:n])}


def image_grid(names):
    return plotting.image_grid(
        (255 * pictures(20)).astype(np.uint8), list(names) * 2, columns=10, size=0.95, **words(names)
    )


def image_grid_of_places(names):
    apart = [np.stack(np.meshgrid(step * np.arange(4), step * np.arange(4)), axis=-1) + 4 for step in (4, 8)]
    return plotting.image_grid(pictures(2), list(names[:2]), columns=2, size=2.2, dots=apart, **words(names))


def image_grid_of_one(names):
    return plotting.image_grid(pictures(1, 32, 1)[..., 0], [""], **words(names))


def line_plot(names):
    x = (1, 2, 3, 4)
    series = {name: (x, np.array([0.5, 0.6, 0.65, 0.7]) + 0.02 * i) for i, name in enumerate(names[:7])}
    return plotting.line_plot(
        series,
        x_label=f"passes over {names[3]}",
        y_label=f"share of {names[4]}",
        bands={names[1]: (np.full(4, 0.4), np.full(4, 0.7))},
        reference=(names[7], 0.5),
        **words(names),
    )


def line_plot_of_many_points(names):
    return plotting.line_plot(curve(names, 4, 2000), x_label="coverage", y_label="risk", **words(names))


def line_plot_on_logarithmic_axes(names):
    x = np.array([64, 128, 256, 512, 1024, 2048, 4096])
    series = {name: (x, (1 + i) * 3.0 / np.sqrt(x)) for i, name in enumerate(names[:4])}
    return plotting.line_plot(
        series,
        x_label="evaluations",
        y_label="error, logits",
        power_law=(names[5], -0.5),
        log_x=True,
        log_y=True,
        **words(names),
    )


def scatter_plot(names):
    x = rng().normal(size=(4, 60))
    series = {name: (x[i] + i, x[i] * 20 + x[i - 1]) for i, name in enumerate(names[:4])}
    return plotting.scatter_plot(series, x_label=names[5], y_label=names[6], **words(names))


def trade_off_plot(names):
    gaps = [Estimate(-0.05 * i, -0.05 * i - 0.04, -0.05 * i + 0.04, 300) for i in range(7)]
    points = {name: (gap, share) for name, gap, share in zip(names, gaps, shares(7), strict=False)}
    return plotting.trade_off_plot(
        points, x_label=names[5], y_label=names[6], reference=(names[8], 0.0), **words(names)
    )


def histogram(names):
    values = {name: rng().normal(0.9 - 0.02 * i, 0.01 * (i + 1), 500) for i, name in enumerate(names[:4])}
    return plotting.histogram(values, x_label=names[5], reference=(names[6], 0.9), **words(names))


def reliability_diagram(names):
    p = rng().dirichlet(np.full(4, 0.3), 600).astype(np.float32)
    labels = np.array([rng().choice(4, p=row / row.sum()) for row in p.astype(float)])
    return plotting.reliability_diagram(
        {name: reliability_table(p, labels, equal_width_edges(10)) for name in names[:2]}, **words(names)
    )


def reliability_diagram_of_one(names):
    return plotting.reliability_diagram(
        {names[3]: reliability_table(np.eye(2)[[0, 1]], np.array([0, 1]), equal_width_edges(5))}, **words(names)
    )


def forest_plot(names):
    return plotting.forest_plot(
        dict(zip(names, shares(10), strict=True)),
        x_label=f"accuracy on {names[3]}",
        reference=(names[2], 0.9),
        groups=[0, 0, 1, 1, 2, 3, 4, 5, 6, 7],
        **words(names),
    )


def forest_plot_of_limits(names):
    return plotting.forest_plot(
        dict(zip(names, shares(10), strict=True)),
        x_label=f"accuracy on {names[3]}",
        limits=(f"what {names[2]} needs", np.linspace(0.8, 0.9, 10)),
        groups=[0] * 8 + [1] * 2,
        **words(names),
    )


def forest_plot_of_one(names):
    return plotting.forest_plot({names[3]: shares(1)[0]}, x_label="accuracy", **words(names))


def comparison_plot(names):
    measures = [f"{name} (higher is better)" for name in names[:4]]
    scores = {m: dict(zip(names, shares(10), strict=True)) for m in measures}
    gains = {
        m: {name: Estimate(0.0, -0.1 + 0.02 * i, -0.04 + 0.02 * i, 100) for i, name in enumerate(names)}
        for m in measures
    }
    return plotting.comparison_plot(scores, gains, rival=names[5], **words(names))


def comparison_plot_of_two_rivals(names):
    measures = [f"{name} (higher is better)" for name in names[:2]]
    scores = {m: dict(zip(names, shares(10), strict=True)) for m in measures}
    gains = {m: {name: Estimate(0.0, -0.1, 0.04 * (i - 3), 100) for i, name in enumerate(names)} for m in measures}
    return plotting.comparison_plot(scores, gains, rival=dict(zip(measures, names[5:7], strict=True)), **words(names))


def stacked_bars(names):
    parts = {name: rng().random(4) for name in names[:7]}
    return plotting.stacked_bars(parts, names[:4], y_label=names[3], reference=(names[8], 2.5), **words(names))


def diverging_bars(names):
    values = dict(zip(names, np.linspace(2, -1.5, 10), strict=True))
    return plotting.diverging_bars(values, x_label=names[3], sides=(names[5], names[6]), **words(names))


def confusion_matrix(names):
    counts = rng().integers(0, 40, (10, 10)) * (rng().random((10, 10)) < 0.3) + np.diag(np.arange(100, 1100, 100))
    return plotting.confusion_matrix(counts, names, **words(names))


def confusion_matrix_of_two(names):
    return plotting.confusion_matrix(np.array([[12000, 10], [345, 16000]]), names[:2], **words(names))


def heatmap(names):
    values = np.corrcoef(rng().normal(size=(10, 12)) + np.linspace(0, 2, 12))
    return plotting.heatmap(values, names, **words(names))


def diverging_maps(names):
    return plotting.diverging_maps(blobs(7), names[:7], label=names[3], columns=4, **words(names))


def diverging_maps_of_one(names):
    maps = blobs(1, 32)
    return plotting.diverging_maps(maps, [""], label="weight", columns=1, outlines=(maps > 0.3) * 1.0, **words(names))


def attribution_maps(names):
    maps = {name: blobs(3, signed=i % 2 == 0) for i, name in enumerate(names)}
    outlines = np.zeros((3, 32, 32), bool)
    outlines[:, 8:20, 8:20] = True
    return plotting.attribution_maps(pictures(3), maps, names[:3], outlines=outlines, **words(names))


def attribution_maps_on_one_scale(names):
    maps = {name: (i + 1) * blobs(4) for i, name in enumerate(names[:3])}
    return plotting.attribution_maps(
        pictures(4, 32, 1), maps, names[3:7], shared_scale=True, unit=names[7], size=1.35, **words(names)
    )


def annotated_image(names):
    places = {"1": (0, 0), "2": (27, 27), "3": (5, 20), "4": (12, 9), "5": (5, 20), "$6$": (20, 14)}
    return plotting.annotated_image(pictures(1, 32, 1)[0, :28, :28, 0], places, **words(names))


def with_alt_text(names):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(7, 3.2))
    axes[0].set_yscale("log")
    axes[0].plot([1, 1000])
    axes[1].contourf(blobs(1)[0])
    axes[1].set_title(names[0][:20])
    return plotting.with_alt_text(figure, "What it shows.")


def interactive_figure(names):
    """The figure that a slider shows."""
    import ipywidgets as widgets

    drawn = []

    def draw(value):
        drawn.append(plotting.forest_plot(dict(zip(names, shares(value), strict=False)), x_label="x", **words(names)))
        return drawn[-1]

    plotting.interactive_figure(widgets.IntSlider(value=3, min=1, max=9), draw)
    return drawn[-1]


# The name of a public figure, by itself or followed by _of or _on and what is special.
FIGURES = {
    name: made
    for name, made in globals().items()
    if any(name == public or name.startswith((f"{public}_of_", f"{public}_on_")) for public in plotting.__all__)
}
