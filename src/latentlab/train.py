"""Stage `train`: train one variant and keep its models and its history."""

from typing import Any

from latentlab import params, paths, plugins, runtime, stage
from latentlab.artifacts import read_npz, write_csv, write_json, write_keras
from latentlab.autoencoder import Autoencoder
from latentlab.params import Variant


def main(variant: str) -> str:
    """Train `variant` on the training split; the validation split is the only other one it sees."""
    p = params.load()
    v = p.variant(variant)
    train, validation = (read_npz(paths.prepared(split))["images"] for split in ("train", "validation"))
    runtime.start_tensorflow(p.seed, p.threads)
    from latentlab.training.fit import fit

    autoencoder = build(v, train.shape[1:])
    result = fit(autoencoder, train, validation, v, p.seed)
    write_keras(paths.encoder(variant), autoencoder.encoder)
    write_keras(paths.decoder(variant), autoencoder.decoder)
    write_csv(paths.history(variant), result.history)
    kept = result.history[result.kept_epoch - 1]
    write_json(paths.training(variant), summary(autoencoder, result.best_epoch, len(result.history), kept))
    return f"train {variant}: {len(result.history)} epochs, validation loss {kept['validation_loss']:.4f}"


def build(variant: Variant, image_shape: tuple[int, ...]) -> Autoencoder:
    """The untrained autoencoder of a variant. Weights come from Keras' global seed."""
    autoencoder = plugins.load("models", variant.training.model, f"variants.{variant.name}.model").build(
        variant.options, image_shape
    )
    assert isinstance(autoencoder, Autoencoder), f"models/{variant.training.model}.py: build returns no Autoencoder"
    return autoencoder


def summary(autoencoder: Autoencoder, best_epoch: int, epochs: int, kept: dict[str, float]) -> dict[str, Any]:
    """What the training came to; losses are those of the weights that are kept."""
    return {
        "parameters": autoencoder.parameters(),
        "latent_shape": list(autoencoder.latent_shape),
        "variational": autoencoder.variational,
        "epochs": epochs,
        "best_epoch": best_epoch,
        "loss": kept["loss"],
        "validation_loss": kept["validation_loss"],
    }


if __name__ == "__main__":
    stage.run(main)
