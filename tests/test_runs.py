import copy
import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch

import geomlib as g
from geomlib import runs, train


@pytest.fixture
def folder(tmp_path, trained):
    runs.save(trained, tmp_path / "run")
    return tmp_path / "run"


def same(one, other):
    return all(torch.equal(v, other.model.state_dict()[k]) for k, v in one.model.state_dict().items())


def test_a_run_survives_its_folder_to_the_bit(folder, trained):
    back = runs.load(folder)
    assert same(back, trained) and back.spec == trained.spec
    pd.testing.assert_frame_equal(back.history, trained.history)
    assert sorted(os.listdir(folder)) == ["SHA256SUMS", "history.csv", "spec.json", "weights.safetensors"]
    assert subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True).returncode == 0


def test_weights_of_another_network_are_refused_by_name(folder, monkeypatch):
    monkeypatch.setattr(
        train.BetaVAE, "load_state_dict", lambda *_: (_ for _ in ()).throw(RuntimeError("size mismatch for mu"))
    )
    with pytest.raises(ValueError, match="run holds weights of another network .*size mismatch for mu"):
        runs.load(folder)


def test_what_can_not_be_trained_leaves_no_file(tmp_path, trained):
    with pytest.raises(ValueError, match="device must be"):
        runs.train([trained.spec], [tmp_path / "x"], "gpu")
    head = g.Spec(tasks=["order"], source="nowhere-c1-s0", steps=1)
    with pytest.raises(FileNotFoundError, match="head reads the codes of nowhere-c1-s0, which is neither beside it"):
        runs.train([head], [tmp_path / "head"])
    assert not any(tmp_path.iterdir())


def test_a_folder_spelled_in_two_ways_is_one(folder, trained):
    (folder.parent / "x").mkdir()
    one, other = runs.train([trained.spec] * 2, [folder, folder.parent / "x/../run"])
    assert same(one, other)


def test_specs_and_folders_are_lists_of_one_length(tmp_path, trained):
    for specs, folders in (([trained.spec], []), (trained.spec, tmp_path / "x"), ([trained.spec], str(tmp_path / "x"))):
        with pytest.raises(ValueError, match="lists of one length"):
            runs.train(specs, folders)


def test_half_precision_halves_the_weights_and_loads_as_float32(tmp_path, folder, trained):
    runs.save(trained, tmp_path / "half", dtype="float16")
    sizes = [(path / "weights.safetensors").stat().st_size for path in (tmp_path / "half", folder)]
    assert sizes[0] < 0.55 * sizes[1]
    for name, value in runs.load(tmp_path / "half").model.state_dict().items():
        assert value.dtype == torch.float32 and torch.allclose(
            value, trained.model.state_dict()[name], rtol=1e-3, atol=1e-6
        )


@pytest.mark.parametrize("form", [{"layers": "perceptron", "channels": 24}, {"channels": 40}])
def test_a_network_of_other_layers_is_trained_stored_and_loaded(tmp_path, tiny, form):
    (run,) = runs.train([dataclasses.replace(tiny, tasks=("order",), **form)], [tmp_path / "run"], "cpu")
    again = runs.load(tmp_path / "run")
    assert again.spec == run.spec and (again.model.layers, again.model.channels) == (run.spec.layers, run.spec.channels)
    assert same(again, run) and again.final.reconstruction < 0.3


def test_nothing_is_overwritten(folder, trained):
    before = (folder / "weights.safetensors").read_bytes()
    with pytest.raises(FileExistsError, match="move it away"):
        runs.save(trained, folder)
    assert (folder / "weights.safetensors").read_bytes() == before


