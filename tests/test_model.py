import pickle

import numpy as np
import pytest
import torch

import geomlib as g


def test_the_network_has_the_papers_number_of_parameters():
    assert sum(p.numel() for p in g.BetaVAE().parameters()) == 349_643


@pytest.mark.parametrize(
    "task, parameters",
    [
        ("order", 5 * 1024 + 1024 + 1024 + 1),
        ("region", 5 * 1500 + 1500 + 1500 * 25 + 25),
        ("identity", 5 * 2500 + 2500 + 2500 * 169 + 169),
    ],
)
def test_a_head_has_the_originals_layers(task, parameters):
    network = g.BetaVAE(heads={task: g.TASKS[task].n_classes})
    assert sum(p.numel() for p in network.classifiers[task].parameters()) == parameters


def test_shapes_are_those_of_the_docstrings():
    network = g.BetaVAE(heads={"order": 2, "region": 25})
    out = network(torch.zeros(7, 1, 13, 13), torch.randn(7, 5))
    assert out.reconstruction.shape == (7, 1, 13, 13)
    assert out.mu.shape == out.logvar.shape == out.z.shape == (7, 5)
    assert out.classes["order"].shape == (7,) and out.classes["region"].shape == (7, 25)
    assert ((0 <= out.reconstruction) & (out.reconstruction <= 1)).all()
    assert torch.allclose(out.classes["region"].sum(1), torch.ones(7))


def test_a_binary_head_is_linear_in_the_code():
    classify = lambda z: g.BetaVAE.classify(network, z)["order"].logit()
    network = g.BetaVAE(heads={"order": 2}).double()
    a, b = torch.randn(2, 1, 5, dtype=torch.double)
    assert torch.allclose(classify((a + b) / 2), (classify(a) + classify(b)) / 2)


def test_without_noise_the_code_is_the_posterior_mean_and_noise_has_the_posteriors_spread():
    network = g.BetaVAE()
    images = torch.rand(3, 1, 13, 13)
    still, moved = network(images, torch.zeros(3, 5)), network(images, torch.ones(3, 5))
    assert torch.equal(still.z, still.mu)
    assert torch.allclose(moved.z - moved.mu, (moved.logvar / 2).exp())


def test_the_rate_is_the_divergence_of_two_gaussians():
    mu, logvar = torch.randn(4, 5, dtype=torch.double), torch.randn(4, 5, dtype=torch.double)
    normal = torch.distributions.Normal
    kl = torch.distributions.kl_divergence(
        normal(mu, (logvar / 2).exp()), normal(torch.zeros(()), torch.ones(())).expand((4, 5))
    )
    assert torch.allclose(g.rate(mu, logvar), kl.sum(1))
    assert g.rate(torch.zeros(1, 5), torch.zeros(1, 5)) == 0


def original_state(heads):
    """A state_dict with the original's names, from a network of ours."""
    ours = {"mu": "fc_mu", "logvar": "fc_var", "expand": "decoder_input"}
    number = {"region": 0, "aligned": 1, "order": 2, "quadrant": 3, "identity": 4}
    network, state = g.BetaVAE(heads=heads), {}
    for name, value in network.state_dict().items():
        part, rest = name.split(".", 1)
        if part == "classifiers":
            task, layer, kind = rest.split(".")
            layer = "3" if layer == "2" else layer
            part, rest = (
                ("clf", f"{layer}.{kind}") if len(heads) == 1 else ("clf_dict", f"{number[task]}.{layer}.{kind}")
            )
        state[f"model.{ours.get(part, part)}.{rest}"] = value
    return network, state


@pytest.mark.parametrize(
    "heads",
    [{}, {"order": 2}, {"region": 25}, {"identity": 169}, {"region": 25, "aligned": 2, "order": 2, "quadrant": 2}],
)
def test_a_checkpoint_of_the_original_gives_the_same_network(tmp_path, heads):
    network, state = original_state(heads)
    torch.save({"state_dict": state, "epoch": 5, "hyper_parameters": {"kld_weight": 0.0003}}, tmp_path / "a.ckpt")
    loaded = g.load_original(tmp_path / "a.ckpt", "order" if "order" in heads else None)
    images, noise = torch.rand(3, 1, 13, 13), torch.randn(3, 5)
    ours, theirs = network(images, noise), loaded(images, noise)
    assert torch.equal(ours.reconstruction, theirs.reconstruction)
    assert ours.classes.keys() == theirs.classes.keys()
    assert all(torch.equal(ours.classes[task], theirs.classes[task]) for task in heads)


class Payload:
    def __reduce__(self):
        return (print, ("code of the checkpoint ran",))


def broken(kind, state):
    if kind == "missing":
        return {"state_dict": {k: v for k, v in state.items() if k != "model.encoder.2.bias"}}
    if kind == "shape":
        return {"state_dict": state | {"model.encoder.2.bias": torch.zeros(3)}}
    if kind == "unknown":
        return {"state_dict": state | {"model.flow.weight": torch.zeros(3)}}
    if kind == "list":
        return [state]
    if kind == "other":
        return {"state_dict": {"weight": torch.zeros(3)}}
    if kind == "key":
        return {"state_dict": state | {7: torch.zeros(3)}}
    if kind == "number":
        return {"state_dict": state | {"model.clf.1.bias": torch.tensor(1.0)}}
    return {"state_dict": state, "callbacks": Payload()}


@pytest.mark.parametrize(
    "kind, words",
    [
        ("missing", "encoder.2.bias"),
        ("shape", "encoder.2.bias"),
        ("unknown", "flow.weight"),
        ("list", "'state_dict' of named tensors"),
        ("key", "'state_dict' of named tensors"),
        ("number", "'state_dict' of named tensors"),
        ("other", "no model.fc_mu.bias"),
        ("object", "weights alone: .*torch.save"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused_and_never_runs_code(tmp_path, capsys, kind, words):
    torch.save(broken(kind, original_state({})[1]), tmp_path / "a.ckpt")
    with pytest.raises(ValueError, match=words):
        g.load_original(tmp_path / "a.ckpt")
    assert "code of the checkpoint ran" not in capsys.readouterr().out


def test_files_that_are_no_checkpoints_are_refused(tmp_path):
    torch.save({"state_dict": original_state({})[1]}, tmp_path / "a.ckpt")
    whole = (tmp_path / "a.ckpt").read_bytes()
    for content in (
        b"",
        b"hello",
        b"# The geometry of codes\n",
        whole[:1000],
        pickle.dumps({"state_dict": {}}, protocol=2),
        np.zeros(5).tobytes(),
    ):
        (tmp_path / "b.ckpt").write_bytes(content)
        with pytest.raises(ValueError, match="b.ckpt: not a checkpoint of torch.save"):
            g.load_original(tmp_path / "b.ckpt")
    with pytest.raises(FileNotFoundError):
        g.load_original(tmp_path / "c.ckpt")


def test_one_binary_head_must_be_named(tmp_path):
    torch.save({"state_dict": original_state({"order": 2})[1]}, tmp_path / "a.ckpt")
    with pytest.raises(ValueError, match="one of aligned, order, quadrant"):
        g.load_original(tmp_path / "a.ckpt")
