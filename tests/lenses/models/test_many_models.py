"""A hundred models: one decoding of each image, the memory of the largest, and nothing asked twice after a kill."""

import pytest

from tests.benchmarks.many_models import Task, ask, kill_when, write_task

N_IMAGES = 2000
N_MODELS = 100
WIDE_MB = 25.2
"""Weights of the largest of these models."""


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return write_task(tmp_path_factory.mktemp("many"), n_images=N_IMAGES)


@pytest.mark.slow
def test_a_hundred_models_are_asked_with_one_decoding_in_the_memory_of_the_largest(task: Task) -> None:
    alone = ask(task.one_model)
    assert alone.reads == [1] * N_IMAGES
    kept = kill_when(task, n_finished=30)
    rest = ask(task.all_models)
    assert rest.reads == [1] * N_IMAGES  # of both geometries at once
    assert len(rest.models) == N_MODELS
    now = task.finished()
    assert len(now) == N_MODELS
    assert {name: now[name] for name in kept} == kept
    # all ten wide ones together would take 227 MB more
    assert rest.peak - alone.peak < 4 * WIDE_MB
