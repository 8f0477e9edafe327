"""What is said of the cause."""

from latentlab.pipeline.plan import Plan
from latentlab.verify import causes

OLD = Plan({"seed": 1, "variant": {"epochs": 2}}, {"src/latentlab/stages/train.py": "a"}, {"keras": "3.0"})


def test_a_plan_tells_parameters_before_code_before_libraries() -> None:
    new = Plan({"seed": 1, "variant": {"epochs": 3}}, {"src/latentlab/stages/train.py": "b"}, {"keras": "3.1"})
    assert list(map(str, causes.of_plans("train@v", OLD.text, new.text))) == [
        "parameters: epochs 2 -> 3",
        "code: stages/train.py",
        "libraries: keras 3.0 -> 3.1",
    ]
    assert causes.of_plans("train@v", OLD.text, OLD.text) == []


def test_a_plan_that_nobody_has_is_said() -> None:
    (unknown,) = causes.of_plans("train@v", None, OLD.text)
    assert str(unknown).startswith("plan: plan/train@v.json is not what dvc.lock says, nor is it in any commit")
    (damaged,) = causes.of_plans("train@v", "{", OLD.text)
    assert str(damaged).startswith("plan: plan/train@v.json is damaged")


def test_many_files_are_counted() -> None:
    new = Plan(OLD.parameters, {f"src/latentlab/{number}.py": "x" for number in range(9)}, OLD.libraries)
    (code,) = causes.of_plans("train@v", OLD.text, new.text)
    assert str(code) == "code: 0.py, 1.py, 2.py, 3.py and 6 more"


def test_numerical_classes_count_if_both_are_known() -> None:
    assert str(causes.of_numerics("portable", "native")) == "numerical class: portable -> native"
    assert causes.of_numerics("native", "native") is None
    assert causes.of_numerics(None, "native") is None
    same = "not deterministic: parameters, code, libraries and data are the same"
    assert str(causes.of_chance("native", "native", has_class=True)) == same
    unknown = str(causes.of_chance(None, "native", has_class=True))
    assert unknown.startswith("not deterministic, or another numerical class: parameters, ")
    assert unknown.endswith(" the same, the numerical class of the committed result is unknown, here it is native")
    assert str(causes.of_chance(None, None, has_class=False)) == same


def test_data() -> None:
    assert causes.of_data([]) is None
    assert str(causes.of_data(["data/raw"])) == "data: data/raw is not what dvc.lock says"
    assert causes.of_prepared(["plots/prepare/contact_sheet.png"]) is None
    assert str(causes.of_prepared(["data/prepared/test.npz"])).startswith("data: data/prepared/test.npz is not what ")
