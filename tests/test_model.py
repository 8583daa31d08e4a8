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
    assert ((out.reconstruction >= 0) & (out.reconstruction <= 1)).all()
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
