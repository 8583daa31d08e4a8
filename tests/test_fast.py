import pytest
import torch

from geomlib.engine import fast
from geomlib.model import DROPOUT, BetaVAE, hidden_units, rate

ONEDNN_WINS = fast.onednn_wins.__wrapped__
HEADS = {"order": 2, "region": 25, "identity": 169}


@pytest.fixture(params=["oneDNN", "bmm"], autouse=True)
def product_of_other_makers_too(request, monkeypatch):
    if request.param == "oneDNN" and not torch.backends.mkldnn.is_available():
        pytest.skip("this torch has no oneDNN")
    monkeypatch.setattr(fast, "onednn_wins", lambda: request.param == "oneDNN")


def networks(m, heads, latent_dim=5, **form):
    torch.manual_seed(7)
    return [BetaVAE(latent_dim, heads, **form) for _ in range(m)]


def inputs(m, n, heads, latent_dim=5):
    """Images, noise and dropout masks of m networks."""
    generator = torch.Generator().manual_seed(8)
    images = (torch.rand(m, n, 1, 13, 13, generator=generator) > 0.7).float()
    masks = {
        task: (torch.rand(m, n, hidden_units(k), generator=generator) >= DROPOUT) / (1 - DROPOUT)
        for task, k in heads.items()
        if k > 2
    }
    return images, torch.randn(m, n, latent_dim, generator=generator), masks


def stack(nets):
    return {
        name: torch.stack([dict(net.named_parameters())[name].detach() for net in nets]).requires_grad_()
        for name, _ in nets[0].named_parameters()
    }


def loss(output, images):
    """A sum over networks that every output, and so every weight, has a part in."""
    total = (output.reconstruction - images).square().mean((-4, -3, -2, -1)) + rate(output.mu, output.logvar).mean(-1)
    for task, p in output.classes.items():
        total = total + (p if HEADS[task] == 2 else p[..., 3]).log().mean(-1)
    return total.sum()


def close(ours, theirs):
    return (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max()


@pytest.mark.parametrize(
    "m, n, heads, latents, form",
    [(*case, {}) for case in [
        (1, 128, {}, 5),
        (1, 16, HEADS, 5),
        (3, 5, HEADS, 5),
        (2, 1, {"identity": 169}, 5),
        (1, 3, HEADS, 1),
        (2, 3, HEADS, 8),
    ]]
    + [
        (2, 5, {"order": 2}, 3, {"channels": 128}), (1, 5, {}, 5, {"channels": 17}),
        (2, 5, HEADS, 4, {"layers": "perceptron", "channels": 33}),
    ],
)  # fmt: skip
def test_outputs_and_gradients_are_those_of_the_readable_network(m, n, heads, latents, form):
    nets, (images, noise, masks) = networks(m, heads, latents, **form), inputs(m, n, heads, latents)
    weights = stack(nets)
    stacked = fast.forward(weights, images, noise, heads, masks)
    loss(stacked, images).backward()
    for i, net in enumerate(nets):
        one = net(images[i], noise[i], {task: mask[i] for task, mask in masks.items()})
        loss(one, images[i]).backward()
        assert all(close(ours[i], theirs) for ours, theirs in zip(stacked[:4], one[:4]))
        assert all(close(stacked.classes[task][i], one.classes[task]) for task in heads)
        for name, weight in net.named_parameters():
            assert close(weights[name].grad[i], weight.grad), name


def test_a_step_gives_the_same_bits_again():
    nets, (images, noise, _) = networks(2, {}), inputs(2, 128, {})
    gradients = []
    for _ in range(2):
        weights = stack(nets)
        loss(fast.forward(weights, images, noise), images).backward()
        gradients.append(weights)
    for name in gradients[0]:
        assert torch.equal(gradients[0][name].grad, gradients[1][name].grad), name


@pytest.mark.parametrize("channels, side, kernel", [(1, 13, 4), (32, 6, 3), (64, 3, 3)])
def test_picking_windows_and_putting_them_back_are_transposes(channels, side, kernel):
    tables = fast.tables(2, channels, side, kernel, torch.device("cpu"))
    rows = torch.randn(2, channels * side**2, 4, dtype=torch.double)
    for there, back in zip(tables[::2], tables[1::2]):
        windows = fast.pick(rows, there)
        other = torch.randn_like(windows)
        assert torch.allclose((windows * other).sum(), (rows * fast.pick(other, back)).sum())


def test_between_3_by_3_and_2_by_2_pixels_no_product_meets_padding():
    windows = fast.pick(torch.ones(1, 64 * 9, 1), fast.tables(1, 64, 3, 3, torch.device("cpu"))[0])
    assert windows.shape[1] == 4 * 64 * 4 and (windows == 1).all()


def test_products_are_right_for_every_layout_of_the_factors():
    a, b = torch.randn(3, 8, 6, dtype=torch.double), torch.randn(3, 6, 4, dtype=torch.double)
    for p in (a, a.mT.contiguous().mT, torch.cat([a, a], 2)[:, :, :6]):
        for q in (b, b.mT.contiguous().mT, torch.cat([b, b], 2)[:, :, :4]):
            assert torch.allclose(fast.product(p.float(), q.float()), (a @ b).float(), atol=1e-5)


@pytest.mark.parametrize(
    "maker, family, wins", [("AuthenticAMD", 26, True), ("AuthenticAMD", 25, False), ("GenuineIntel", 6, False)]
)
def test_onednn_multiplies_on_amd_since_zen_5_alone(maker, family, wins, tmp_path, monkeypatch):
    info = tmp_path / "cpuinfo"
    info.write_text(f"processor\t: 0\nvendor_id\t: {maker}\ncpu family\t: {family}\nmodel\t\t: 17\n")
    monkeypatch.setattr(fast, "Path", lambda _: info)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    assert ONEDNN_WINS() == wins
    info.unlink()
    assert not ONEDNN_WINS()
