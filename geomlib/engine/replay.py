"""A training step that is recorded once and replayed without its Python: a CUDA graph, on a CPU TorchScript.

A step is hundreds of operations on small tensors: Python and autograd take a quarter of its time on a CPU, most of it
on a GPU. A recording is the same operations in the same order, so it gives the same bits; whatever a step reads that
is not a tensor stays in it as it was.
"""

from __future__ import annotations

import functools
import math
import sys
import warnings
from collections.abc import Callable

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._pytree import tree_flatten, tree_unflatten

EAGER = {"cuda": 3, "cpu": 30}  # calls before the recording, which takes a CPU half a second

# Operations that TorchScript knows but cannot trace: their calls, with the arguments that a recording has.
UNTRACED = {
    "mkldnn._linear_pointwise.default": """
def call(x, w, bias: None, attr: str, scalars: List[Tensor], algorithm: str):
    return torch.ops.mkldnn._linear_pointwise(x, w, None, attr, [], algorithm)
""",
    "aten._fused_adam_.tensor_lr": """
def call(weights: List[Tensor], gradients: List[Tensor], means: List[Tensor], squares: List[Tensor],
         largest: List[Tensor], steps: List[Tensor], lr: Tensor, beta1: float, beta2: float, weight_decay: float,
         eps: float, amsgrad: bool, maximize: bool):
    torch._fused_adam_(weights, gradients, means, squares, largest, steps, lr=lr, beta1=beta1, beta2=beta2,
                       weight_decay=weight_decay, eps=eps, amsgrad=amsgrad, maximize=maximize)
    return weights
""",
}


class Replay:
    """Calls step(state, *inputs) -> Tensor, a step of Adam on a state that it changes in place.

    state, inputs   nested lists and dicts of tensors on the device; calls with inputs of other shapes than the first
                    call's, as an epoch's last batch, are never recorded
    """

    def __init__(self, step: Callable[..., Tensor], state, device: torch.device):
        self.step, self.state, self.eager = step, state, EAGER[device.type]
        self.calls, self.shapes, self.replay = 0, None, None
        self.stream = torch.cuda.Stream() if device.type == "cuda" else None
        if self.stream:
            return
        torch.empty(2**22)  # freed at once: glibc keeps such blocks from now on, instead of new pages each step
        if sys.version_info >= (3, 14):
            self.eager = math.inf  # TorchScript ends with Python 3.13

    def __call__(self, *inputs) -> Tensor:
        tensors, rebuild = tree_flatten(inputs)
        shapes = [t.shape for t in tensors]
        self.shapes = self.shapes or shapes
        if shapes != self.shapes or self.calls < self.eager:
            self.calls += shapes == self.shapes
            return self._eagerly(inputs)
        self.replay = self.replay or (self._graph if self.stream else self._trace)(tensors, rebuild)
        return self.replay(tensors)

    def _eagerly(self, inputs) -> Tensor:
        if not self.stream:
            return self.step(self.state, *inputs)
        self.stream.wait_stream(torch.cuda.current_stream())  # as it must run before it is recorded
        with torch.cuda.stream(self.stream):
            values = self.step(self.state, *inputs)
        torch.cuda.current_stream().wait_stream(self.stream)
        return values

    def _graph(self, tensors, rebuild) -> Callable[[list[Tensor]], Tensor]:
        fixed, graph = [t.clone() for t in tensors], torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            values = self.step(self.state, *tree_unflatten(fixed, rebuild))

        def replay(tensors):
            for place, new in zip(fixed, tensors):
                place.copy_(new)
            graph.replay()
            return values

        return replay

    def _trace(self, tensors, rebuild) -> Callable[[list[Tensor]], Tensor]:
        state, rebuild_state = tree_flatten(self.state)
        step = lambda *both: self.step(
            tree_unflatten(both[: len(state)], rebuild_state), *tree_unflatten(both[len(state) :], rebuild)
        )
        copies = lambda: [t.clone() for t in (*state, *tensors)]  # to record is to run
        try:
            calls = Calls(make_fx(step)(*copies()))  # forward, backward and Adam in one list
        except RuntimeError as error:
            raise RuntimeError(
                "a training step is recorded, so it must not look at a tensor's value, as .item(), print and if do; "
                f"to train without recording set geomlib.engine.replay.EAGER['cpu'] = math.inf ({error})"
            ) from None
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore", DeprecationWarning)  # its successors need a compiler
            trace = torch.jit.trace(calls.all, copies(), check_trace=False, strict=False)

        def replay(tensors):
            with torch.no_grad(), torch.jit.optimized_execution(False):  # as recorded, nothing fused
                return trace(*state, *tensors)[0]

        return replay


class Calls(torch.fx.Interpreter):
    """The calls that a step consists of."""

    def all(self, *tensors: Tensor):
        """The step's result, and Adam's: TorchScript leaves out what nothing that it returns comes from."""
        return self.run(*tensors, enable_io_processing=False), self.last

    def call_function(self, target, args, kwargs):
        if str(target) not in UNTRACED:
            return target(*args, **kwargs)
        self.last = _compiled(UNTRACED[str(target)])(*args, **kwargs)
        return self.last


@functools.cache
def _compiled(source: str):
    return torch.jit.CompilationUnit(source).call
