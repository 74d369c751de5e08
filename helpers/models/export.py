"""Models as files that other programs read. Nothing here imports TensorFlow or torch."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from helpers.cache import written_whole
from helpers.contracts import Predict, check_fits, check_images

if TYPE_CHECKING:
    import keras
    import onnx


_OPSET = 17  # the newest that every ONNX Runtime since 2022 reads
_IR_VERSION = 8  # the file format that belongs to it


def save_keras(model: keras.Model, path: str | os.PathLike[str]) -> Path:
    """Write a model as Keras's own file, whole or not at all.

    Parameters
    ----------
    model : keras.Model
        Any model.
    path : path-like
        Where to; the name must end in ``.keras``.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ValueError
        If the name ends otherwise.
    helpers.errors.CacheError
        If the file cannot be written.
    """
    target = _with_suffix(path, ".keras")
    with written_whole(target) as temporary:
        model.save(temporary)
    return target


def save_onnx(model: keras.Model, path: str | os.PathLike[str]) -> Path:
    """Write a model as ONNX, the format that services read without TensorFlow.

    The file has one input, ``images`` (N, H, W, C) in [0, 1] with any N, and two outputs, ``probabilities`` and
    ``logits``, both (N, K). Dropout is left out, as in every prediction.

    Parameters
    ----------
    model : keras.Model
        A chain of the layers that the course CNN is made of, with a Softmax at its end.
    path : path-like
        Where to; the name must end in ``.onnx``.

    Returns
    -------
    pathlib.Path
        The file, written whole or not at all.

    Raises
    ------
    ValueError
        If the name ends otherwise, or the model has a layer or a setting that is not known here.
    helpers.errors.CacheError
        If the file cannot be written.

    References
    ----------
    Open Neural Network Exchange, "ONNX operators", opset 17.
    """
    import onnx

    target = _with_suffix(path, ".onnx")
    graph = _graph(model)
    onnx.checker.check_model(graph, full_check=True)
    with written_whole(target) as temporary:
        temporary.write_bytes(graph.SerializeToString())
    return target


def onnx_predict_function(path: str | os.PathLike[str], batch_size: int = 512, threads: int = 2) -> Predict:
    """An ONNX file as a plain function of pictures, run by ONNX Runtime on the CPU.

    Parameters
    ----------
    path : path-like
        A file written by :func:`save_onnx`.
    batch_size : int
        Pictures that go through the network at once, at least 1.
    threads : int
        CPU threads for one batch, at least 1.

    Returns
    -------
    callable
        Images, float32 in [0, 1] of shape (N, H, W, C), to probabilities, float32 of shape (N, K). It raises what
        :func:`helpers.contracts.check_images` raises, and ValueError for pictures that do not fit the model.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not an ONNX model with the input and the output of :func:`save_onnx`, or a number is below 1.
    """
    for name, value in (("batch_size", batch_size), ("threads", threads)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    session = _session(Path(path), threads)
    input_shape = session.get_inputs()[0].shape

    def predict(images: NDArray[np.float32]) -> NDArray[np.float32]:
        checked = check_fits(check_images(images), input_shape)
        batches = (checked[start : start + batch_size] for start in range(0, len(checked), batch_size))
        return np.concatenate([session.run(["probabilities"], {"images": batch})[0] for batch in batches])

    return predict


def parity(one: Predict, other: Predict, images: NDArray[np.float32]) -> float:
    """How far two models are apart on the same pictures.

    Parameters
    ----------
    one, other : callable
        Predict functions: images (N, H, W, C) to probabilities (N, K).
    images : numpy.ndarray of float32, shape (N, H, W, C)
        Pictures in [0, 1].

    Returns
    -------
    float
        The largest absolute difference of two probabilities.

    Raises
    ------
    ValueError
        If the functions answer in different shapes.
    """
    first, second = np.asarray(one(images)), np.asarray(other(images))
    if first.shape != second.shape:
        raise ValueError(f"the models answer in different shapes, {first.shape} and {second.shape}")
    return float(np.abs(first.astype(np.float64) - second).max())


def _with_suffix(path: str | os.PathLike[str], suffix: str) -> Path:
    target = Path(path)
    if target.suffix != suffix:
        raise ValueError(f"the file's name must end in {suffix}, got {str(path)!r}")
    return target


def _session(path: Path, threads: int) -> Any:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as errors

    if not path.is_file():
        raise FileNotFoundError(f"there is no ONNX model at {path}; write it first with save_onnx(model, path)")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    try:
        session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except (errors.InvalidProtobuf, errors.InvalidGraph, errors.InvalidArgument, errors.Fail) as error:
        raise ValueError(
            f"{path} is not a whole ONNX model; write it again with save_onnx(model, path). ONNX Runtime said: {error}"
        ) from error
    inputs = [each.name for each in session.get_inputs()]
    outputs = [each.name for each in session.get_outputs()]
    if inputs != ["images"] or "probabilities" not in outputs:
        raise ValueError(
            f"{path} must have one input 'images' and an output 'probabilities', as save_onnx writes them; "
            f"it has inputs {inputs} and outputs {outputs}"
        )
    return session


# ---- Keras layers as ONNX nodes. Pictures stay channels last between layers; Conv and MaxPool, which know only
# ---- channels first, stand between two transposes, and ONNX Runtime cancels those that meet.


class _Graph:
    """Nodes and weights gathered so far, and the name of the tensor that the next layer reads."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.tensor = "images"

    def add(self, kind: str, name: str, *weights: tuple[str, NDArray[Any]], **attributes: Any) -> None:
        from onnx import helper, numpy_helper

        for label, values in weights:
            self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), f"{name}.{label}"))
        inputs = [self.tensor, *(f"{name}.{label}" for label, _ in weights)]
        self.nodes.append(helper.make_node(kind, inputs, [name], name=f"{kind}.{name}", **attributes))
        self.tensor = name


