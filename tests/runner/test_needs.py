"""What a stage takes of a machine, by its plan."""

from pathlib import Path
from typing import Any

from latentlab.config import paths
from latentlab.runner.labels import Label
from latentlab.runner.needs import MEGABYTE, room
from latentlab.stages import plan


def memory(stage: str) -> float:
    return room(Label("", stage, "simple"), Path()).memory / MEGABYTE


def test_a_large_map_takes_more_memory_and_other_stages_do_not(tiny: dict[str, Any], write_params: Any) -> None:
    found = []
    for points in (1000, 70_000):
        write_params(tiny | {"tsne": {"perplexity": 30, "points": points}})
        plan.main()
        found.append([memory(stage) for stage in ("tsne", "evaluate")])
    (small, evaluate), (large, evaluate_again) = found
    assert 220 < small < 230
    assert 600 < large < 650
    assert evaluate == evaluate_again


def test_a_damaged_plan_is_for_the_stage_to_tell(project: Path) -> None:
    plan.main()
    for text in ("", '{"parameters": {"tsne": 3, "threads": null}, "code": {}, "libraries": {}}'):
        paths.plan("tsne@simple").write_text(text)
        assert memory("tsne") == 220
        assert room(Label("", "tsne", "simple"), Path()).cores == 1
