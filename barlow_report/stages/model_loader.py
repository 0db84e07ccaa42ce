"""Loading models beside the inspected one, and trying each on a few images of the run."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from barlow_report.config import Config
from barlow_report.run_folder import Run
from barlow_report.stages.loading import Noted, noting
from barlow_report.stages.model_answers import AskedModel
from barlow_report.stages.output_subset import subset_of
from barlow_report.stages.pictures import input_size
from barlow_report.vision.datasets import open_source

if TYPE_CHECKING:
    from barlow_report.vision.models import LoadedModel

__all__ = ["ModelLoader", "role_of"]


def role_of(model: AskedModel) -> str:
    """What errors call a model."""
    return f"comparison.models: {model.name}"


class ModelLoader:
    """The images of a run, and the device that models are loaded to.

    Attributes:
        paths: Of the images.
        labels: (n_images,) class_id of each.
        class_names: By class_id.
        device: Where models run.
        sample: Images that models are tried on; they stay decoded.
        source: Reads the images.
    """

    def __init__(self, config: Config, run: Run) -> None:
        from barlow_report.vision.devices import choose_device
        from barlow_report.vision.kept_pixels import KeptImages
        from barlow_report.vision.sampling import draw_sample

        self._config, self._subset = config, subset_of(run)
        images = run.read_table("images")
        self.paths: list[str] = images["path"].tolist()
        self.labels = images["label"].to_numpy(dtype=np.int64)
        self.class_names: list[str] = run.read_table("classes")["name"].tolist()
        self.device = choose_device(config.device)
        self.sample: Sequence[str] = [self.paths[0], *(self.paths[i] for i in draw_sample(len(self.paths)))]
        self.source = KeptImages(open_source(config.data), self.sample)

    def introduce(self, model: AskedModel) -> dict[str, Any]:
        """Load a model, try it, and return what is known of it, in a form that can be written as JSON.

        Raises:
            ModelError: It cannot be used.
        """
        from barlow_report.vision.free_memory import model_bytes
        from barlow_report.vision.model_facts import find_facts
        from barlow_report.vision.trial import try_models

        noted = Noted()
        with noting({"model": model.spec}, noted):
            loaded = self.load(model)
        assumptions = try_models(
            self.paths,
            self.labels,
            source=self.source,
            feature_model=None,
            inspected_model=loaded,
            batch_size=self._config.extraction.batch_size,
        )
        return {
            "name": model.name,
            **asdict(find_facts(model.spec, loaded)),
            "n_outputs": loaded.n_outputs,
            "is_linear": loaded.ends_in_linear,
            "n_bytes": model_bytes(loaded.module),
            "sha256": loaded.sha256,
            "preprocessing": loaded.preprocessing.model_dump(mode="json"),
            "assumptions": sorted(assumptions.values()),
            "loaded": noted,
        }

    def load(self, model: AskedModel) -> "LoadedModel":
        """Load a model for its predictions.

        Raises:
            ModelError: It cannot be loaded, or does not fit the classes.
        """
        from barlow_report.vision.channels import require_channels
        from barlow_report.vision.compared_outputs import check_decision
        from barlow_report.vision.kept_outputs import keep_outputs
        from barlow_report.vision.loading import load_model
        from barlow_report.vision.output_counts import check_outputs

        loaded = load_model(
            model.spec,
            device=self.device,
            role=role_of(model),
            image_size=input_size(model.spec, self.source, self.paths),
            needs_features=False,
        )
        require_channels(loaded.preprocessing, self._config.data.bands, is_shown=False, where=loaded.role)
        n_classes = len(self.class_names) if self._subset is None else self._subset.n_all
        check_outputs(loaded, n_classes, setting=model.spec.output)
        check_decision(
            model.spec, n_outputs=loaded.n_outputs, class_names=self.class_names, where=f"{loaded.role}: {loaded.name}"
        )
        return keep_outputs(loaded, self._subset)

    def load_to_run(self, model: AskedModel) -> "LoadedModel":
        """The same as fast as it can be; see `accelerate`."""
        from barlow_report.vision.acceleration import accelerate

        settings = self._config.extraction
        return accelerate(
            self.load(model),
            precision=settings.precision,
            channels_last=settings.channels_last,
            compiled=settings.compile,
        )