def _graph(model: keras.Model) -> onnx.ModelProto:
    import onnx
    from onnx import helper

    layers = [layer for layer in model.layers if type(layer).__name__ not in ("InputLayer", "Dropout")]
    _check_chain(model, layers)
    graph = _Graph()
    for layer in layers[:-1]:
        _ADDERS[type(layer).__name__](graph, layer)
    graph.nodes.append(helper.make_node("Identity", [graph.tensor], ["logits"], name="Identity.logits"))
    graph.add("Softmax", "probabilities", axis=-1)
    height, width, channels = model.input_shape[1:]
    number = onnx.TensorProto.FLOAT
    made = helper.make_graph(
        graph.nodes,
        model.name,
        [helper.make_tensor_value_info("images", number, ["N", height, width, channels])],
        [
            helper.make_tensor_value_info(name, number, ["N", model.output_shape[1]])
            for name in ("probabilities", "logits")
        ],
        graph.weights,
    )
    opset = helper.make_opsetid("", _OPSET)
    return helper.make_model(made, opset_imports=[opset], ir_version=_IR_VERSION, producer_name="vigilant-vision")


def _check_chain(model: keras.Model, layers: list[Any]) -> None:
    # Known layers have one input each, so a model without unknown ones is a chain.
    if not layers or type(layers[-1]).__name__ != "Softmax":
        raise ValueError(f"model {model.name!r} must end in a Softmax layer to be exported to ONNX")
    unknown = [f"{each.name} ({type(each).__name__})" for each in layers[:-1] if type(each).__name__ not in _ADDERS]
    if unknown:
        raise ValueError(
            f"cannot export model {model.name!r} to ONNX: unknown layers {', '.join(unknown)}; "
            f"known are {', '.join(sorted(_ADDERS))}, Dropout, and a Softmax at the end"
        )


def _add_rescaling(graph: _Graph, layer: Any) -> None:
    graph.add("Mul", f"{layer.name}.scaled", ("scale", np.asarray(layer.scale, np.float32)))
    graph.add("Add", layer.name, ("offset", np.asarray(layer.offset, np.float32)))


def _add_convolution(graph: _Graph, layer: Any) -> None:
    _require(layer, padding="valid", strides=(1, 1), dilation_rate=(1, 1), groups=1, use_bias=True)
    kernel, bias = layer.get_weights()
    graph.add("Transpose", f"{layer.name}.first", perm=[0, 3, 1, 2])
    graph.add("Conv", f"{layer.name}.conv", ("kernel", kernel.transpose(3, 2, 0, 1)), ("bias", bias))
    _add_activation(graph, layer, f"{layer.name}.active")
    graph.add("Transpose", f"{layer.name}.out", perm=[0, 2, 3, 1])


def _add_max_pooling(graph: _Graph, layer: Any) -> None:
    _require(layer, padding="valid")
    size, strides = list(layer.pool_size), list(layer.strides)
    graph.add("Transpose", f"{layer.name}.first", perm=[0, 3, 1, 2])
    graph.add("MaxPool", f"{layer.name}.pool", kernel_shape=size, strides=strides)
    graph.add("Transpose", f"{layer.name}.out", perm=[0, 2, 3, 1])


def _add_flatten(graph: _Graph, layer: Any) -> None:
    graph.add("Flatten", f"{layer.name}.out", axis=1)


def _add_dense(graph: _Graph, layer: Any) -> None:
    _require(layer, use_bias=True)
    kernel, bias = layer.get_weights()
    graph.add("Gemm", f"{layer.name}.gemm", ("kernel", kernel), ("bias", bias))
    _add_activation(graph, layer, f"{layer.name}.active")


def _add_activation(graph: _Graph, layer: Any, name: str) -> None:
    kind = layer.activation.__name__
    if kind == "relu":
        graph.add("Relu", name)
    elif kind != "linear":
        raise ValueError(f"cannot export layer {layer.name!r} to ONNX: activation {kind!r}; known are relu and linear")


def _require(layer: Any, **settings: Any) -> None:
    for name, wanted in settings.items():
        if (given := getattr(layer, name)) != wanted:
            raise ValueError(
                f"cannot export layer {layer.name!r} to ONNX: {name} is {given!r}; only {wanted!r} is known"
            )


_ADDERS: dict[str, Callable[[_Graph, Any], None]] = {
    "Rescaling": _add_rescaling,
    "Conv2D": _add_convolution,
    "MaxPooling2D": _add_max_pooling,
    "Flatten": _add_flatten,
    "Dense": _add_dense,
}
