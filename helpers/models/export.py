"""Models as files that other programs read. Nothing here imports TensorFlow or torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

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


def save_onnx(model: keras.Model, path: str | os.PathLike[str], *, features: str | None = None) -> Path:
    """Write a model as ONNX, the format that services read without TensorFlow.

    The file has one input, ``images`` (N, H, W, C) in [0, 1] with any N, and two outputs, ``probabilities`` and
    ``logits``, both (N, K). Dropout is left out, as in every prediction.

    Parameters
    ----------
    model : keras.Model
        A chain of the layers that the course CNN is made of, with a Softmax at its end.
    path : path-like
        Where to; the name must end in ``.onnx``.
    features : str, optional
        A Dense layer whose output (N, D) the file gives, too, as a third output ``features``.

    Returns
    -------
    pathlib.Path
        The file, written whole or not at all.

    Raises
    ------
    ValueError
        If the name ends otherwise, the model has a layer or a setting that is not known here, or there is no Dense
        layer of the name asked for.
    helpers.errors.CacheError
        If the file cannot be written.

    References
    ----------
    Open Neural Network Exchange, "ONNX operators", opset 17.
    """
    target = _with_suffix(path, ".onnx")
    layers = _chain(model)
    dense = [layer.name for layer in layers if type(layer).__name__ == "Dense"]
    if features is not None and features not in dense:
        raise ValueError(f"features must name a Dense layer of {model.name!r}: {', '.join(dense)}; got {features!r}")
    graph = _Graph()
    classes = model.output_shape[1]
    outputs: dict[str, tuple[int | str, ...]] = {"probabilities": ("N", classes), "logits": ("N", classes)}
    for layer in layers:
        _ADDERS[type(layer).__name__](graph, layer)
        if layer.name == features:
            graph.join("Identity", "features", graph.tensor)
            outputs["features"] = ("N", layer.units)
    graph.join("Identity", "logits", graph.tensor)
    graph.add("Softmax", "probabilities", axis=-1)
    return _written(target, model, graph, outputs)


def save_gradcam_onnx(
    model: keras.Model, path: str | os.PathLike[str], rows: ArrayLike, columns: ArrayLike, *, layer: str = "conv3"
) -> Path:
    """Write GradCAM as ONNX: pictures and classes to maps, gradients and all.

    Between the last convolution and the logits lie Dense layers alone, so the gradient of a logit is a product of their
    weights, each row switched off where its ReLU is: no gradient is left to compute, and ONNX has every step of it.
    GradCAM averages the gradient over the places of a map; here the first Dense layer's weights are averaged instead,
    once, which comes to the same and makes the product h·w times as small.

    The file has two inputs, ``images`` (N, H, W, C) in [0, 1] and ``classes`` (N,), int64, where any number below 0
    asks about the class that the model itself finds most probable; and one output, ``maps`` (N, H, W), what
    :func:`helpers.explain.gradcam` gives.

    Parameters
    ----------
    model : keras.Model
        As for :func:`save_onnx`, and nothing but Flatten, Dropout and Dense after the layer.
    path : path-like
        Where to; the name must end in ``.onnx``.
    rows, columns : array_like of float, shapes (H, h) and (W, w)
        How much each place of the layer's maps counts in each row and column of the picture, as
        ``helpers.explain.places_of(model, layer)`` spreads them.
    layer : str
        The last convolution.

    Returns
    -------
    pathlib.Path
        The file, written whole or not at all.

    Raises
    ------
    ValueError
        If the name ends otherwise, the model is not as said above, or rows or columns have another shape.
    helpers.errors.CacheError
        If the file cannot be written.

    References
    ----------
    R. R. Selvaraju, M. Cogswell, A. Das, R. Vedantam, D. Parikh and D. Batra (2017), "Grad-CAM: Visual explanations
    from deep networks via gradient-based localization", equations 1 and 2.
    """
    target = _with_suffix(path, ".onnx")
    below, head = _at_last_convolution(_chain(model), layer)
    height, width, channels = below[-1].output.shape[1:]
    spread = [np.asarray(each, np.float32) for each in (rows, columns)]
    wanted = [(model.input_shape[1], height), (model.input_shape[2], width)]
    if [each.shape for each in spread] != wanted:
        raise ValueError(f"rows and columns must have the shapes {wanted}, got {[each.shape for each in spread]}")
    graph = _Graph()
    for each in below:
        _ADDERS[type(each).__name__](graph, each)
    maps = graph.tensor
    weights = _gradient_of_maps(graph, head, (height, width, channels))
    _add_weighted_maps(graph, maps, weights, (height, width, channels), *spread)
    inputs = {"classes": ("N",)}
    return _written(target, model, graph, {"maps": ("N", *model.input_shape[1:3])}, inputs)


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
        """Go on from the tensor that stands here."""
        held = [self.weight(f"{name}.{label}", values) for label, values in weights]
        self.tensor = self.join(kind, name, self.tensor, *held, **attributes)

    def weight(self, name: str, values: Any) -> str:
        """Keep an array under a name, once."""
        from onnx import numpy_helper

        array = np.array(values, dtype=np.float32 if isinstance(values, float) else None, order="C")
        if name not in (each.name for each in self.weights):
            self.weights.append(numpy_helper.from_array(array, name))
        return name

    def join(self, kind: str, name: str, *inputs: str, **attributes: Any) -> str:
        """Make a tensor of any others."""
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, [name], name=f"{kind}.{name}", **attributes))
        return name


def _written(
    target: Path,
    model: keras.Model,
    graph: _Graph,
    outputs: dict[str, tuple[int | str, ...]],
    more_inputs: Mapping[str, tuple[str, ...]] | None = None,
) -> Path:
    import onnx
    from onnx import helper

    real, whole = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
    inputs = [helper.make_tensor_value_info("images", real, ["N", *model.input_shape[1:]])]
    inputs += [helper.make_tensor_value_info(name, whole, shape) for name, shape in (more_inputs or {}).items()]
    given = [helper.make_tensor_value_info(name, real, shape) for name, shape in outputs.items()]
    made = helper.make_graph(graph.nodes, model.name, inputs, given, graph.weights)
    opset = helper.make_opsetid("", _OPSET)
    whole_model = helper.make_model(
        made, opset_imports=[opset], ir_version=_IR_VERSION, producer_name="vigilant-vision"
    )
    onnx.checker.check_model(whole_model, full_check=True)
    with written_whole(target) as temporary:
        temporary.write_bytes(whole_model.SerializeToString())
    return target


def _chain(model: keras.Model) -> list[Any]:
    """The layers that do something in a prediction, from the pictures to the logits."""
    layers = [layer for layer in model.layers if type(layer).__name__ not in ("InputLayer", "Dropout")]
    # Known layers have one input each, so a model without unknown ones is a chain.
    if not layers or type(layers[-1]).__name__ != "Softmax":
        raise ValueError(f"model {model.name!r} must end in a Softmax layer to be exported to ONNX")
    unknown = [f"{each.name} ({type(each).__name__})" for each in layers[:-1] if type(each).__name__ not in _ADDERS]
    if unknown:
        raise ValueError(
            f"cannot export model {model.name!r} to ONNX: unknown layers {', '.join(unknown)}; "
            f"known are {', '.join(sorted(_ADDERS))}, Dropout, and a Softmax at the end"
        )
    return layers[:-1]


def _at_last_convolution(layers: list[Any], name: str) -> tuple[list[Any], list[Any]]:
    """Cut a chain after a convolution that only a Flatten and Dense layers follow."""
    kinds = [type(layer).__name__ for layer in layers]
    places = [place for place, layer in enumerate(layers) if layer.name == name and kinds[place] == "Conv2D"]
    above = kinds[places[0] + 1 :] if places else []
    if above[:1] != ["Flatten"] or len(above) < 2 or set(above[1:]) != {"Dense"}:
        raise ValueError(
            f"GradCAM is exported for a convolution that nothing but Flatten, Dropout and Dense layers follow; "
            f"{name!r} is none in {', '.join(f'{one.name} ({kind})' for one, kind in zip(layers, kinds, strict=True))}"
        )
    return layers[: places[0] + 1], layers[places[0] + 2 :]


def _gradient_of_maps(graph: _Graph, head: list[Any], places: tuple[int, int, int]) -> str:
    """Add the Dense layers, forwards and then backwards: the mean gradient of the class's logit by channel, (N, k)."""
    graph.add("Flatten", "flat", axis=1)
    matrices, on = [], []
    for layer in head:
        _add_dense(graph, layer)
        matrices.append(layer.get_weights()[0])
        relu = layer.activation.__name__ == "relu"
        on.append(graph.join("Greater", f"{layer.name}.on", graph.tensor, graph.weight("zero", 0.0)) if relu else "")
    matrices[0] = matrices[0].reshape(*places, -1).mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
    best = graph.join("ArgMax", "best", graph.tensor, axis=1, keepdims=0)
    nobody = graph.join("Less", "unasked", "classes", graph.weight("none", np.int64(0)))
    chosen = graph.join("Where", "chosen", nobody, best, "classes")
    gradient = graph.join("Gather", "gradient", graph.weight("to_logits", matrices[-1].T), chosen, axis=0)
    for layer, matrix, gate in reversed(list(zip(head[:-1], matrices[:-1], on[:-1], strict=True))):
        if gate:
            gradient = graph.join("Where", f"{layer.name}.passed", gate, gradient, "zero")
        gradient = graph.join("MatMul", f"{layer.name}.back", gradient, graph.weight(f"{layer.name}.turned", matrix.T))
    return gradient


def _add_weighted_maps(
    graph: _Graph,
    maps: str,
    weights: str,
    places: tuple[int, int, int],
    rows: NDArray[np.float32],
    columns: NDArray[np.float32],
) -> None:
    height, width, channels = places
    flat = graph.join("Reshape", "by_place", maps, graph.weight("places", np.array([-1, height * width, channels])))
    column = graph.join("Unsqueeze", "weights", weights, graph.weight("last", np.array([2])))
    summed = graph.join("MatMul", "summed", flat, column)
    square = graph.join("Reshape", "square", summed, graph.weight("square_shape", np.array([-1, height, width])))
    kept = graph.join("Relu", "kept", square)
    tall = graph.join("MatMul", "tall", graph.weight("rows", rows), kept)
    graph.join("MatMul", "maps", tall, graph.weight("columns", columns.T))


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
