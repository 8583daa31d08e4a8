"""A training step that is recorded once and replayed without what made it: a CUDA graph, on a CPU a list of calls.

A step is hundreds of operations on small tensors: Python and autograd take a tenth of its time on a CPU, most of it on
a GPU. A recording is the same operations in the same order, so it gives the same bits; whatever a step reads that is
not a tensor stays in it as it was.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, fx
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._pytree import tree_flatten, tree_unflatten

BEFORE = 3  # calls before the recording
WORTH = {"cuda": BEFORE, "cpu": 1500}  # calls from which on it pays: on a CPU the first takes seconds


class Replay:
    """Calls step(state, *inputs) -> Tensor, a step of Adam on a state that it changes in place.

    state, inputs   nested lists and dicts of tensors on the device, the state's always the same; calls with inputs of
                    other shapes than the first call's, as an epoch's last batch, are never recorded
    calls           how many are to come; fewer than WORTH, and none is recorded
    """

    def __init__(self, step: Callable[..., Tensor], state, device: torch.device, calls: int):
        self.step, self.state, self.record = step, state, calls >= WORTH[device.type]
        self.calls, self.shapes, self.replay = 0, None, None
        self.stream = torch.cuda.Stream() if device.type == "cuda" else None
        if not self.stream:
            torch.empty(2**22)  # freed at once: glibc keeps such blocks from now on, instead of new pages each step

    def __call__(self, *inputs) -> Tensor:
        tensors, rebuild = tree_flatten(inputs)
        shapes = [t.shape for t in tensors]
        self.shapes = self.shapes or shapes
        if not self.record or shapes != self.shapes or self.calls < BEFORE:
            self.calls += shapes == self.shapes
            return self._eagerly(inputs)
        self.replay = self.replay or (self._graph if self.stream else self._calls)(tensors, rebuild)
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

    def _calls(self, tensors, rebuild) -> Callable[[list[Tensor]], Tensor]:
        state, rebuild_state = tree_flatten(self.state)
        step = lambda *both: self.step(
            tree_unflatten(both[: len(state)], rebuild_state), *tree_unflatten(both[len(state) :], rebuild)
        )
        try:  # to record is to run, so copies are given; forward, backward and Adam become one list
            recorded = make_fx(step)(*(t.clone() for t in (*state, *tensors)))
        except RuntimeError as error:
            raise RuntimeError(
                "a training step is recorded, so it must not look at a tensor's value, as .item(), print and if do; "
                f"fit(..., record=False) trains without recording ({error})"
            ) from None
        shorten(recorded, state)

        def replay(tensors):
            with torch.inference_mode():
                return recorded.forward(*state, *tensors)

        return replay


def shorten(recorded: fx.GraphModule, state: list[Tensor]) -> None:
    """Leave out of a recording what does no arithmetic: views of the state, which its first arguments are, are made
    once and for all, a view of a view is one, and what nothing reads is gone."""
    graph, aten = recorded.graph, torch.ops.aten
    known = dict(zip(graph.nodes, state))
    for node in graph.nodes:
        if not getattr(node.target, "is_view", False):
            continue
        source = node.args[0]
        if node.target is aten.detach.default:
            node.replace_all_uses_with(source)
        elif source in known:
            view = node.target(known[source], *node.args[1:])
            setattr(recorded, f"view_of_state_{node.name}", view)
            with graph.inserting_before(node):
                made = graph.create_node("get_attr", f"view_of_state_{node.name}")
            known[made] = view
            node.replace_all_uses_with(made)
        elif node.target is source.target is aten.view.default:
            node.args = (source.args[0], node.args[1])
    graph.eliminate_dead_code()
    recorded.recompile()
