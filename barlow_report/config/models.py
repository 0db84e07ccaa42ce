"""The models, and the pass of the images through them."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from barlow_report.config.bands import BandNumbers
from barlow_report.config.base import Channels, Name, Positive, Section, Side, Workers, absolute, resolved_factory
from barlow_report.errors import ConfigError
from barlow_report.storage import is_address
from barlow_report.thresholds import Measure

__all__ = ["ExtractionConfig", "ModelConfig", "OutputSetting", "PreprocessingConfig"]

OutputSetting = Literal["softmax", "probabilities", "log_probabilities", "sigmoid", "logits_binary"]
"""What the inspected model returns for each class: logits of a softmax, what comes out of it, or logits of sigmoids; or
one logit for two classes."""

_UNSET = ("name", "transformers", "onnx", "output_key", "output", "positive", "threshold")

_SMALLEST_STD = 1e-6
Probability = Annotated[float, Field(gt=0, lt=1)]


class PreprocessingConfig(Section):
    """From an image file to what a model sees; normalisation happens inside the model, after this."""

    resize: Side | tuple[Side, Side] | None = Field(
        None, description="Length of the shorter side in pixels, or [height, width] whatever the aspect ratio."
    )
    crop: Side | None = Field(None, description="Side of the centre crop in pixels, taken after the resize.")
    interpolation: Literal["bilinear", "bicubic"] = Field("bilinear", description="How the resize interpolates.")
    mean: Channels = Field(
        (0.0, 0.0, 0.0),
        description="Subtracted from each channel of the image in [0, 1]: red, green, blue. One number is for all "
        "channels of the model; a model that takes one channel gets images in grey. With `bands`, one for each band.",
    )
    std: Channels = Field((1.0, 1.0, 1.0), description="Each channel is divided by it, after subtracting the mean.")
    bands: BandNumbers | None = Field(
        None,
        description="The bands of the files that the model takes, in its order and counted from 1, where `data.bands` "
        "reads several. Default: all.",
    )

    @field_validator("std")
    @classmethod
    def _positive_std(cls, value: Channels) -> Channels:
        if min(value) < _SMALLEST_STD:
            raise ValueError(f"expected numbers of at least {_SMALLEST_STD}")
        return value

    @model_validator(mode="after")
    def _one_for_each_band(self) -> "PreprocessingConfig":
        n = None if self.bands is None else len(self.bands)
        for key in ("mean", "std"):
            values = getattr(self, key)
            if n is not None and key in self.model_fields_set and len(values) not in (1, n):
                raise ValueError(f"{key!r} has {len(values)} numbers; expected one, or {n} as 'bands' has")
        return self

    @model_serializer(mode="wrap")
    def _without_unset_keys(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out a later key where it is not set: what runs recorded before stays as it is."""
        values: dict[str, Any] = handler(self)
        return {key: value for key, value in values.items() if key != "bands" or value is not None}


