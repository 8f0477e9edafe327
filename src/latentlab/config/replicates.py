"""Variants that are the same but for the seed: one of them with a mean and a deviation."""

import json
from collections.abc import Mapping

from latentlab.config.variants import Variant
from latentlab.errors import UserError


def replicates(variants: Mapping[str, Variant]) -> dict[str, tuple[str, ...]]:
    """Names of variants with equal settings, the first of them included, by the first of them."""
    groups: dict[str, list[str]] = {}
    for name, variant in variants.items():
        groups.setdefault(json.dumps(variant.settings(), sort_keys=True), []).append(name)
    return {names[0]: tuple(names) for names in groups.values()}


def check_seeds(variants: Mapping[str, Variant], seed: int) -> None:
    """Raise `UserError` if variants are the same in all, which would count one result twice."""
    for first, names in replicates(variants).items():
        seeds: dict[int, str] = {}
        for name in names:
            own = variants[name].own.seed
            here = seed if own is None else own
            if here in seeds:
                raise UserError(
                    f"params.yaml: variants.{name}: found what {seeds[here]} is, with the same seed, {here}, allowed: "
                    f"another seed: {name}: {{like: {first}, seed: {here + 1}}}"
                )
            seeds[here] = name
