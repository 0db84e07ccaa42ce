"""From the model section of a configuration to a model that gives logits, features and feature maps.

A loaded model takes images in [0, 1] and normalises them itself, so that an attack's limits are those of pixels.
It is in evaluation mode and none of its weights needs a gradient: gradients flow to the images only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import nn

from barlow_report.config import ModelConfig, PreprocessingConfig
from barlow_report.errors import ConfigError, ModelError
from barlow_report.files import digest_file
from barlow_report.vision.factories import build_model
from barlow_report.vision.maps import find_map, read_map, readings
from barlow_report.vision.preprocessing import combine, probe_size
from barlow_report.vision.probing import (
    Place,
    Probe,
    describe_outputs,
    find_feature_module,
    is_linear_output,
    record,
    run_probe,
)
from barlow_report.vision.taps import Program
from barlow_report.vision.weights import hash_weights, load_weights, refuse_unmade

__all__ = [
    "AssembledModel",
    "LoadedModel",
    "assemble_model",
    "check_gradients",
    "check_outputs",
    "choose_device",
    "load_model",
    "wrap_model",
]

# Sizes to try where the configuration leaves the size to the images: a model may be built for one size only.
PROBE_SIDES = (224, 32, 64, 96, 128, 28, 299, 384)
N_PROBED = 2
NO_FEATURES = Place(module="", side="output")


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedModel:
    """A classifier that is ready to run.

    Attributes:
        name: Of its factory or torchvision model, without folders.
        role: What it is for, as errors call it.
        module: The network, without normalisation, on `device`.
        device: Where `module` is; inputs are moved there.
        preprocessing: From image files to inputs; mean and std are applied by this object.
        n_outputs: Classes it tells apart.
        n_features: D, the length of the feature vector.
        sha256: Of the file of weights, or of the state dict where there is no file.
        source_sha256: Of the text of its factory.
        feature_place: Where the features are; the output where they were not found and not needed.
        map_place: Where the map is that they are pooled from; None without one.
        ends_in_linear: The outputs are those of a linear layer, so that they are logits whatever their values.
        has_gradients: Gradients flow from the features to the images.
        n_per_call: Images that the network takes at a time, if it takes no other number.
        fewest_per_call: Images that it takes at a time at least; more than one where it fails on a single image.
        allow_varying: See `ModelConfig`.
        probed_size: Height and width of images that it is known to run on.
    """

    name: str
    role: str
    module: nn.Module
    device: torch.device
    preprocessing: PreprocessingConfig
    n_outputs: int
    n_features: int
    sha256: str
    source_sha256: str
    feature_place: Place
    map_place: Place | None
    ends_in_linear: bool
    has_gradients: bool = True
    n_per_call: int | None = None
    fewest_per_call: int = 1
    allow_varying: Literal["random", "batch"] | None = None
    probed_size: tuple[int, int]
    _mean: torch.Tensor = field(repr=False)
    _std: torch.Tensor = field(repr=False)

    @property
    def has_features(self) -> bool:
        """Whether `features` works; always so unless the model was loaded for its predictions alone."""
        return self.feature_place != NO_FEATURES

    @property
    def has_maps(self) -> bool:
        """Whether `features` returns maps, so that heatmaps can be drawn."""
        return self.map_place is not None

    def predict(self, images: torch.Tensor) -> torch.Tensor:
        """Return what the network gives, (B, n_outputs), float32, for images (B, 3, H, W) in [0, 1]."""
        parts = [self._table(self.module(part), part)[:n] for part, n in self._parts(images)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def features(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Return outputs (B, n_outputs), features (B, D) and maps (B, D, h, w) of images (B, 3, H, W) in [0, 1].

        All are float32; gradients flow from each to the images. The maps are None where `has_maps` is false.

        Raises:
            ModelError: The features were not found, and not needed when the model was loaded.
        """
        if not self.has_features:
            raise ModelError(f"{self.role}: {self.name} was loaded for its predictions; its features were not found.")
        parts = [self._features(part, n) for part, n in self._parts(images)]
        if len(parts) == 1:
            return parts[0]
        outputs, features, maps = zip(*parts, strict=True)
        return torch.cat(outputs), torch.cat(features), torch.cat(maps) if self.has_maps else None

    def _features(self, part: torch.Tensor, n: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        places = [self.feature_place, *([self.map_place] if self.map_place else [])]
        with record(self.module, places) as found:
            output = self.module(part)
        maps = None
        if self.map_place is not None:
            maps = read_map(found[self.map_place], self.map_place, size=(part.shape[2], part.shape[3]))[:n]
        return self._table(output, part)[:n], found[self.feature_place].flatten(1).float()[:n], maps

    def _parts(self, images: torch.Tensor) -> Iterator[tuple[torch.Tensor, int]]:
        """Yield normalised images as the network takes them, and how many of each part are wanted."""
        images = self._normalised(images)
        n_per_call = self.n_per_call or max(len(images), self.fewest_per_call)
        if len(images) == n_per_call:
            yield images, n_per_call
            return
        for start in range(0, len(images), n_per_call):
            part = images[start : start + n_per_call]
            missing = n_per_call - len(part)
            yield torch.cat([part, part[-1:].expand(missing, -1, -1, -1)]) if missing else part, len(part)

    def _table(self, output: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        """Outputs (B, n_outputs), float32; a convolution leaves further dimensions of length 1."""
        if output.shape[:2] != (len(images), self.n_outputs):
            raise ModelError(
                f"{self.role}: {self.name} returns shape {tuple(output.shape)} for {len(images)} images, expected "
                f"({len(images)}, {self.n_outputs}) as for {N_PROBED} images. It must treat batches of all sizes alike."
            )
        return output.flatten(1).float()

    def _normalised(self, images: torch.Tensor) -> torch.Tensor:
        return (images.to(self.device) - self._mean) / self._std


def choose_device(name: str) -> torch.device:
    """Return the device that `name` stands for; "auto" is the first of cuda, mps and cpu that is there.

    Raises:
        ConfigError: The named device is not there.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(device for device, is_there in available.items() if is_there))
    if not available.get(name, False):
        there = ", ".join(device for device, is_there in available.items() if is_there)
        raise ConfigError(f"device: {name!r} is not available here, found {there}. Set 'device: auto'.")
    return torch.device(name)


@dataclass(frozen=True, kw_only=True, eq=False)
class AssembledModel:
    """A network with its weights, before anybody has run it.

    Attributes:
        module: In training mode, on the processor.
        name: Of its source, without folders.
        preprocessing: Of the configuration, completed by what the weights say.
        sha256: Of the file of weights or of the program, or of the state dict where there is no file.
        source_sha256: Of the text of its factory, or of its library's version and its name.
    """

    module: nn.Module
    name: str
    preprocessing: PreprocessingConfig
    sha256: str
    source_sha256: str


def assemble_model(spec: ModelConfig, *, role: str) -> AssembledModel:
    """Build a model and load its weights.

    Args:
        spec: The model section of a configuration.
        role: Names it in errors, such as "inspected_model".

    Raises:
        ModelError: It cannot be built or downloaded, its weights do not fit, or were made for other inputs.
    """
    built = build_model(spec, role=role)
    refuse_unmade(built.module, where=f"{role}: {built.name}")
    told = {}
    if spec.weights is not None:
        told = load_weights(
            built.module,
            spec.weights,
            entry=spec.weights_entry,
            allow_unsafe=bool(spec.allow_unsafe_weights),
            where=role,
        )
    file = spec.weights or spec.program
    return AssembledModel(
        module=built.module,
        name=built.name,
        preprocessing=combine(spec.preprocessing, source=built.preprocessing, file=told, where=role),
        sha256=digest_file(file) if file is not None else hash_weights(built.module),
        source_sha256=built.source_sha256,
    )


def load_model(
    spec: ModelConfig,
    *,
    device: torch.device,
    role: str,
    image_size: tuple[int, int] | None = None,
    needs_features: bool = True,
) -> LoadedModel:
    """Build a model, load its weights, and find its features.

    Args:
        spec: The model section of a configuration.
        device: Where it will run.
        role: Names it in errors, such as "inspected_model".
        image_size: Height and width of the input, for models that accept one size only and whose preprocessing
            leaves the size to the images.
        needs_features: Whether it is an error not to find the features; a model that only predicts may hide them.

    Raises:
        ModelError: It cannot be built, its weights do not fit, it does not run on RGB images or returns no logits
            per class, or its features are not found.
    """
    assembled = assemble_model(spec, role=role)
    return wrap_model(
        assembled.module,
        preprocessing=assembled.preprocessing,
        device=device,
        role=role,
        name=assembled.name,
        sha256=assembled.sha256,
        source_sha256=assembled.source_sha256,
        feature_module=spec.feature_module,
        map_module=spec.map_module,
        image_size=image_size,
        needs_features=needs_features,
        allow_varying=spec.allow_varying,
    )


def wrap_model(
    module: nn.Module,
    *,
    preprocessing: PreprocessingConfig,
    device: torch.device,
    role: str,
    name: str,
    sha256: str = "",
    source_sha256: str = "",
    feature_module: str | None = None,
    map_module: str | None = None,
    image_size: tuple[int, int] | None = None,
    needs_features: bool = True,
    allow_varying: Literal["random", "batch"] | None = None,
) -> LoadedModel:
    """Prepare a network that already has its weights; see `load_model`. `module` is changed in place."""
    module = module.to(device=device, dtype=torch.float32).eval().requires_grad_(requires_grad=False)
    mean = torch.tensor(preprocessing.mean, device=device).view(1, 3, 1, 1)
    std = torch.tensor(preprocessing.std, device=device).view(1, 3, 1, 1)
    size, n_per_call = probe_size(preprocessing) or image_size, None
    if isinstance(module, Program):
        size, n_per_call = _program_size(module, size, where=role), module.n_per_call
    probe = _probe(module, mean, std, size=size, n_images=n_per_call or N_PROBED, where=role)
    if len(probe.output) == 1:
        n_per_call = 1
    feature_place, features = _feature_place(module, probe, feature_module, where=role, needed=needs_features)
    map_place = None
    if map_module is not None:
        map_place = _explicit_map(module, probe, map_module, features, where=role)
    elif feature_place != NO_FEATURES:
        map_place = find_map(probe, features, before=feature_place.module)
    if isinstance(module, Program):
        module.keep({feature_place.module, map_place.module if map_place else ""})
    return LoadedModel(
        name=name,
        role=role,
        module=module,
        device=device,
        preprocessing=preprocessing,
        n_outputs=probe.output.shape[1],
        n_features=features.shape[1],
        sha256=sha256 or hash_weights(module),
        source_sha256=source_sha256,
        feature_place=feature_place,
        map_place=map_place,
        ends_in_linear=is_linear_output(module, probe),
        has_gradients=features.requires_grad,
        n_per_call=n_per_call,
        fewest_per_call=1 if n_per_call or _takes_one(module, mean, std, size=probe.size) else N_PROBED,
        allow_varying=allow_varying,
        probed_size=probe.size,
        _mean=mean,
        _std=std,
    )


def _program_size(program: Program, size: tuple[int, int] | None, *, where: str) -> tuple[int, int] | None:
    """The size that the program takes, which the preprocessing must give where it gives any."""
    if program.size is not None and size is not None and size != program.size:
        raise ModelError(
            f"{where}: the program was exported for images of {program.size[0]} × {program.size[1]} pixels, the "
            f"preprocessing gives {size[0]} × {size[1]}. Correct 'crop' or 'resize', or export it with dynamic_shapes."
        )
    return program.size or size


def check_outputs(model: LoadedModel, n_classes: int) -> None:
    """Raise a ModelError unless `model` has one output for each of the data's classes."""
    if model.n_outputs == n_classes:
        return
    background = (
        " One output more than classes is often a background class: name it there too, or let the model return the "
        "others alone."
        if model.n_outputs == n_classes + 1
        else ""
    )
    raise ModelError(
        f"{model.role}: {model.name} has {model.n_outputs} outputs, the data have {n_classes} classes. List the "
        f"model's {model.n_outputs} classes in the order of its outputs in data.classes or data.class_file, or "
        f"correct the model's 'arguments'.{background}"
    )


def check_gradients(model: LoadedModel) -> None:
    """Raise a ModelError unless gradients flow from the features of `model` to its images: attacks need them."""
    if model.has_gradients:
        return
    advice = (
        "Export the model with gradients (not under torch.no_grad, not quantised), or give it by 'factory' and "
        "'weights'."
        if isinstance(model.module, Program)
        else "Take @torch.no_grad, @torch.inference_mode, .detach() and .data out of its forward; the pass over the "
        "images computes no gradients anyway."
    )
    raise ModelError(
        f"{model.role}: no gradients flow from the features of {model.name} to the images, and the feature attack "
        f"needs them. {advice}"
    )


def _probe(
    module: nn.Module,
    mean: torch.Tensor,
    std: torch.Tensor,
    *,
    size: tuple[int, int] | None,
    n_images: int,
    where: str,
) -> Probe:
    """Run the model on a few random images of the right size, or of the first usual size that works.

    Where it runs on none of them, one image is tried: some models take no more.
    """
    sizes: Sequence[tuple[int, int]] = [size] if size else [(side, side) for side in PROBE_SIDES]
    first: Exception | None = None
    for n in dict.fromkeys((n_images, 1)):
        for height, width in sizes:
            try:
                return run_probe(module, _random_images(n, (height, width), mean, std), where=where)
            except ModelError:
                raise
            except Exception as error:  # somebody else's code
                first = first or error
    shape = (n_images, 3, *sizes[0])
    raise ModelError(
        f"{where}: the model does not run on RGB images {shape}: {type(first).__name__}: {first}. Set "
        "'preprocessing: crop' (or resize: [h, w]) to the size it was made for; it must take three channels."
    ) from first


def _takes_one(module: nn.Module, mean: torch.Tensor, std: torch.Tensor, *, size: tuple[int, int]) -> bool:
    """Whether the model runs on a batch of one image: some drop the dimension of a length of 1."""
    try:
        with torch.no_grad():
            output = module(_random_images(1, size, mean, std))
    except Exception:  # somebody else's code
        return False
    return bool(output.shape[:1] == (1,) and output.ndim > 1)


def _random_images(n: int, size: tuple[int, int], mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(n, 3, *size, generator=generator).to(mean.device) - mean) / std


def _feature_place(
    module: nn.Module, probe: Probe, name: str | None, *, where: str, needed: bool
) -> tuple[Place, torch.Tensor]:
    try:
        chosen = find_feature_module(module, probe, where=where) if name is None else name
    except ModelError:
        if needed:
            raise
        return NO_FEATURES, probe.output[:, :0]
    inputs = [(place, tensor) for place, tensor in probe.places if (place.module, place.side) == (chosen, "input")]
    if not inputs:
        raise ModelError(
            f"{where}: feature_module {chosen!r} is no module that runs. Last outputs: "
            f"{describe_outputs(module, probe)}."
        )
    place, tensor = inputs[-1]
    features = tensor.flatten(1)
    if tensor.shape[0] != probe.output.shape[0] or features.shape[1] != tensor.shape[1]:
        raise ModelError(
            f"{where}: the input of feature_module {chosen!r} has shape {tuple(tensor.shape)}, expected one vector per "
            f"image, ({probe.output.shape[0]}, n_features). Last outputs: {describe_outputs(module, probe)}."
        )
    return place, features


def _explicit_map(module: nn.Module, probe: Probe, name: str, features: torch.Tensor, *, where: str) -> Place:
    outputs = [(place, tensor) for place, tensor in probe.places if (place.module, place.side) == (name, "output")]
    wanted = f"(B, {features.shape[1]}, h, w), (B, h, w, {features.shape[1]}) or tokens (B, T, {features.shape[1]})"
    if not outputs:
        raise ModelError(
            f"{where}: map_module {name!r} is no module that returns a tensor, expected {wanted}. Last outputs: "
            f"{describe_outputs(module, probe)}."
        )
    place, tensor = outputs[-1]
    found = next(readings(place, tensor, features, probe=probe), None)
    if found is None:
        raise ModelError(
            f"{where}: the output of map_module {name!r} has shape {tuple(tensor.shape)}, expected {wanted}. Last "
            f"outputs: {describe_outputs(module, probe)}."
        )
    return found
