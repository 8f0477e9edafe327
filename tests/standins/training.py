"""Stands in for a part of the stage `train`, whose other parts stay: `_train` takes the place of its namesake."""

from latentlab.config import paths, plugins
from latentlab.config.stages import ForTrain
from latentlab.pipeline.plan import check_unchanged
from latentlab.pipeline.used import NOTE
from latentlab.stages.train import _checkpoint, _delete
from latentlab.storage.csv import write_csv
from latentlab.storage.json import write_json
from latentlab.storage.memory import Array
from latentlab.tracking.sender import Live


def _train(
    p: ForTrain, train: Array, validation: Array, used: dict[str, str], checkpoint_seconds: float, live: Live
) -> str:
    """Some epochs that take a moment each."""
    import os
    import time

    import numpy as np

    from latentlab.errors import UserError
    from latentlab.pipeline.note import note
    from latentlab.storage.pickle import write_pickle
    from latentlab.training.checkpoint import State

    v = p.variant
    if (v.training.learning_rate or 0) > 1:
        raise UserError(f"variant {v.name}: loss is not finite in epoch 1")
    size = v.settings()["size"]
    noted = note(p, 0, *(paths.prepared(split) for split in ("train", "validation")))
    checkpoint = _checkpoint(v.name, train, validation, checkpoint_seconds)
    state = checkpoint.load() or State([], 0, [], [], [])
    architecture = plugins.load("models", v.learning.model, "")
    noted["level"] = architecture.LEVEL
    check_unchanged(p.stage, v.name)
    for epoch in range(len(state.history) + 1, v.training.epochs + 1):
        time.sleep(0.03)
        losses = {name: float(train.mean()) / epoch for name in ("loss", "validation_loss")}
        if "LATENTLAB_TESTS_EPOCHS" in os.environ:
            print("epoch", epoch, flush=True)
        row = {"epoch": epoch, **losses, "validation_reconstruction_loss": losses["loss"]}
        live.epoch(row)
        state.history.append(row)
        checkpoint.save(state)
    # larger than DVC's own files, so that a disk may be too full for these alone
    weights = np.full(20_000 * size, p.seed + v.training.epochs + noted["level"], np.float32)
    for path in (paths.encoder(v.name), paths.decoder(v.name)):
        write_pickle(path, {"weights": weights})
    write_csv(paths.history(v.name), state.history)
    kept = {name: state.history[-1][name] for name in ("loss", "validation_loss")}
    about = {"parameters": {"total": size}, "latent_shape": [2], "variational": False, **kept}
    epochs = len(state.history)
    about |= {"epochs": epochs, "best_epoch": epochs, "validation_bce": kept["loss"], NOTE: used, "used": noted}
    write_json(paths.training(v.name), about)
    _delete(checkpoint)
    return f"train {v.name}: {epochs} epochs"
