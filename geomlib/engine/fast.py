"""The network of `model`, written for speed: M networks as one stack, equal to `BetaVAE` to rounding.

The images are tiny, so a step is more than arithmetic: a framework multiplies by padding (in the 3 x 3 -> 2 x 2
convolution each window has 3 x 3 pixels, of which 2 x 2 lie in the image: 2.25 products for a real one), reorders
tensors between layouts, and allocates. Here a layer is one gathering of rows and a few plain matrix products.

- Activations are (M, rows, N); a row is one channel at one pixel of all N images. So a convolution's windows are whole
  rows picked by a table, and its transpose sums them back by the reverse table. `torch.embedding_bag` does both: sums
  of listed rows, where an empty list gives a zero of the padding.
- A layer has P parts, each with a matrix: y[p] = W[p] windows[p], and windows[p] = W[p]^T y[p] for the transpose.
  Between 3 x 3 and 2 x 2 pixels P = 4: a part is one of the 2 x 2 pixels, its matrix those 2 x 2 of the kernel's
  weights that meet the image, and no product is wasted. Elsewhere P = 1; a fifth of the products meet padding.
- `torch.bmm` is MKL, which uses 512-bit vectors on Intel's processors alone. AMD's multiply those at full width since
  Zen 5: there the products go through oneDNN, twice as fast. Elsewhere a step takes 5 to 25 % less with `torch.bmm`.

Letters: M networks, N images, C and O channels on a layer's larger and smaller grid, K = C x weights of the kernel.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from ..model import BetaVAE, Output

ENCODER = {"encoder.0": 13, "encoder.2": 6, "encoder.4": 3}  # layer -> side of its larger grid
DECODER = {"decoder.0": 3, "decoder.2": 6, "decoder.4": 13}
HIDDEN = (1, 3)  # the layers of a perceptron's encoder, and of its decoder
TURNED = ("encoder.4.weight", "decoder.0.weight")  # kernels between 3 x 3 and 2 x 2 pixels


def forward(
    weights: Mapping[str, Tensor],
    images: Tensor,
    noise: Tensor,
    heads: Mapping[str, int] = {},
    masks: Mapping[str, Tensor] = {},
) -> Output:
    """`BetaVAE.forward` of M networks, differentiable in the weights; every tensor has a leading axis M.

    weights  names and shapes of `BetaVAE.state_dict`      images, noise  (M, N, 1, 13, 13), (M, N, D)
    heads    task -> number of classes, as in `BetaVAE`     masks          as in `classify`
    """
    get = lambda name: (weights[f"{name}.weight"], weights[f"{name}.bias"])
    dense = lambda w, b, x: Product.apply(w, x) + b[..., None]
    x = images.flatten(2).mT.contiguous()  # (M, 169, N)
    perceptron = "encoder.1.weight" in weights
    order = (lambda w, axis: w) if perceptron else _pixels_first
    if perceptron:
        for name in HIDDEN:
            x = F.leaky_relu(dense(*get(f"encoder.{name}"), x), 0.01)
    else:
        for name, side in ENCODER.items():
            x = Conv.apply(x, *get(name), side)
    w, b = (torch.cat(pair, 1) for pair in zip(get("mu"), get("logvar")))
    mu, logvar = dense(order(w, 2), b, x).mT.chunk(2, 2)
    z = mu + (logvar / 2).exp() * noise  # (M, N, D)
    x = dense(*(order(part, 1) for part in get("expand")), z.mT)
    if perceptron:
        for name in HIDDEN:
            x = dense(*get(f"decoder.{name}"), F.leaky_relu(x, 0.01))
    else:
        for name, side in DECODER.items():
            x = Deconv.apply(x, *get(name), side, 0.01 if side < 13 else 1.0)
    reconstruction = x.mT.contiguous().sigmoid().unflatten(2, (1, 13, 13))
    return Output(reconstruction, mu, logvar, z, classify(weights, z, heads, masks))


def forward_one(network: BetaVAE, images: Tensor, noise: Tensor) -> Output:
    """`forward` of one network, as the network itself would do it: images (N, 1, 13, 13), noise (N, D)."""
    weights = {name: w[None] for name, w in network.state_dict().items()}
    *parts, classes = forward(weights, images[None], noise[None], network.heads)
    return Output(*(part[0] for part in parts), {task: p[0] for task, p in classes.items()})


def classify(
    weights: Mapping[str, Tensor], z: Tensor, heads: Mapping[str, int], masks: Mapping[str, Tensor] = {}
) -> dict[str, Tensor]:
    """`BetaVAE.classify` of M networks: codes (M, N, D) -> task -> probabilities (M, N) or (M, N, classes).

    masks    task -> (M, N, hidden units), 0 or 1 / (1 - DROPOUT); none where there is no dropout
    """
    classes = {}
    for task, k in heads.items():
        w, b, v, c = (
            weights[f"classifiers.{task}.{layer}.{part}"]
            for layer in (0, 1 if k == 2 else 2)
            for part in ("weight", "bias")
        )
        if k == 2:  # two linear maps: their product, (M, 1, D), comes first
            both, bias = torch.bmm(v, w), torch.bmm(v, b[..., None]) + c[..., None]
            classes[task] = (torch.bmm(z, both.mT) + bias).squeeze(2).sigmoid()
        else:
            classes[task] = Head.apply(z, w, b, v, c, masks.get(task)).softmax(2)
    return classes


def turned(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of networks by name, as training keeps them: the kernels that `pick` takes rows of as (M, K, O)."""
    return {name: _turn(w.flatten(2)) if name.endswith(TURNED) else w for name, w in weights.items()}