@pytest.mark.parametrize("name", ["spec.json", "weights.safetensors", "history.csv", "SHA256SUMS"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "altered"])
def test_a_missing_truncated_or_altered_file_is_noticed(folder, name, damage):
    path = folder / name
    content = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes(
            content[: len(content) // 2] if damage == "truncated" else bytes([content[0] ^ 1]) + content[1:]
        )
    with pytest.raises((ValueError, FileNotFoundError), match="missing" if damage == "missing" else "checksum differs"):
        runs.load(folder)


def test_training_finds_a_trained_run_and_refuses_one_with_another_spec(folder, trained):
    assert same(runs.train([trained.spec], [folder], "cpu")[0], trained)
    with pytest.raises(ValueError, match="gamma = 300.0, but 7.0 was asked for; move it away"):
        runs.train([dataclasses.replace(trained.spec, gamma=7)], [folder], "cpu")


def test_a_run_asked_for_twice_is_trained_once(tmp_path, tiny):
    one, other = runs.train([tiny, tiny], [tmp_path / "run", str(tmp_path / "run")], "cpu")
    assert same(one, other) and os.listdir(tmp_path) == ["run"]
    with pytest.raises(ValueError, match="seed = 1, but 0 was asked for"):
        runs.train([tiny, dataclasses.replace(tiny, seed=1)], [tmp_path / "new", tmp_path / "new"], "cpu")


def test_a_run_loads_when_its_csv_is_no_longer_the_one_trained_on(tmp_path, tiny):
    path = tmp_path / "own.csv"
    g.write_csv(path, g.corridors(tiny.counts, 0))
    runs.train([dataclasses.replace(tiny, counts=str(path))], [tmp_path / "run"], "cpu")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:100]))
    spec = runs.load(tmp_path / "run").spec
    assert spec.validation_end > 100
    with pytest.raises(ValueError, match="own.csv has changed"):
        g.evaluate.load_data(spec)


def test_a_save_that_fails_leaves_nothing(tmp_path, trained, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runs, "save_file", full)
    with pytest.raises(OSError, match="No space"):
        runs.save(trained, tmp_path / "run")
    assert os.listdir(tmp_path) == []


def test_training_stores_the_run_and_leaves_nothing_else(tmp_path, tiny):
    run = runs.train([tiny], [tmp_path / "new"], "cpu")[0]
    assert os.listdir(tmp_path) == ["new"]
    assert same(run, runs.load(tmp_path / "new"))


def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr(runs, "fit", lambda *_: pytest.fail("trained"))
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="can't write to .*file.*choose another folder"):
        runs.train([tiny], [tmp_path / "file" / "run"], "cpu")


@pytest.mark.parametrize("changes", [{}, {"likelihood": "bernoulli"}, {"tasks": ("order",)}, {"tasks": ("region",)}])
def test_a_diverged_run_keeps_its_history(tmp_path, tiny, changes):
    wild = dataclasses.replace(tiny, learning_rate=10.0, loss="B", gamma=1e9, steps=700, **changes)
    with pytest.raises(train.Diverged, match="history.csv") as caught:
        runs.train([wild], [tmp_path / "wild"], "cpu")
    kept = pd.read_csv(tmp_path / "wild.part" / "history.csv")
    assert len(kept) == len(caught.value.history) > 0
    assert not (tmp_path / "wild").exists()


def test_a_run_that_diverges_in_its_last_step_is_not_stored(tmp_path, tiny):
    wild = dataclasses.replace(tiny, learning_rate=10.0, loss="B", gamma=1e9, steps=1)
    with pytest.raises(train.Diverged, match="at step 1 .capacity 10, seed 0.: lower"):
        runs.train([wild], [tmp_path / "wild"], "cpu")
    assert os.listdir(tmp_path) == ["wild.part"]


def test_weights_that_half_precision_can_not_hold_are_refused(tmp_path, trained):
    model = copy.deepcopy(trained.model)
    model.mu.bias.data[0] = 1e6
    with pytest.raises(ValueError, match="run: mu.bias has values that are no finite numbers in float16"):
        runs.save(trained._replace(model=model), tmp_path / "run", "float16")
    assert not any(tmp_path.iterdir())


def test_a_checkpoint_with_a_field_that_is_not_known_is_refused_by_name(tmp_path, tiny, monkeypatch):
    (tmp_path / "run.part").mkdir()
    text = runs.spec_json(tiny).replace('"beta"', '"momentum"')
    monkeypatch.setattr(runs, "spec_json", lambda spec: text)
    runs.write_checkpoint(tmp_path / "run", tiny, train.Checkpoint.new(tiny))
    with pytest.raises(
        ValueError, match="run.part.checkpoint.safetensors was written by another version of geomlib .*momentum"
    ):
        runs.train([tiny], [tmp_path / "run"], "cpu")


def test_a_damaged_checkpoint_is_named(tmp_path, tiny):
    (tmp_path / "run.part").mkdir()
    (tmp_path / "run.part" / "checkpoint.safetensors").write_bytes(b"half a file")
    with pytest.raises(ValueError, match="checkpoint.safetensors is damaged.*delete it"):
        runs.train([tiny], [tmp_path / "run"], "cpu")


