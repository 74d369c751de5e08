"""Rebuild it without you: data, train, measure, gate, package, sign, publish, as plain functions.

``steps`` holds the functions: folders in, a folder out, each calling the room that knows how; ``files`` writes and
reads what they hand on. ``releasing`` says in which order the course's own network goes through them, and ``running``
runs steps in that order and stops at the first gate that refuses. ``verdicts`` is that gate: the verdict of ``vigilant
decide`` and nothing beside it. ``registry`` keeps what was published. ``kubeflow_cache`` answers a step with what it
gave yesterday, by the key that Kubeflow takes, and ``compiled`` finds the gates of a compiled pipeline that would be
answered so. ``python -m helpers.pipeline`` is one step as a program, which is what a container of the pipeline runs.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
