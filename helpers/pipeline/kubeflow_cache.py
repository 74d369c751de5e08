"""A stand-in for Kubeflow's cache, which is on unless it is turned off, and what it takes two steps to be the same by.

Kubeflow Pipelines answers a step from an earlier run if the step's *key* is the same: the container's image, command
and arguments, the values of parameters, the names of volumes, and for each artifact that goes in its number in a store,
which is new whenever a step makes one. So a gate that is handed a model that was made today is asked today. It is not
where today's model is nowhere in the key: where the gate is told the *place* of the newest one, or reads a volume;
where a threshold or the code has changed behind the same image's name; where all that comes before is answered from the
cache. To a training step that saves an hour. To a gate it hands yesterday's verdict.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping
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
    Kubeflow Pipelines 2, on GitHub: ``GenerateCacheKey`` in ``backend/src/v2/cacheutils/cache.go``, and
    ``toRuntimeArtifact`` in ``backend/src/v2/metadata/converter.go``, by which the *name* of an artifact in the key is
    its number.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @staticmethod
    def key(step: Step, numbers: Mapping[str, str]) -> str:
        """What a step is known by.

        Parameters
        ----------
        step : Step
            The step.
        numbers : mapping of str to str
            For each argument that is a folder of an earlier step, the number of what lies there.

        Returns
        -------
        str
            16 hexadecimal digits, of the name of its function (which stands for image and command), of its parameters
            and of these numbers; never of what is in a file.
        """
        component = f"{step.function.__module__}.{step.function.__qualname__}"
        parameters = {name: str(value) for name, value in step.parameters.items()}
        return cache.key(component=component, output=step.name, inputs=dict(numbers), parameters=parameters)

    def answer(self, step: Step, numbers: Mapping[str, str], out: Path) -> str | None:
        """Answer in place of a step, if one with its key was kept.

        Parameters
        ----------
        step, numbers
            As for :meth:`key`.
        out : pathlib.Path
            Gets what was kept.

        Returns
        -------
        str or None
            The number of what was kept, which is still its number; None if there was no answer.
        """
        kept = next((self._folder / self.key(step, numbers)).glob("*"), None)
        if kept is None:
            return None
        shutil.copytree(kept, out)
        return kept.name

    def keep(self, step: Step, numbers: Mapping[str, str], out: Path, number: str) -> None:
        """Keep what a step gave.

        Parameters
        ----------
        step, numbers
            As for :meth:`key`.
        out : pathlib.Path
            The folder that it filled.
        number : str
            The number of what lies there.
        """
        unfinished = self._folder / f".{uuid.uuid4().hex[:8]}.part"
        shutil.copytree(out, unfinished / number)
        unfinished.rename(self._folder / self.key(step, numbers))