def test_a_checkpoint_of_another_spec_is_refused(tmp_path, tiny):
    (tmp_path / "run.part").mkdir()
    runs.write_checkpoint(tmp_path / "run", tiny, train.Checkpoint.new(tiny)._replace(epoch=1))
    with pytest.raises(ValueError, match="gamma"):
        runs.train([dataclasses.replace(tiny, gamma=1)], [tmp_path / "run"], "cpu")


PROGRAM = (
    "import json, sys; import geomlib as g; from geomlib import runs; "
    "runs.train([g.Spec(**fields) for fields in json.loads(sys.argv[1])], sys.argv[2:], 'cpu')"
)


def start(spec, *folders):
    """Training of a spec into a folder; into several, of networks from seeds 0, 1, ..."""
    specs = [dataclasses.asdict(dataclasses.replace(spec, seed=seed)) for seed in range(len(folders))]
    return subprocess.Popen([sys.executable, "-c", PROGRAM, json.dumps(specs), *folders], stderr=subprocess.PIPE)


def wait_until(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, "waited two minutes"
        time.sleep(0.005)


def two_processes(spec, folder):
    """One that trains, stopped in the middle, and one that waits for it."""
    first = start(spec, folder)
    wait_until((folder.parent / "run.part" / "checkpoint.safetensors").exists)
    first.send_signal(signal.SIGSTOP)
    second = start(spec, folder)
    assert b"waiting for the process that trains it" in second.stderr.readline()
    return first, second


def test_a_second_process_waits_and_takes_over_when_the_first_is_killed(tmp_path, tiny):
    spec = dataclasses.replace(tiny, steps=140)
    first, second = two_processes(spec, tmp_path / "run")
    first.kill()  # the system frees its lock
    first.communicate()
    second.communicate(timeout=120)
    assert second.returncode == 0
    assert same(runs.load(tmp_path / "run"), g.fit([spec], "cpu")[0])


def test_a_second_process_that_waits_finds_the_run_trained(tmp_path, tiny):
    first, second = two_processes(dataclasses.replace(tiny, steps=140), tmp_path / "run")
    first.send_signal(signal.SIGCONT)
    errors = [process.communicate(timeout=120)[1] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), errors
    assert os.listdir(tmp_path) == ["run"]


def test_networks_that_train_side_by_side_stop_when_they_are_killed_and_go_on(tmp_path, tiny):
    spec, folders = dataclasses.replace(tiny, steps=7 * 15), [tmp_path / "a", tmp_path / "b"]
    paths = [runs.checkpoint_file(folder) for folder in folders]
    first = start(spec, *folders)
    wait_until(lambda: all(path.exists() for path in paths))
    first.kill()
    first.communicate()  # ends when its workers, which hold its stderr, have ended, too
    before = [path.read_bytes() for path in paths]
    second = start(spec, *folders)
    wait_until(lambda: [path.exists() and path.read_bytes() for path in paths] != before)
    assert second.communicate(timeout=120)[1].count(b"Error") == 0 and second.returncode == 0
    for seed, folder in enumerate(folders):
        assert same(runs.load(folder), g.fit([dataclasses.replace(spec, seed=seed)], "cpu")[0])


def test_a_killed_run_goes_on_and_ends_with_the_same_bits(tmp_path, tiny):
    """Three real kills at random moments; benchmarks/kill.py does twenty."""
    spec = dataclasses.replace(tiny, steps=210, tasks=("order",))  # 30 epochs
    seed = random.randrange(10**6)
    print("seed of the moments", seed)
    moments, path = random.Random(seed), tmp_path / "run.part" / "checkpoint.safetensors"
    for _ in range(3):
        process = start(spec, tmp_path / "run")
        written = lambda: path.stat().st_mtime_ns if path.exists() else 0
        old = written()
        wait_until(lambda: written() != old)  # it trains, not only starts
        time.sleep(moments.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL and not (tmp_path / "run").exists()
    resumed = runs.train([spec], [tmp_path / "run"], "cpu")[0]
    undisturbed = g.fit([spec], "cpu")[0]
    assert same(resumed, undisturbed)
    pd.testing.assert_frame_equal(resumed.history, undisturbed.history)


def test_a_classifier_is_stored_as_its_head_and_finds_its_source_beside_it(tmp_path, folder, tiny):
    spec = dataclasses.replace(tiny, tasks=("aligned",), source="run")
    stored = runs.train([spec], [tmp_path / "head"], "cpu")[0]
    assert (tmp_path / "head" / "weights.safetensors").stat().st_size < 40_000
    assert torch.equal(stored.model.mu.weight, runs.load(folder).model.mu.weight)
    assert list(stored.model.heads) == ["aligned"]


def test_a_classifier_notices_that_its_source_is_another_network_now(tmp_path, folder, tiny):
    runs.train([dataclasses.replace(tiny, tasks=("aligned",), source="run")], [tmp_path / "head"], "cpu")
    folder.rename(tmp_path / "away")
    runs.save(g.fit([dataclasses.replace(tiny, seed=1)], "cpu")[0], folder)
    with pytest.raises(ValueError, match="head was trained on the codes of another network than run is now"):
        runs.load(tmp_path / "head")


def test_a_classifier_does_not_go_on_with_another_source(tmp_path, folder, tiny):
    spec = dataclasses.replace(tiny, tasks=("aligned",), source="run")
    (tmp_path / "head.part").mkdir()
    runs.write_checkpoint(tmp_path / "head", spec, train.Checkpoint.new(spec), "of another")
    with pytest.raises(ValueError, match="checkpoint.* was trained on the codes of another network than run is now"):
        runs.train([spec], [tmp_path / "head"], "cpu")


def test_a_classifier_of_ones_own_reads_a_released_network(tmp_path, folder, tiny, monkeypatch):
    monkeypatch.setattr(runs.places, "released_runs", lambda: folder.parent)
    spec = dataclasses.replace(tiny, tasks=("aligned",), source="run")
    stored = runs.train([spec], [tmp_path / "own" / "head"], "cpu")[0]
    assert torch.equal(stored.model.mu.weight, runs.load(folder).model.mu.weight)


def test_classifiers_of_two_folders_may_mean_two_sources_of_one_name(tmp_path, folder, tiny):
    spec = dataclasses.replace(tiny, tasks=("aligned",), source="run")
    with pytest.raises(ValueError, match="classifiers are trained in one folder at a time, beside their sources"):
        runs.train([spec, dataclasses.replace(spec, seed=1)], [tmp_path / "a/head", tmp_path / "b/head"])


def test_a_run_of_ones_own_task_and_world_needs_nothing_but_its_folder(tmp_path, tiny):
    world = np.random.default_rng(7).random((13, 13, 13, 13)).round(3)
    corner = (np.indices((13, 13)) < 6).all(0).astype(int)
    spec = g.change(tiny, world=world, counts=corner * 20 + 4, tasks={"corner": corner})
    run = runs.train([spec], [tmp_path / "mine"], "cpu")[0]
    shutil.copytree(tmp_path / "mine", tmp_path / "elsewhere" / "theirs")
    shutil.rmtree(tmp_path / "mine")
    program = (
        "import sys; import geomlib as g; from geomlib import runs; run = runs.load(sys.argv[1]); "
        "images, factors = g.evaluate.load_data(run.spec); "
        "scores = g.evaluate.scores(run.model, images[:100], factors[:100], 0, {'corner': run.spec.task('corner')}); "
        "print(repr((scores['reconstruction'], scores['whole_f1_corner'])))"
    )
    words = [sys.executable, "-c", program, "theirs"]
    found = subprocess.run(words, cwd=tmp_path / "elsewhere", capture_output=True, text=True, check=True).stdout
    images, factors = g.evaluate.load_data(spec)
    scores = g.evaluate.scores(run.model, images[:100], factors[:100], 0, {"corner": spec.task("corner")})
    assert eval(found) == pytest.approx((scores["reconstruction"], scores["whole_f1_corner"]), rel=1e-5)


def test_a_field_that_a_stored_spec_lacks_has_its_default(tiny):
    fields = json.loads(runs.spec_json(tiny))
    del fields["task_weight"], fields["likelihood"]
    assert runs.read_spec(json.dumps(fields), "here") == tiny


def test_a_folder_of_another_version_is_refused_by_name_with_what_to_do(tmp_path, folder):
    fields = json.loads((folder / "spec.json").read_text())
    fields["counts_sha256"] = fields["csv_sha256"]
    (folder / "spec.json").write_text(json.dumps(fields))
    sums = {name: g.spec.file_sha256(folder / name) for name in runs.FILES}
    (folder / "SHA256SUMS").write_text("".join(f"{sha}  {name}\n" for name, sha in sums.items()))
    with pytest.raises(ValueError, match=r"run was written by another version .*counts_sha256\).* train it anew"):
        runs.load(folder)