class ModelConfig(Section):
    """A model from exactly one source, from `factory` to `onnx`, with its weights and preprocessing."""

    name: Name | None = Field(
        None,
        description="What pages call the model; default: its library's name, or what tells it from others in the names "
        "of its function and files.",
    )
    factory: str | None = Field(
        None,
        description="Python function that returns the model without weights: `package.module:function` or "
        "`path/to/file.py:function`.",
    )
    torchvision: str | None = Field(None, description="Name of a torchvision classification model, such as resnet50.")
    timm: str | None = Field(
        None, description="Name of a timm model, such as convnext_tiny.in12k_ft_in1k; needs the extra `timm`."
    )
    program: Path | None = Field(
        None, description="A whole model in one file: TorchScript, or a program of torch.export (.pt2)."
    )
    transformers: str | None = Field(
        None,
        description="An image classifier of Hugging Face's transformers: a folder that `save_pretrained` wrote, or a "
        "name on the hub; its preprocessing comes with it. Needs the extra `transformers`.",
    )
    onnx: Path | None = Field(
        None,
        description="An ONNX file, run by onnxruntime (extra `onnx`): for `inspected_model` only, beside another "
        "`feature_model`.",
    )
    arguments: dict[str, Any] = Field(
        default_factory=dict,
        description="Keyword arguments for the factory, or of `from_pretrained`; of an ONNX file `output`, where it "
        "has several.",
    )
    pretrained: bool | str = Field(
        False,
        description="Published weights of torchvision (such as IMAGENET1K_V2) or timm (the part of its name after "
        "the dot), or `true` for the default ones; their preprocessing comes with them. Downloaded "
        "unless `weights` names the file.",
    )
    weights: Path | None = Field(
        None,
        description="State dict, alone or in a checkpoint: .safetensors or a file of torch.save; default: what the "
        "factory returns.",
    )
    weights_entry: str | None = Field(
        None,
        description="Which weights to take where the file holds several sets that fit, such as those of the last "
        "step and their average (EMA): the entry of the checkpoint, such as `state_dict_ema`, the prefix"
        " of their names, or both joined by dots. Default: the only set that fits.",
    )
    allow_unsafe_weights: bool | str = Field(
        False,
        description="Name of a file of weights or a program that is read although it holds more than weights and "
        "operations on tensors; true: any. Such a file can run any code: name it only if you trust it.",
    )
    preprocessing: PreprocessingConfig = Field(
        default_factory=PreprocessingConfig,
        description="From the image file to the model's input. Default for keys left out: what published weights or "
        "the file of weights say; `resize` and `crop` go together.",
    )
    feature_module: str | None = Field(
        None, description="Module whose input is the feature vector; default: found by running the model once."
    )
    map_module: str | None = Field(
        None, description="Module whose output is the last feature map before pooling; default: found likewise."
    )
    allow_varying: Literal["random", "batch"] | None = Field(
        None,
        description="Accept a model that does not always give the same results for an image. random: they differ "
        "from run to run; batch: they depend on the other images of the batch. The report says so. "
        "Default: such models are refused.",
    )
    output_key: str | int | None = Field(
        None,
        description="Which part of what the model returns holds its outputs, where it returns several: the key of a "
        "mapping, the name of a field, or a position. Default: it returns one tensor.",
    )
    output: OutputSetting | None = Field(
        None,
        description="What the inspected model returns for each class. softmax: logits of a softmax; probabilities; "
        "log_probabilities; sigmoid: logits of a sigmoid for each class; logits_binary: one logit, that of the "
        "positive one of two classes (probabilities may be one number, too). Confidences follow from it. An error if "
        "the outputs contradict it. Default: decided from the outputs of all images.",
    )
    positive: Name | None = Field(
        None,
        description="The class that a model's only output is the logit or probability of; default: the second one.",
    )
    threshold: Probability | Measure | dict[Name, Probability | Measure] | None = Field(
        None,
        description="An image is positive where the probability of its output is at least this: a number between 0 and "
        "1, or the one with the largest balanced_accuracy or f1, chosen on the images that rules are not tested on, or "
        "on all images where failures are shuffled. Of several outputs, one for all or one for each by its name. "
        "Default: 0.5.",
    )

    @model_validator(mode="after")
    def _one_source(self) -> "ModelConfig":
        sources = (self.factory, self.torchvision, self.timm, self.program, self.transformers, self.onnx)
        if sum(source is not None for source in sources) != 1:
            raise ValueError(
                "expected exactly one of 'factory', 'torchvision', 'timm', 'program', 'transformers' and 'onnx'"
            )
        if self.pretrained and self.torchvision is None and self.timm is None:
            raise ValueError("'pretrained' goes with 'torchvision' or 'timm'")
        if self.program is not None and (self.weights is not None or self.arguments):
            raise ValueError("'program' holds the whole model: leave 'weights' and 'arguments' out")
        for key in ("transformers", "onnx"):
            if getattr(self, key) is not None and self.weights is not None:
                raise ValueError(f"{key!r} holds the weights, too: leave 'weights' out")
        if self.onnx is not None and self.output_key is not None:
            raise ValueError(
                "'output_key' is about what Python returns; the output of an ONNX file is named by "
                f"'arguments: {{output: {self.output_key}}}'"
            )
        if self.weights_entry is not None and self.weights is None:
            raise ValueError("'weights_entry' goes with 'weights'")
        file = self.weights or self.program
        if isinstance(self.allow_unsafe_weights, str) and (file is None or self.allow_unsafe_weights != file.name):
            raise ValueError(
                f"'allow_unsafe_weights: {self.allow_unsafe_weights}' is not the name of the file of weights or program"
            )
        return self

    @model_validator(mode="after")
    def _one_output(self) -> "ModelConfig":
        for key in ("positive", "threshold"):
            if getattr(self, key) is not None and self.output not in ("logits_binary", "probabilities", "sigmoid"):
                raise ValueError(
                    f"{key!r} is for models whose outputs decide by themselves: set 'output: logits_binary', "
                    "'probabilities' or 'sigmoid' as well"
                )
        return self

    def of_output(self, name: str | None) -> "ModelConfig":
        """Return the same with the threshold of one output, where each has its own; None: there is one output."""
        if not isinstance(self.threshold, dict):
            return self
        if name not in self.threshold:
            raise ConfigError(
                f"inspected_model.threshold: found none for the output {name!r}. Add it, such as `{name}: 0.5`."
            )
        return self.model_copy(update={"threshold": self.threshold[name]})

    @property
    def is_downloaded(self) -> bool:
        """Whether its weights come from the library or the hub, where they are not on this machine yet."""
        if self.transformers is not None:
            return not Path(self.transformers).is_absolute()
        return bool(self.pretrained) and self.weights is None

    @property
    def chosen_by(self) -> Measure | None:
        """What the threshold maximises; None where it is given."""
        return self.threshold if isinstance(self.threshold, str) else None

    @model_serializer(mode="wrap")
    def _without_unset_output(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out how outputs decide where it is not set: what runs recorded before stays as it is."""
        values: dict[str, Any] = handler(self)
        return {key: value for key, value in values.items() if key not in _UNSET or value is not None}

    @field_validator("transformers")
    @classmethod
    def _folder_beside(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None or not info.context:
            return value
        if is_address(value):
            raise ValueError("expected a folder on this machine or a name on the hub. Copy the folder here")
        folder = absolute(Path(value), Path(info.context["folder"]))
        try:
            if folder.is_dir():
                return str(folder)
        except OSError as error:  # a name that no file can have
            raise ValueError(f"expected a folder or a name on the hub ({error.strerror})") from error
        if value.startswith((".", "/", "~")):
            raise ValueError("expected a folder that save_pretrained wrote, or a name on the hub; there is no folder")
        return value

    @field_validator("factory")
    @classmethod
    def _has_function(cls, value: str | None, info: ValidationInfo) -> str | None:
        return resolved_factory(value, info)


class ExtractionConfig(Section):
    """The one pass over the images."""

    batch_size: Positive | None = Field(
        None,
        description="Largest number of images per forward pass; default: 32, or 256 on a GPU. Halved where memory "
        "does not hold as many.",
    )
    shard_size: Positive = Field(
        1024, description="Images between two saves; an interrupted run goes on from the last one."
    )
    n_workers: Workers | None = Field(
        None,
        description="Threads that decode images and, without a GPU, run the models; default: one per processor.",
    )
    feature_dtype: Literal["float32", "float16"] = Field("float32", description="How features are stored.")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="Precision of the models' convolutions and matrix products. bfloat16 changes features by up to "
        "about 2 % and is several times faster on hardware that has it.",
    )
    channels_last: bool = Field(
        True,
        description="Lay images out with their channels last, for faster convolutions; left out for models that "
        "cannot take it.",
    )
    compile: bool = Field(
        False, description="Compile the models with torch.compile, which takes minutes and pays on a GPU."
    )
