"""What a stage is called where several studies may run at once."""

from collections.abc import Collection
from dataclasses import dataclass

from latentlab.config import project
from latentlab.pipeline import dvc


@dataclass(frozen=True)
class Label:
    """A stage of a study: `train` of the variant `simple`. `study` is empty where there is but one."""

    study: str
    stage: str
    variant: str

    @classmethod
    def of(cls, study: str, name: str) -> "Label":
        """From the name that DVC gives a stage in its folder: `prepare`, `train@simple`."""
        stage, _, variant = name.partition("@")
        return cls(study, stage, variant)

    @property
    def name(self) -> str:
        """As DVC calls it in its folder."""
        return f"{self.stage}@{self.variant}" if self.variant else self.stage

    @property
    def row(self) -> str:
        """The variant, with its study."""
        return "/".join(filter(None, [self.study, self.variant]))

    def __str__(self) -> str:
        return "/".join(filter(None, [self.study, self.name]))


def labels(stages: Collection[dvc.Stage]) -> dict[dvc.Stage, Label]:
    """The label of each stage, with its study if they are of several."""
    folders = {dvc.folder_of(stage) for stage in stages}
    root = project.root()
    study = {folder: folder.name if len(folders) > 1 and folder != root else "" for folder in folders}
    return {
        stage: Label.of(study[dvc.folder_of(stage)], dvc.name_in_lock(stage) or stage.addressing) for stage in stages
    }