def turned_back(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Of what `turned` gave, views of the shapes in `BetaVAE.state_dict`; `forward` turns these without a copy."""
    return {name: w.mT.unflatten(2, (-1, 3, 3)) if name.endswith(TURNED) else w for name, w in weights.items()}


def product(a: Tensor, b: Tensor) -> Tensor:
    """Matrix products (B, R, K), (B, K, S) -> (B, R, S)."""
    if a.is_cuda or not onednn_wins():
        return torch.bmm(a, b)
    if not (b.is_contiguous() or b.mT.is_contiguous()):
        b = b.contiguous()  # other strides end in a reference loop, a thousand times slower
    linear = torch.ops.mkldnn._linear_pointwise
    if len(a) == 1:
        return linear(a, b[0].t(), None, "none", [], "")
    return torch.stack([linear(p, q.t(), None, "none", [], "") for p, q in zip(a, b)])


@functools.cache
def onednn_wins() -> bool:
    """Whether this CPU multiplies faster with oneDNN than with `torch.bmm`: AMD's since Zen 5, family 26."""
    info = Path("/proc/cpuinfo")
    text = info.read_text() if info.exists() else ""
    family = re.search(r"^cpu family\s*: (\d+)$", text, re.M)
    return (
        torch.backends.mkldnn.is_available() and "AuthenticAMD" in text and family is not None and int(family[1]) >= 26
    )


class Product(Function):
    """`product` with its gradients."""

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return product(a, b)

    @staticmethod
    def backward(ctx, g):
        (a, b), need = ctx.saved_tensors, ctx.needs_input_grad
        return product(g, b.mT) if need[0] else None, product(a.mT, g.contiguous()) if need[1] else None


class Head(Function):
    """Logits of a head with a hidden layer, LeakyReLU and dropout: codes (M, N, D) -> (M, N, classes)."""

    @staticmethod
    def forward(ctx, z, w, b, v, c, mask):
        hidden = F.leaky_relu_(product(z, w.mT).add_(b[:, None]), 0.2)
        hidden = hidden if mask is None else hidden.mul_(mask)
        ctx.save_for_backward(z, w, v, mask, hidden)
        return product(hidden, v.mT).add_(c[:, None])

    @staticmethod
    def backward(ctx, g):
        z, w, v, mask, hidden = ctx.saved_tensors
        dv, dc, g = product(g.mT, hidden), g.sum(1), product(g, v)
        g = torch.ops.aten.leaky_relu_backward(g if mask is None else g.mul_(mask), hidden, 0.2, True)
        return product(g, w) if ctx.needs_input_grad[0] else None, product(z.mT, g).mT, g.sum(1), dv, dc, None


class Conv(Function):
    """Convolution of stride 2 and padding 1, bias, LeakyReLU: (M, C side^2, N) -> (M, P O (pixels / P), N)."""

    @staticmethod
    def forward(ctx, x, w, b, side):
        ctx.tables = tables(len(w), w.shape[2], side, w.shape[3], w.device)
        matrices = _matrices(w, ctx.tables)
        windows = pick(x, ctx.tables[0]).view(*matrices.shape[::2], -1)  # (M P, K, pixels / P x N)
        y = product(matrices, windows).view(len(w), -1, w.shape[1], windows.shape[2])
        F.leaky_relu_(y.add_(b[:, None, :, None]), 0.01)
        ctx.save_for_backward(w, matrices, windows, y)
        return y.view(len(w), -1, x.shape[2])

    @staticmethod
    def backward(ctx, g):
        w, matrices, windows, y = ctx.saved_tensors
        n, g = g.shape[2], torch.ops.aten.leaky_relu_backward(g.contiguous().view(y.shape), y, 0.01, True)
        db, g = g.sum((1, 3)), g.view(*matrices.shape[:2], -1)
        dx = pick(product(matrices.mT, g).view(len(w), -1, n), ctx.tables[1]) if ctx.needs_input_grad[0] else None
        return dx, _kernels(g, windows, w, ctx.tables), db, None


class Deconv(Function):
    """The transpose of such a convolution, bias, LeakyReLU: (M, P O (pixels / P), N) -> (M, C side^2, N)."""

    @staticmethod
    def forward(ctx, y, w, b, side, slope):
        ctx.tables, ctx.slope = tables(len(w), w.shape[2], side, w.shape[3], w.device), slope
        matrices, n = _matrices(w, ctx.tables), y.shape[2]
        y = y.reshape(*matrices.shape[:2], -1)
        x = pick(product(matrices.mT, y).view(len(w), -1, n), ctx.tables[1]).view(*w.shape[::2][:2], -1)
        F.leaky_relu_(x.add_(b[..., None]), slope)
        ctx.save_for_backward(w, matrices, y, x)
        return x.view(len(w), -1, n)

    @staticmethod
    def backward(ctx, g):
        w, matrices, y, x = ctx.saved_tensors
        n, g = g.shape[2], torch.ops.aten.leaky_relu_backward(g.contiguous().view(x.shape), x, ctx.slope, True)
        windows = pick(g.view(len(w), -1, n), ctx.tables[0]).view(*matrices.shape[::2], -1)
        dy = product(matrices, windows).view(len(w), -1, n)
        return dy, _kernels(y, windows, w, ctx.tables), g.sum(2), None, None


def pick(rows: Tensor, table: tuple[Tensor, Tensor]) -> Tensor:
    """(M, rows, N) -> (M, output rows, N): output i is the sum of rows[index[ends[i]:ends[i + 1]]]."""
    index, ends = table
    sums = torch.embedding_bag(rows.flatten(0, 1), index, ends, False, 0, False, None, True)[0]
    return sums.view(len(rows), -1, rows.shape[2])


@functools.cache
def tables(m: int, channels: int, side: int, kernel: int, device: torch.device) -> list[tuple[Tensor, Tensor]]:
    """Tables of a layer, (index, ends) each: rows (C, side, side) -> windows (P, K, pixels / P), and back; where P = 4
    also a kernel's rows (C, k, k) -> matrices (P, K), and back."""
    pixel = torch.arange(channels * side**2).view(channels, side, side)
    if side > 3:  # one line of padding, before the first row and column
        pixel_or_none = F.pad(pixel, (1, 0, 1, 0), value=-1)
        windows = [pixel_or_none.unfold(1, kernel, 2).unfold(2, kernel, 2).permute(0, 3, 4, 1, 2)]
    else:  # the first window lacks its first line, so it meets the kernel's last two
        windows = [pixel.unfold(1, 2, 1).unfold(2, 2, 1).permute(1, 2, 0, 3, 4)]
        windows += [windows[0].flip(0, 1)]
    result = []
    for source in windows:
        known = (source.flatten() >= 0).repeat(m)
        source = (source.flatten() + pixel.numel() * torch.arange(m)[:, None]).flatten()[known]
        back = known.nonzero()[:, 0][source.argsort(stable=True)]
        for index, lengths in (source, known.long()), (back, source.bincount(minlength=m * pixel.numel())):
            result.append((index.to(device), F.pad(lengths.cumsum(0), (1, 0)).to(device)))
    return result


def _matrices(w, tables):
    """Kernels (M, O, C, k, k) -> (M P, O, K)."""
    w = w.detach().flatten(2)  # for a tensor with gradients `embedding_bag` would prepare a backward
    return w if len(tables) == 2 else pick(_turn(w), tables[2]).view(4 * len(w), -1, w.shape[1]).mT


def _kernels(y, windows, w, tables):
    """Gradient of kernels w, (M, O, C, k, k): the sum of each part's y windows^T."""
    if len(tables) == 2:
        return product(y, windows.mT).view(w.shape)
    return pick(product(windows, y.mT).view(len(w), -1, w.shape[1]), tables[3]).mT.unflatten(2, w.shape[2:])


def _pixels_first(w, axis):
    """Reorder features from (channel, pixel), as in `BetaVAE`, to (pixel, channel)."""
    return w.unflatten(axis, (-1, 4)).transpose(axis, axis + 1).flatten(axis, axis + 1)


def _turn(x):
    """Transpose in memory, (M, R, S) -> (M, S, R); torch is much faster where there are just two axes."""
    return x[0].t().contiguous()[None] if len(x) == 1 else x.mT.contiguous()
