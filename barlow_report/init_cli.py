"""The command `barlow-report init`: a first configuration, from questions or options, each answer checked at once."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from barlow_report.cli_errors import DebugOption, reports_errors
from barlow_report.errors import BarlowReportError, ConfigError

if TYPE_CHECKING:
    from barlow_report.starting import Choice, DataFound

__all__ = ["init"]

T = TypeVar("T")


@reports_errors
def init(
    file: Annotated[Path, typer.Argument(help="The configuration to write.")] = Path("report.yaml"),
    images: Annotated[
        str | None,
        typer.Option(help="Folder with a sub-folder for each class; Parquet or Arrow with images; tar shards."),
    ] = None,
    manifest: Annotated[
        str | None, typer.Option(help="Instead, a table: CSV, Parquet, samples.json of FiftyOne, Croissant.")
    ] = None,
    image_root: Annotated[
        str | None, typer.Option(help="Folder that the table's paths are relative to.", show_default="the table's")
    ] = None,
    no_images: Annotated[
        bool, typer.Option("--no-images", help="The table's images are not here: analyse its predictions alone.")
    ] = False,
    bands: Annotated[
        str | None, typer.Option(help="Files of several bands, as YAML: 'range: [0, 10000], shown: [4, 3, 2]'.")
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(help="File with the classes in the order of the model's outputs, or imagenet.", metavar="FILE"),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="torchvision:NAME, timm:NAME, transformers:FOLDER, my_model.py:function, or a file (.onnx, .pt2, "
            "TorchScript)."
        ),
    ] = None,
    weights: Annotated[str | None, typer.Option(help="File of its weights, or published.")] = None,
    arguments: Annotated[str | None, typer.Option(help="Its arguments as YAML: 'n_classes: 7'.")] = None,
    preprocessing: Annotated[
        str | None, typer.Option(help="As YAML: 'resize: 256, crop: 224'.", show_default="found out")
    ] = None,
    feature_model: Annotated[
        str | None, typer.Option(help="Model whose features explain, best a robust one.", show_default="the model")
    ] = None,
    feature_weights: Annotated[str | None, typer.Option(help="File of its weights, or published.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the run.", show_default="of the model")] = None,
    device: Annotated[str, typer.Option(help="auto, cuda, mps or cpu.")] = "auto",
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing: take the default of what is not given.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE if it exists.")] = False,
    debug: DebugOption = False,
) -> None:
    """Write a configuration for your images and model; what is not given as an option is asked, and tried at once."""
    from barlow_report.starting import Starter, write_starter

    if images is not None and manifest is not None:
        raise typer.BadParameter("goes without --images", param_hint="--manifest")
    if file.exists() and not overwrite:
        raise ConfigError(f"{file}: exists already. Give another name, or --overwrite.")
    if no_images and (model or feature_model):
        raise typer.BadParameter("goes without models: nothing can be shown to them", param_hint="--no-images")
    asked = _Questions(asks=not yes)
    data = asked.data(images or manifest, image_root=image_root, has_images=not no_images, classes=classes, bands=bands)
    inspected = feature = None
    if model is not None or not data.has_predictions:
        given = {"weights": weights, "arguments": arguments, "preprocessing": preprocessing}
        data, inspected = asked.model(
            data,
            model,
            role="inspected_model",
            device=device,
            given=given,
            has_feature_model=feature_model is not None,
        )
    has_own = inspected is not None and "onnx" not in inspected.section
    if not no_images and (not has_own or feature_model or asked.wants_feature_model()):
        _, feature = asked.model(
            data, feature_model, role="feature_model", device=device, given={"weights": feature_weights}
        )
    starter = Starter(
        name=asked.name(name, of=inspected or feature),
        data=data.section,
        inspected_model=None if inspected is None else inspected.section,
        feature_model=None if feature is None else feature.section,
        remarks=_remarks(data, inspected, feature),
        device=device,
    )
    write_starter(file, starter, overwrite=overwrite)
    typer.echo(f"See what it would do:  barlow-report check {file}", err=True)
    typer.echo(f"Make the report:       barlow-report run {file}", err=True)
    typer.echo(str(file.resolve()))


class _Questions:
    """Asks for what no option gave, as often as an answer cannot be used; without questions the first error ends it."""

    def __init__(self, *, asks: bool) -> None:
        self._asks = asks

    def data(
        self, given: str | None, *, image_root: str | None, has_images: bool, classes: str | None, bands: str | None
    ) -> "DataFound":
        from barlow_report.starting import class_section, data_section, look_at_data

        def look(text: str) -> "DataFound":
            section = data_section(text, image_root=image_root, has_images=has_images, bands=bands or "")
            return look_at_data(section)

        def with_classes(text: str) -> "DataFound":
            return look_at_data({**found.section, **class_section(text)}) if text else found

        found = self._ask("Images: a folder with one sub-folder for each class, or a table", given, look, "--images")
        typer.echo(f"  {found.words}", err=True)
        if classes is None and _are_wordnet_ids(found.images.paths):
            classes = "imagenet"
        question = "Classes in the order of the model's outputs: a file, imagenet, or nothing if they are these, sorted"
        found = self._ask(question, classes, with_classes, "--classes", default="")
        if found.section.keys() & {"classes", "class_file"}:
            typer.echo(f"  {found.words}", err=True)
        return found

    def model(
        self,
        data: "DataFound",
        given_model: str | None,
        *,
        role: str,
        device: str,
        given: dict[str, str | None],
        has_feature_model: bool = False,
    ) -> "tuple[DataFound, Choice]":
        """The model, and the data with their classes as it names its outputs."""
        from barlow_report.starting import choose_preprocessing, in_order_of_outputs, model_section

        def load(text: str) -> "tuple[DataFound, Choice]":
            weights = given.get("weights")
            if weights is None:
                weights = self._weights(text)
            section = model_section(
                text,
                weights=weights,
                arguments=given.get("arguments") or "",
                preprocessing=given.get("preprocessing") or "",
                n_classes=data.n_classes,
            )
            if "onnx" in section and role == "inspected_model":
                self._require_features(has_feature_model)
            typer.echo("  Trying it …", err=True)
            ordered = in_order_of_outputs(data, section) if role == "inspected_model" else None
            if ordered is not None:
                typer.echo("  Classes: in the order in which the model names its outputs", err=True)
            return ordered or data, choose_preprocessing(ordered or data, section, role=role, device=device)

        is_inspected = role == "inspected_model"
        question = "Model" if is_inspected else "Model whose features explain the failures, best a robust one"
        hint = ": torchvision:NAME, timm:NAME, transformers:FOLDER, my_model.py:function, or a file"
        option = "--model" if is_inspected else "--feature-model"
        ordered, chosen = self._ask(question + hint, given_model, load, option)
        for line in _words(chosen, ordered):
            typer.echo(f"  {line}", err=True)
        return ordered, chosen

    def _require_features(self, has_feature_model: bool) -> None:
        """Raise where nothing gives features beside an ONNX file, before the file is tried."""
        if not has_feature_model and not self._asks:
            raise ConfigError(
                "--feature-model: missing. An ONNX file gives neither features nor gradients: name another model, best "
                "an adversarially robust one."
            )

    def _weights(self, model: str) -> str:
        """Ask for the weights of a model that does not hold them."""
        is_of_library = model.startswith(("torchvision:", "timm:"))
        if not (is_of_library or ".py:" in model or model.startswith("factory:")):
            return ""
        if not self._asks:
            return "published" if is_of_library else ""
        hint = "a file, or published to download them" if is_of_library else "a file, or nothing if it loads its own"
        return _prompt(f"  Weights: {hint}", default="published" if is_of_library else "")

    def wants_feature_model(self) -> bool:
        """Ask whether another model gives the features."""
        question = "Explain by the features of another model, such as an adversarially robust one (yes or no)"
        return self._asks and _prompt(question, default="no").lower() in ("y", "yes")

    def name(self, given: str | None, *, of: "Choice | None") -> str:
        from barlow_report.slugs import slugs

        (default,) = slugs([of.trial.name if of is not None else "report"])
        return self._ask("Name of the run", given, _checked_name, "--name", default=default)

    def _ask(
        self, question: str, given: str | None, use: Callable[[str], T], option: str, *, default: str | None = None
    ) -> T:
        """Use an option, the default, or the first answer that can be used."""
        if given is not None:
            return use(given)
        if not self._asks:
            if default is None:
                raise typer.BadParameter("missing; without --yes it is asked", param_hint=option)
            return use(default)
        while True:
            answer = _prompt(question, default=default)
            try:
                return use(answer)
            except BarlowReportError as error:
                typer.echo(f"  {error}", err=True)


def _prompt(question: str, *, default: str | None) -> str:
    try:
        answer: str = typer.prompt(question, default=default, show_default=bool(default), err=True)
    except typer.Abort:
        typer.echo("\nNothing was written. Where nobody answers, give options and --yes.", err=True)
        raise typer.Exit(1) from None
    return answer.strip()


def _are_wordnet_ids(paths: list[str]) -> bool:
    folders = {path.split("/")[0] for path in paths}
    return all(len(name) == 9 and name[0] == "n" and name[1:].isdigit() for name in folders)


def _checked_name(text: str) -> str:
    from barlow_report.starting.trial import as_config

    sections: dict[str, Any] = {"data": {"folder": "."}, "inspected_model": {"torchvision": "resnet18"}}
    return as_config({**sections, "name": text}, folder=Path.cwd()).name


def _words(choice: "Choice", data: "DataFound") -> list[str]:
    """What to say of a model once it has run."""
    trial, prepared = choice.trial, choice.trial.preprocessing
    size = _size(prepared.resize, prepared.crop)
    lines = [
        f"{trial.name}: {trial.n_outputs} outputs, {trial.n_features or 'no'} features",
        f"Images: {size}, mean {_numbers(prepared.mean)}, std {_numbers(prepared.std)}"
        + (
            "; proposed, correct it if it was trained otherwise"
            if choice.remarks and "preprocessing" in choice.section
            else ""
        ),
        *choice.remarks,
    ]
    if trial.n_tried:
        lines.append(f"Tried on {trial.n_tried} images: {trial.n_right} right")
    if (better := trial.better_order(data.images.class_names)) is not None:
        lines.append(f"{better} List the classes in the order of the model's outputs (--classes).")
    elif trial.is_chance(data.n_classes):
        lines.append(
            "That is what guessing gives. Check the weights, the preprocessing, and whether the classes are in the "
            "order of the model's outputs."
        )
    return [*lines, *trial.assumptions]


def _remarks(data: "DataFound", inspected: "Choice | None", feature: "Choice | None") -> dict[str, list[str]]:
    remarks = {"data": [data.words], "inspected_model": [], "feature_model": []}
    if "classes" in data.section and inspected is not None and "transformers" in inspected.section:
        remarks["data"].append("Classes are in the order in which the model names its outputs (id2label).")
    if inspected is not None:
        remarks["inspected_model"] = _words(inspected, data)
    if feature is not None:
        remarks["feature_model"] = _words(feature, data)
    elif inspected is not None:
        remarks["feature_model"] = [
            "Features are those of the inspected model. Those of an adversarially robust model (feature_model:) are "
            "easier to see and to name."
        ]
    return remarks


def _size(resize: int | tuple[int, int] | None, crop: int | None) -> str:
    """How images are brought to a size, in words."""
    parts = []
    if resize is not None:
        parts.append(f"resized to {resize[0]} × {resize[1]}" if isinstance(resize, tuple) else f"resized to {resize}")
    if crop is not None and (crop, crop) != resize:
        parts.append(f"{crop} × {crop} of the middle")
    return ", ".join(parts) or "as they are"


def _numbers(values: tuple[float, ...]) -> str:
    return f"[{', '.join(f'{value:g}' for value in values)}]"
