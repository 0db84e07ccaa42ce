"""Run a peer's package on stored jobs: `python worker.py (domino|erroranalysis) FOLDER`, in that package's interpreter.

Imports nothing of this project, whose requirements are newer than the peers'.
"""

import sys
import warnings
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import numpy as np

Job = dict[str, Any]
Scores = Any

N_SLICES = 5  # domino's default
N_COMPONENTS = 5  # the best of 5, 10 and 25 (the default) on the tuning scenes
OUTCOME_WEIGHT = 1  # the best of 1, 2 and 10 (the default) on the tuning scenes


def main() -> None:
    """Write the scores of each job beside it."""
    peer, folder = sys.argv[1:]
    run = {"domino": run_domino, "erroranalysis": run_error_tree}[peer]
    warnings.simplefilter("ignore")
    for path in sorted(Path(folder).glob("*.npz")):
        with np.load(path) as job:
            np.save(path.with_name(f"{path.stem}-scores.npy"), run({name: job[name] for name in job.files}))


def run_domino(job: Job) -> Scores:
    """Fit domino's mixture to features, labels (one class) and predictions; a member has its component most likely."""
    slicer_class = _import_domino()
    n, dimensions = job["fit_features"].shape
    slicer = slicer_class(
        n_slices=N_SLICES,
        n_pca_components=min(128, dimensions, n - 1),
        n_mixture_components=min(N_COMPONENTS, n // 4),
        y_log_likelihood_weight=OUTCOME_WEIGHT,
        y_hat_log_likelihood_weight=OUTCOME_WEIGHT,
        random_state=int(job["seed"]),
    )
    inputs = {}
    for part in ("fit", "apply"):
        failure = job[f"{part}_failure"].astype(int)
        inputs[part] = {
            "embeddings": job[f"{part}_features"].astype(np.float64),
            "targets": np.zeros(len(failure), dtype=int),
            "pred_probs": np.stack([1 - failure, failure], axis=1).astype(np.float64),
        }
    slicer.fit(**inputs["fit"])
    chosen = slicer.slice_cluster_indices
    every = slicer.mm.predict_proba(
        slicer.pca.transform(inputs["apply"]["embeddings"]),
        y=inputs["apply"]["targets"],
        y_hat=inputs["apply"]["pred_probs"],
    )
    return np.where(every.argmax(axis=1)[:, None] == chosen, every[:, chosen], every[:, chosen] - 1)


def _import_domino() -> Any:
    """Import the slicer alone: meerkat, its data frame, is needed for annotations only and does not import here."""
    for name in ("meerkat", "meerkat.columns", "meerkat.columns.tensor_column"):
        sys.modules.setdefault(name, MagicMock())
    package = next(Path(entry, "domino") for entry in sys.path if Path(entry, "domino", "_slice").is_dir())
    for name, folder in (("domino", package), ("domino._slice", package / "_slice")):
        module = ModuleType(name)
        module.__path__ = [str(folder)]
        sys.modules.setdefault(name, module)
    from sklearn.mixture import _base
    from sklearn.utils import check_array

    # of scikit-learn 0.24, which domino asks for and which has no wheel for this Python
    _base._check_X = lambda x, *_, **__: check_array(x, dtype=[np.float64, np.float32])
    slicing: Any = import_module("domino._slice.domino")

    slicing.tqdm = lambda iterable, **_: iterable
    return slicing.DominoSlicer


def run_error_tree(job: Job) -> Scores:
    """Fit erroranalysis's surrogate, a LightGBM tree of depth 3; leaves are slices, the most failing first."""
    import pandas as pd

    names = [f"f{i}" for i in range(job["fit_features"].shape[1])]
    frame = pd.DataFrame(job["fit_features"].astype(np.float64), columns=names)
    failure = job["fit_failure"]
    analyzer = import_module("erroranalysis.analyzer.error_analyzer").PredictionsAnalyzer(
        failure.astype(int), frame, np.zeros(len(failure), dtype=int), names, []
    )
    model = import_module("erroranalysis._internal.surrogate_error_tree").create_surrogate_model(
        analyzer,
        frame,
        failure.astype(int),
        max_depth=3,
        num_leaves=31,
        min_child_samples=20,
        cat_ind_reindexed=[],
    )
    apply = job["apply_features"].astype(np.float64)
    leaves = np.asarray(model.predict(apply, pred_leaf=True)).reshape(len(apply), -1)[:, 0]
    fitted = np.asarray(model.predict(frame.to_numpy(), pred_leaf=True)).reshape(len(frame), -1)[:, 0]
    ids = np.unique(fitted)
    ids = ids[np.argsort([-failure[fitted == leaf].mean() for leaf in ids], kind="stable")]
    return (leaves[:, None] == ids).astype(np.float64)


if __name__ == "__main__":
    main()
