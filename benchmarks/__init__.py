"""How fast the course's own functions are beside their peers: one run, one model, the same pictures, side by side.

``python -m benchmarks`` (or ``make bench``) measures and prints a table with ratios; ``harness`` measures and prints,
and each trust axis has a file that says what is compared. These are tools, not notebooks: they load TensorFlow, torch
and the peers into one process, and nothing in ``helpers/`` imports them.
"""
