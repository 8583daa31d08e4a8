import numpy as np
import pytest
import torch

import geomlib as g
from geomlib import train
from geomlib.engine import fast, replay

FEW = {"counts": np.full((13, 13), 4), "steps": 15}  # epochs of 4 full batches and one of 62 images


@pytest.mark.parametrize("wins", [True, False])
@pytest.mark.parametrize(
    "changes",
    [{}, {"tasks": ["order", "region"]}, {"tasks": ["order"], "source": "there"}, {"loss": "B", "tasks": ["identity"]}],
)
def test_replayed_steps_give_the_same_bits(monkeypatch, wins, changes):
    if wins and not torch.backends.mkldnn.is_available():
        pytest.skip("this torch has no oneDNN")
    monkeypatch.setattr(fast, "onednn_wins", lambda: wins)
    monkeypatch.setitem(replay.WORTH, "cpu", 1)
    replayed, calls, source = [], replay.Replay._calls, g.BetaVAE()

    def counted(self, *arguments):
        step = calls(self, *arguments)
        return lambda tensors: replayed.append(1) or step(tensors)

    monkeypatch.setattr(replay.Replay, "_calls", counted)
    spec, sources = g.Spec(**FEW, **changes), {"there": source}
    eager, recorded = (g.fit([spec], "cpu", sources=sources, record=record)[0] for record in (False, True))
    assert len(replayed) == 9  # of 15, three are before the recording and three of another size
    assert all(torch.equal(w, recorded.model.state_dict()[name]) for name, w in eager.model.state_dict().items())
    assert eager.history.equals(recorded.history)


def test_a_recording_leaves_out_what_does_no_arithmetic():
    def step(x, y):
        return (x.mT.unsqueeze(0) @ y.view(1, 2, 2).view(1, 4, 1).view(1, 2, 2)).detach().add_(1)

    x, y = torch.rand(2, 2), torch.rand(4)
    recorded = replay.make_fx(step)(x, y)
    before = len(recorded.graph.nodes)
    replay.shorten(recorded, [x])
    names = [str(node.target) for node in recorded.graph.nodes if node.op == "call_function"]
    assert not {"aten.transpose.int", "aten.unsqueeze.default", "aten.detach.default"} & set(names)
    assert names.count("aten.view.default") <= 3 and len(recorded.graph.nodes) < before
    x.mul_(2)  # views of the state see what it is now
    assert torch.equal(recorded(x, y), step(x, y))


def test_a_step_that_looks_at_a_value_says_so(monkeypatch):
    terms = train.stack_terms
    monkeypatch.setitem(replay.WORTH, "cpu", 1)
    monkeypatch.setattr(
        train, "stack_terms", lambda *a: {name: term * (term.sum().item() > 0) for name, term in terms(*a).items()}
    )
    with pytest.raises(RuntimeError, match=r"must not look at a tensor's value.*fit\(..., record=False\) trains"):
        g.fit([g.Spec(**FEW)], "cpu")
    assert g.fit([g.Spec(**FEW)], "cpu", record=False)[0].final.size
