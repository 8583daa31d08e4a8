import math
import sys

import numpy as np
import pytest
import torch

import geomlib as g
from geomlib import train
from geomlib.engine import fast, replay

pytestmark = pytest.mark.skipif(sys.version_info >= (3, 14), reason="TorchScript ends with Python 3.13")
FEW = {"counts": np.full((13, 13), 4), "steps": 15}  # epochs of 4 full batches and one of 62 images


@pytest.mark.parametrize("wins", [True, False])
@pytest.mark.parametrize("changes", [{}, {"tasks": ["order", "region"]}, {"tasks": ["order"], "source": "there"}])
def test_replayed_steps_give_the_same_bits(monkeypatch, wins, changes):
    if wins and not torch.backends.mkldnn.is_available():
        pytest.skip("this torch has no oneDNN")
    monkeypatch.setattr(fast, "onednn_wins", lambda: wins)
    replayed, trace, source = [], replay.Replay._trace, g.BetaVAE()

    def counted(self, *arguments):
        step = trace(self, *arguments)
        return lambda tensors: replayed.append(1) or step(tensors)

    monkeypatch.setattr(replay.Replay, "_trace", counted)
    results = []
    for calls in (math.inf, 2):
        monkeypatch.setitem(replay.EAGER, "cpu", calls)
        results.append(g.fit([g.Spec(**FEW, **changes)], "cpu", sources={"there": source})[0])
    eager, recorded = results
    assert len(replayed) == 10  # of 15, two are before the recording and three of another size
    assert all(torch.equal(w, recorded.model.state_dict()[name]) for name, w in eager.model.state_dict().items())
    assert eager.history.equals(recorded.history)


def test_a_step_that_looks_at_a_value_says_so(monkeypatch):
    terms = train.stack_terms
    monkeypatch.setitem(replay.EAGER, "cpu", 2)
    monkeypatch.setattr(
        train, "stack_terms", lambda *a: {name: term * (term.sum().item() > 0) for name, term in terms(*a).items()}
    )
    with pytest.raises(RuntimeError, match=r"must not look at a tensor's value.*EAGER\['cpu'\] = math.inf"):
        g.fit([g.Spec(**FEW)], "cpu")
