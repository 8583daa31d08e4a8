"""The authors' own files: checkpoints and data sets."""

import pickle
from collections import OrderedDict

import numpy as np
import pytest
import safetensors.torch
import torch

import geomlib as g


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
    if kind == "nan":
        return {"state_dict": state | {"model.fc_mu.bias": torch.full((5,), float("nan"))}}
    if kind == "whole":
        return {"state_dict": state | {"model.fc_mu.bias": torch.zeros(5, dtype=torch.int64)}}
    return {"state_dict": state, "callbacks": Payload()}


@pytest.mark.parametrize(
    "kind, words",
    [
        ("missing", "encoder.2.bias"),
        ("shape", "encoder.2.bias"),
        ("unknown", "flow.weight"),
        ("list", "'state_dict' of named tensors"),
        ("key", "'state_dict' of named tensors"),
        ("number", "model.clf.1.bias must be an array of a float type"),
        ("nan", "model.fc_mu.bias holds a value that is no finite number"),
        ("whole", "mu.bias must be .* of a float type, got torch.int64"),
        ("other", "no fc_mu.bias among its 1 keys"),
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


def renamed(state, prefix, change=lambda value: value):
    return {prefix + name.removeprefix("model."): change(value) for name, value in state.items()}


FORMS = {  # how people store the same weights: what is saved, from the state_dict of a Lightning module
    "Lightning": lambda s: {"state_dict": s, "epoch": 5},
    "weights of the Lightning module": lambda s: s,
    "weights of the network": lambda s: renamed(s, ""),
    "OrderedDict": lambda s: OrderedDict(s),
    "DataParallel": lambda s: renamed(s, "module."),
    "DataParallel of the Lightning module": lambda s: renamed(s, "module.model."),
    "DataParallel inside it": lambda s: {"state_dict": renamed(s, "model.module.")},
    "torch.compile": lambda s: renamed(s, "_orig_mod."),
    "torch.compile inside it": lambda s: {"state_dict": renamed(s, "model._orig_mod.")},
    "all of them": lambda s: renamed(s, "_orig_mod.model.module."),
    "torch.compile of a part": lambda s: {name.replace("encoder.", "encoder._orig_mod."): w for name, w in s.items()},
    "FSDP": lambda s: renamed(s, "_fsdp_wrapped_module."),
    "a training script's": lambda s: {"model_state_dict": renamed(s, ""), "optimizer_state_dict": {}, "epoch": 5},
    "a training script's, in short": lambda s: {"model": renamed(s, "")},
    "parameters": lambda s: {name: torch.nn.Parameter(w) for name, w in s.items()},
    "float64": lambda s: renamed(s, "model.", torch.Tensor.double),
}


@pytest.mark.parametrize("form", [*FORMS, "the old form of torch.save", "safetensors"])
def test_eighteen_forms_of_the_same_weights_give_the_same_network(tmp_path, form):
    network, state = original_state({"region": 25, "order": 2})
    path = tmp_path / ("a.safetensors" if form == "safetensors" else "a.pt")
    if form == "safetensors":
        safetensors.torch.save_file(state, path)
    else:
        torch.save(FORMS.get(form, dict)(state), path, _use_new_zipfile_serialization="old" not in form)
    loaded = g.load_original(path).state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in network.state_dict().items())


def test_weights_of_our_own_network_are_read_too(tmp_path):
    network = g.BetaVAE(3, {"mine": 4})
    torch.save(network.state_dict(), tmp_path / "a.pt")
    loaded = g.load_original(tmp_path / "a.pt")
    assert loaded.heads == {"mine": 4} and torch.equal(
        loaded.classifiers["mine"][2].bias, network.classifiers["mine"][2].bias
    )


def test_no_file_at_all_brings_an_error_other_than_a_valueerror(tmp_path):
    bias, whole = {"model.fc_mu.bias": torch.zeros(5)}, original_state({})[1]
    stored = []
    for content in (whole, {"state_dict": bias}, bias, [1, "text"], {"a": {"b": None}, "c": 2.5}):
        for zipped in (True, False):
            torch.save(content, tmp_path / "a", _use_new_zipfile_serialization=zipped)
            stored.append((tmp_path / "a").read_bytes())
    stored += [safetensors.torch.save(bias), pickle.dumps(bias), b"", b"version https://git-lfs.github.com/spec/v1\n"]
    for seed in range(600):
        rng, path = np.random.default_rng(seed), tmp_path / ("a.ckpt" if seed % 5 else "a.safetensors")
        content = bytearray(stored[2:][seed % (len(stored) - 2)] if seed % 50 else stored[seed // 50 % 2])
        if content and seed % 4 == 1:
            content = content[: rng.integers(len(content))]
        elif content and seed % 4:
            for at in rng.integers(len(content), size=rng.integers(1, 100)):
                content[at] = rng.integers(256)
        path.write_bytes(rng.bytes(rng.integers(1, 5000)) if seed % 12 == 4 else content)
        try:
            g.load_original(path)
        except ValueError as error:
            assert str(path) in str(error) and len(str(error).splitlines()) <= 2


# --- data sets as CSV


@pytest.fixture
def csv(tmp_path, images):
    path = tmp_path / "set.csv"
    g.write_csv(path, images)
    return path


def test_a_set_survives_its_csv(csv, images):
    back = g.read_csv(csv)
    assert (back.images == images.images).all() and (back.factors == images.factors).all()
    assert back.images.dtype == np.float32 and back.factors.dtype == np.int64
    assert all(len(line.split(",")) == 171 for line in csv.read_text().splitlines())


@pytest.mark.parametrize(
    "edit, words",
    [
        (lambda rows: [row[:-1] for row in rows], "171 columns are expected.*got 170"),
        (lambda rows: [rows[0], rows[1] + ["1"], *rows[2:]], "same 171 columns"),
        (lambda rows: [*rows[:2], rows[2][:100], *rows[3:]], "line 3, column 101"),
        (lambda rows: [["2", *rows[0][1:]], *rows[1:]], "line 1, column 1: must be a pixel, 0 or 1, got 2"),
        (
            lambda rows: [rows[0], [*rows[1][:-1], "13"], *rows[2:]],
            "line 2, column 171: must be a position.*0..12, got 13",
        ),
        (lambda rows: [rows[0], [*rows[1][:-1], "-1"], *rows[2:]], "line 2, column 171: .*got -1"),
        (lambda rows: [rows[0], [*rows[1][:-2], "x", "1"], *rows[2:]], "line 2, column 170: .*got x"),
        (lambda rows: [rows[0], ["nan", *rows[1][1:]], *rows[2:]], "line 2, column 1: "),
    ],
)
def test_a_csv_that_is_not_the_originals_form_is_refused_with_its_line(csv, edit, words):
    rows = edit([line.split(",") for line in csv.read_text().splitlines()])
    csv.write_text("".join(",".join(row) + "\n" for row in rows))
    with pytest.raises(ValueError, match=words):
        g.read_csv(csv)


def test_an_empty_or_cut_csv_is_refused(csv):
    whole = csv.read_bytes()
    csv.write_bytes(whole[:-2])
    with pytest.raises(ValueError, match="cut short"):
        g.read_csv(csv)
    csv.write_bytes(b"")
    with pytest.raises(ValueError, match="empty"):
        g.read_csv(csv)
    csv.write_bytes(b"\x89PNG\xff\n")
    with pytest.raises(ValueError, match="171 columns"):
        g.read_csv(csv)


def test_a_pixel_that_is_neither_0_nor_1_is_not_written(tmp_path, images):
    with pytest.raises(ValueError, match="0 .open. and 1 .wall. alone, got 0.5"):
        g.write_csv(tmp_path / "half.csv", images._replace(images=images.images / 2))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("factors", [[[0, 0]], [[0, 13], [1, 1]], [[0, 0.5], [1, 1]], [0, 1]])
def test_factors_that_do_not_fit_are_not_written(tmp_path, factors):
    with pytest.raises(ValueError, match=r"factors must be \(2, 2\) whole numbers in 0\.\.12"):
        g.write_csv(tmp_path / "set.csv", g.Corridors(np.zeros((2, 1, 13, 13)), np.array(factors)))
    assert not any(tmp_path.iterdir())


def test_writing_a_csv_overwrites_nothing(csv, images):
    with pytest.raises(FileExistsError):
        g.write_csv(csv, images)
