"""The claims, a number a seed each."""

import numpy as np

from geomlib import claims, paper


def test_the_effects_by_capacity_average_to_the_claims():
    each = claims.claims_by_capacity()
    effects = claims.claims().pivot(index="seed", columns="claim", values="effect")
    mean = lambda claim, *models: each[(each.claim == claim) & each.model.isin(models)].groupby("seed").effect.mean()
    assert np.allclose(mean("specialization", "E1M1"), effects.specialization)
    assert np.allclose(mean("orthogonalization", "E2M1", "E2M2", "E2M3"), effects.orthogonalization)
    assert np.allclose(mean("more latents", "E1M1", "E1M2"), effects["more latents"])
    uneven = each[each.claim == "prototypization"].pivot(index="seed", columns="capacity", values="effect")
    assert np.allclose(uneven[0.3] - uneven[10], effects.prototypization)
    few = claims.claims_by_capacity(paper.results().query("seed == 0 and capacity == 10 and model == 'E1M1'"))
    assert few.empty  # no baseline, nothing to compare with
