"""The authors' own files: checkpoints and data sets."""

import pickle

import numpy as np
import pytest
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
        ("number", "clf.1.bias must hold finite numbers of a float type"),
        ("nan", "mu.bias must hold finite numbers"),
        ("whole", "mu.bias must hold .* got torch.int64"),
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


@pytest.mark.parametrize("wrapper", ["", "model.", "module.model.", "model._orig_mod.", "_orig_mod.model.module."])
def test_a_bare_state_dict_is_read_whatever_wrapped_its_network(tmp_path, wrapper):
    network, state = original_state({"region": 25, "order": 2})
    torch.save({wrapper + name.removeprefix("model."): value for name, value in state.items()}, tmp_path / "a.pt")
    loaded = g.load_original(tmp_path / "a.pt").state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("seed", range(40))
def test_no_file_at_all_brings_an_error_other_than_a_valueerror(tmp_path, seed):
    rng, path = np.random.default_rng(seed), tmp_path / "a.ckpt"
    torch.save({"state_dict": original_state({})[1]} if seed % 4 else [seed, "text"], path)
    content = bytearray(path.read_bytes())
    for at in rng.integers(len(content), size=rng.integers(1, 2000)):
        content[at] = rng.integers(256)
    path.write_bytes(content if seed % 3 else rng.bytes(rng.integers(1, 5000)))
    try:
        g.load_original(path)
    except ValueError as error:
        assert str(path) in str(error)


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
