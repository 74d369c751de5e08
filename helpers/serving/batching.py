"""Requests that arrive together are answered together: one call of the engine for all that wait."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from helpers.contracts import Images
from helpers.serving.engine_protocol import Answers, Engine


@dataclass(frozen=True)
class _Waiting:
    images: Images
    level: float
    answers: asyncio.Future[Answers]


class Batcher:
    """Hands pictures to an engine, as many as wait in this turn of the event loop, and waits for none.

    The engine runs in the loop's own thread: a call takes less than a millisecond, and a thread of its own would cost
    as much again and win nothing where each worker has one core.

    Parameters
    ----------
    engine : Engine
        Who answers.
    most : int
        Most pictures in one call, at least 1.
    """

    def __init__(self, engine: Engine, most: int) -> None:
        self._engine, self._most = engine, most
        self._queue: deque[_Waiting] = deque()

    async def answer(self, images: Images, level: float) -> Answers:
        """The engine's answers for some pictures.

        Parameters
        ----------
        images : numpy.ndarray of float32, shape (N, H, W, C)
            Pictures in [0, 1].
        level : float
            Of the conformal sets, in (0, 1).

        Returns
        -------
        Answers
            For these pictures, whoever else was answered in the same call.

        Raises
        ------
        Exception
            What the engine raises for these pictures alone.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(images, level, loop.create_future())
        if not self._queue:
            loop.call_soon(self._run)  # after all that is ready now: who arrived with us comes along
        self._queue.append(waiting)
        return await waiting.answers

    def _run(self) -> None:
        batch = [self._queue.popleft()]
        pictures = len(batch[0].images)
        # In the order of arrival: who asks for another level waits for the next call.
        while self._queue and self._queue[0].level == batch[0].level:
            pictures += len(self._queue[0].images)
            if pictures > self._most:
                break
            batch.append(self._queue.popleft())
        self._answer([waiting for waiting in batch if not waiting.answers.done()])  # done: the client went away
        if self._queue:
            asyncio.get_running_loop().call_soon(self._run)

    def _answer(self, batch: Sequence[_Waiting]) -> None:
        if not batch:
            return
        try:
            images = batch[0].images if len(batch) == 1 else np.concatenate([each.images for each in batch])
            answers = self._engine.answer(images, batch[0].level)
        except Exception as error:
            if len(batch) == 1:
                batch[0].answers.set_exception(error)
                return
            for each in batch:  # nobody fails for a neighbour
                self._answer([each])
            return
        start = 0
        for each in batch:
            each.answers.set_result(_part(answers, slice(start, start + len(each.images))))
            start += len(each.images)


def _part(answers: Answers, which: slice) -> Answers:
    return Answers(answers.classes[which], answers.probabilities[which], answers.sets[which], answers.strange[which])
