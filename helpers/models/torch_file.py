"""Weights out of a file that ``torch.save`` wrote before PyTorch 1.6, without torch.

A notebook loads one training framework (torch beside TensorFlow costs 0.3 GB), so torch cannot read the file here. A
second process with torch would take 5 seconds and a cache of its own. The format is small: three pickles that say
which version it is, one pickle that names the tensors, one with the order of the storages, then each storage as its
number of values and the values. The pickle of names is read by an unpickler that knows four harmless names.
"""

from __future__ import annotations

import collections
import io
import pickle
import sys
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_COUNT_BYTES = 8


class _Storage(NamedTuple):
    key: str
    dtype: np.dtype[Any]
    size: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]  # in values, not bytes


def read_state(content: bytes) -> dict[str, NDArray[Any]]:
    """The tensors of a state dictionary in torch's old format.

    Parameters
    ----------
    content : bytes
        The whole file. What it holds is not executed, whatever it asks for.

    Returns
    -------
    dict of str to numpy.ndarray
        Tensors by name, in torch's order of axes, float32 or int64. Views of `content`, so read-only.

    Raises
    ------
    ValueError
        If it is not such a file, is truncated, or holds anything but tensors of these two types.
    """
    if sys.byteorder != "little":
        raise ValueError("weights are stored with the low byte first, and this machine has the high byte first")
    file = io.BytesIO(content)
    try:
        opening = _PlainUnpickler(file).load(), _PlainUnpickler(file).load()
        if opening != (_MAGIC, _PROTOCOL):
            raise ValueError("it does not begin as torch's old format does")
        _PlainUnpickler(file).load()  # sizes of C's types on the machine that wrote it; nothing depends on them
        named = _PlainUnpickler(file).load()
        order = _PlainUnpickler(file).load()
        tensors = {str(name): _checked(tensor) for name, tensor in named.items()}
        storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
        values = _values(content, file.tell(), [storages[key] for key in order])
        return {name: _view(values[tensor.storage.key], tensor) for name, tensor in tensors.items()}
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise ValueError(f"not a whole state dictionary in torch's format of before 1.6: {error}") from error


class _PlainUnpickler(pickle.Unpickler):
    """Makes descriptions of tensors, and calls nothing else, whatever a pickle asks for."""

    _ALLOWED: ClassVar[dict[tuple[str, str], Any]] = {
        ("collections", "OrderedDict"): collections.OrderedDict,
        # What comes after the strides (gradients wanted, hooks) has no meaning for weights that are only read.
        ("torch._utils", "_rebuild_tensor_v2"): lambda storage, offset, shape, strides, *rest: _Tensor(
            storage, offset, shape, strides
        ),
        ("torch", "FloatStorage"): np.dtype(np.float32),
        ("torch", "LongStorage"): np.dtype(np.int64),
    }

    def find_class(self, module: str, name: str) -> Any:
        """Give out one of four harmless names."""
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which has no place among weights")
        return self._ALLOWED[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        """Describe a storage; its values come later in the file."""
        kind, dtype, key, _, size, view = pid
        if kind != "storage" or view is not None or not isinstance(dtype, np.dtype):
            raise pickle.UnpicklingError(f"it refers to {kind!r}, and only whole storages are known")
        return _Storage(str(key), dtype, int(size))


def _checked(tensor: Any) -> _Tensor:
    if not isinstance(tensor, _Tensor) or not isinstance(tensor.storage, _Storage):
        raise ValueError(f"a {type(tensor).__name__} stands among the tensors")
    shape, strides = tensor.shape, tensor.strides
    numbers = (tensor.offset, *shape, *strides)
    if len(shape) != len(strides) or not all(isinstance(number, int) and number >= 0 for number in numbers):
        raise ValueError(f"a tensor has shape {shape} and strides {strides}")
    last = tensor.offset + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
    if 0 in shape or last >= tensor.storage.size:  # as_strided would read beyond the storage
        raise ValueError(f"a tensor of shape {shape} does not fit its storage of {tensor.storage.size} values")
    return tensor


def _values(content: bytes, start: int, storages: list[_Storage]) -> dict[str, NDArray[Any]]:
    found = {}
    for storage in storages:
        size = int.from_bytes(content[start : start + _COUNT_BYTES], "little")
        if size != storage.size:
            raise ValueError(f"a storage announces {storage.size} values and has {size}")
        start += _COUNT_BYTES
        found[storage.key] = np.frombuffer(content, storage.dtype, size, start)
        start += size * storage.dtype.itemsize
    if start != len(content):
        raise ValueError(f"{len(content) - start} bytes follow the last storage")
    return found


def _view(values: NDArray[Any], tensor: _Tensor) -> NDArray[Any]:
    # The weights came from TensorFlow, and many lie in its order of axes under torch's: strides cannot be left out.
    strides = [stride * values.itemsize for stride in tensor.strides]
    return as_strided(values[tensor.offset :], tensor.shape, strides, writeable=False)
