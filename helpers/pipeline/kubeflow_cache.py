"""A stand-in for Kubeflow's cache, which is on unless it is turned off, and what it takes two steps to be the same by.

Kubeflow Pipelines answers a step from an earlier run if the step's *key* is the same: the container's image, command
and arguments, the values of parameters, and the **names** of the artifacts that go in and come out. What stands in an
artifact is no part of it, nor what lies on a volume, nor the code behind an image's name. To a training step that saves
an hour. To a gate it hands yesterday's verdict.
"""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from helpers import cache

if TYPE_CHECKING:
    from helpers.pipeline.running import Step


class KubeflowCache:
    """Answers a step with the folder that a step with the same key filled, on whatever day.

    Parameters
    ----------
    folder : pathlib.Path
        Where it keeps copies of them; made if needed.

    References
    ----------
    Kubeflow Pipelines on GitHub: issue 6727 (2021), the message ``CacheKey`` with ``inputArtifactNames``; issue 10189
    (2023), volumes are no part of it; pull request 12751 (2026), one name at two addresses is taken for the same.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @staticmethod
    def key(step: Step) -> str:
        """What a step is known by.

        Parameters
        ----------
        step : Step
            The step.

        Returns
        -------
        str
            16 hexadecimal digits, of the name of its function (which stands for image and command), of the names of
            its inputs and of its parameters; never of what is in a folder or a file.
        """
        component = f"{step.function.__module__}.{step.function.__qualname__}"
        parameters = {name: str(value) for name, value in step.parameters.items()}
        return cache.key(component=component, output=step.name, inputs=dict(step.inputs), parameters=parameters)

    def answer(self, step: Step, out: Path) -> bool:
        """Answer in place of a step, if one with its key was kept.

        Parameters
        ----------
        step : Step
            The step.
        out : pathlib.Path
            Gets what was kept.

        Returns
        -------
        bool
            Whether there was an answer.
        """
        kept = self._folder / self.key(step)
        if kept.is_dir():
            shutil.copytree(kept, out)
            return True
        return False

    def keep(self, step: Step, out: Path) -> None:
        """Keep what a step gave.

        Parameters
        ----------
        step : Step
            The step.
        out : pathlib.Path
            The folder that it filled.
        """
        unfinished = self._folder / f".{uuid.uuid4().hex[:8]}.part"
        shutil.copytree(out, unfinished)
        unfinished.rename(self._folder / self.key(step))
