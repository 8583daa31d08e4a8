import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from test_original import original_state
from test_pages import until

import geomlib as g
from geomlib import cli, paper, results, runs


def command(*words, capsys=None):
    """Run `geomlib ...` in this process: (exit status, output, errors)."""
    status = 0
    try:
        cli.main([str(word) for word in words])
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else 1
        message = "" if isinstance(stop.code, int) else stop.code
        return status, *capsys.readouterr(), message
    return status, *capsys.readouterr(), ""


NOWHERE = "nowhere.csv"
ASKING_FOR_A_FILE = [
    ["compare", NOWHERE],
    ["original", NOWHERE],
    ["original", "weights.pt", "--counts", NOWHERE],
    ["train", "--counts", NOWHERE],
    ["train", "--tasks", NOWHERE],
    ["page", f"{paper.ROOT}/notebooks/capacity.md", "-o", "a.ipynb", "-p", f"results={NOWHERE}"],
]
WITHOUT_A_VALUE = [
    ["train", "E1M1", "--seed"],
    ["plan", "--capacity"],
    ["results", "--capacity"],
    ["page", "capacity", "-p"],
]
SMALL = "counts=[[6" + ",6" * 12 + "]" + (",[6" + ",6" * 12 + "]") * 12 + "]"


def test_help_and_the_start_of_a_page_wait_for_no_torch():
    code = "import sys, geomlib.cli, geomlib.pages; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_train_stores_a_run_where_it_is_told_and_prints_its_numbers(tmp_path, capsys):
    status, out, _, _ = command(
        "train", "E2M1", "--capacity", 10, "--folder", tmp_path, "--set", SMALL, "steps=7", "gamma=2", capsys=capsys
    )
    assert status == 0 and "reconstruction 0." in out
    (folder,) = tmp_path.iterdir()
    assert folder.name.startswith("E2M1-c10-s0-") and runs.load(folder).spec.gamma == 2


@pytest.mark.parametrize("words", ["results E1M1", "results worlds", "data readings", "data film", "data gaussians"])
def test_a_file_that_can_not_be_written_is_refused_before_anything_is_trained(tmp_path, capsys, words):
    for output in (tmp_path / "no" / "x.csv", tmp_path):
        status, _, error, _ = command(*words.split(), "-o", output, capsys=capsys)
        assert status == 2  # the command line is wrong: nothing was begun
        assert str(output) in error and "choose a file in a folder that is there" in error


@pytest.mark.parametrize("name", ["codes.npz", "seed.1", "seed"])
def test_a_table_ends_in_csv_as_its_codes_beside_it_end_in_npz(tmp_path, capsys, name):
    status, _, error, _ = command("results", "E1M1", "-o", tmp_path / name, capsys=capsys)
    assert status == 2 and f"must end in .csv, got {tmp_path / name}" in error


@pytest.mark.parametrize(
    "words, expected",
    [
        (["train", "E9", "--capacity", "10"], "model must be one of baseline"),
        (["train", "E1M1", "--capacity", "-5"], "capacity must be a number in 0.0"),
        (["train", "E1M1", "--capacity", "10", "--set", "gama=3"], "did you mean gamma?"),
        (["train", "E1M1", "--capacity", "10", "--set", "folder=x"], "no field 'folder'"),
        (["compare", str(paper.ROOT / "data/published.csv")], "has no column seed; geomlib results -o"),
        (["original", "weights.pt", "--counts", "images.txt"], r"or file \(.csv, .npy\), got 'images.txt'"),
        (["train", "E1M1", "--capacity", "nan"], "capacity must be a number in 0.0"),
        (["train", "E1M1", "--capacity", "ten"], 'unable to convert "ten" into float'),
        (["data", "film", "--set", "steps=1", "-o", "x.csv"], "Unknown option: --set"),  # its frames are of one rise
        (["plan", "E1M1", "--seed", "0", "1.5"], "seeds must be whole numbers >= 0, got '1.5'"),
        (["train"], "say which models to train, of baseline, E1M1"),
        (["train", "E1M1", "--capacity", "10", "--set", "seed=1"], "seed = 1 can't be among the changes: .* or --seed"),
        (["train", "E1M1", "--capacity", "10", "--set", "world=maze"], "world must be one of corridors"),
        (["train", "E1M1", "--capacity", "10", "--set", "gamma"], "--set takes NAME=VALUE, got 'gamma'"),
        (["train", "E1M1", "--capacity", "10", "--set", "gamma=high"], "gamma must be a number.*'high'"),
        (["train", "E1M1", "--capacity", "10", "--set", "counts=none.csv"], "none.csv"),
        (
            ["train", "E1M1", "--capacity", "10", "--set", "steps=1", "--device", "gpu"],
            '"auto", "cpu", or "cuda"|auto.*cpu.*cuda',
        ),
        (
            ["train", "E2M1-on-baseline", "--capacity", "10", "--set", 'tasks=["aligned"]'],
            "which task is read from whose codes; tasks can't",
        ),
        (["results", "E1M1", "--set", "steps=200"], "5 of 5 runs are not in data/runs or runs: E1M1-c0.3-s0-"),
        (["page", "geometri"], "no notebook 'geometri'"),
        (
            ["page", str(paper.ROOT / "notebooks/capacity.md"), "-p", "capacity", "3", "runs"],
            "-p takes NAME=VALUE, got 'runs'",
        ),
        (
            ["page", str(paper.ROOT / "notebooks/capacity.md"), "-p", "changes=gamma"],
            'a dictionary, as JSON {"name": 1},',
        ),
        *((words, f"parameter {words[-1]} requires at least 1 element") for words in WITHOUT_A_VALUE),
        *((words, f"geomlib: (capacity.md: )?there is no file {NOWHERE} in /") for words in ASKING_FOR_A_FILE),
    ],
)
def test_a_wrong_word_ends_with_one_line_and_a_status(tmp_path, capsys, monkeypatch, words, expected):
    monkeypatch.chdir(tmp_path)
    torch.save(original_state({})[1], "weights.pt")
    folder = ["--folder", str(tmp_path)] if words[0] == "train" else []
    status, _, errors, message = command(*words, *folder, capsys=capsys)
    message = message or errors.strip()
    assert status != 0 and re.search(expected, message) and message.count("\n") <= 1


def test_a_term_signal_is_an_interrupt_checkpoints_are_kept_and_no_worker_stays(tmp_path):
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "geomlib",
            "train",
            "baseline",
            "--capacity",
            "3",
            "10",
            "--folder",
            tmp_path,
            "--set",
            SMALL,
            "steps=100000",
            "steps_per_epoch=7",
        ],
        cwd=paper.ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: len([*tmp_path.glob("*.part/checkpoint.safetensors")]) == 2, 120)
    process.terminate()
    errors = process.communicate(timeout=60)[1]  # ends when the last worker has closed it, too
    # Up to its last words: on a busy machine joblib's own tracker may then say that what it cleans up was gone.
    before, stopped, _ = errors.partition("geomlib: stopped; what is complete is kept")
    assert process.returncode == 1 and stopped and "Traceback" not in before
    assert f"geomlib: training 2 network(s) into {tmp_path}; 0 found trained\n" in before
    assert len([*tmp_path.glob("*.part/checkpoint.safetensors")]) == 2


@pytest.mark.parametrize(
    "name, kept", [("data film", False), ("data gaussians", True), ("data readings", True), ("results", True)]
)
def test_an_interrupt_says_what_is_kept(tmp_path, capsys, monkeypatch, name, kept):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    for module, function in (g.laws, "film"), (g.laws, "gaussians"), (results, "readings"), (results, "table"):
        monkeypatch.setattr(module, function, interrupted)
    monkeypatch.setattr(cli.logging, "disable", lambda: None)
    message = command(*name.split(), "-o", tmp_path / "x.csv", capsys=capsys)[-1]
    assert message.startswith("geomlib: stopped; " + ("what is complete is kept" if kept else "nothing is kept"))


def test_numbers_made_anew_are_compared_with_the_stored_and_the_published(tmp_path, capsys):
    new = tmp_path / "new.csv"
    paper.results().query("model == 'E1M1' and seed < 2").to_csv(new, index=False)
    status, out, _, _ = command("compare", new, capsys=capsys)
    assert status == 0 and "here but not there: 0." in out
    assert "Largest difference of reconstruction_loss from data/results.csv: 0.0000" in out
    (row,) = [
        line.split() for line in out.splitlines() if line.split()[:3] == ["E1M1", "3.0000", "reconstruction_loss"]
    ]
    published = (
        paper.published().query("model == 'E1M1' and capacity == 3 and measure == 'reconstruction_loss'").value.item()
    )
    assert float(row[-1]) == pytest.approx(published, abs=1e-4)


def test_results_are_those_of_the_runs_named(tmp_path, capsys):
    status, out, _, _ = command(
        "results", "E2M1", "E2M1-on-baseline", "--capacity", 10, "-o", tmp_path / "new.csv", capsys=capsys
    )
    assert status == 0 and "numbers of 2 run(s) in" in out
    new = results.compare(pd.read_csv(tmp_path / "new.csv"))
    new = new[new.ours.notna()]
    assert {"f1_joint", "f1_disjoint", "class_distortion_01"} <= set(new.measure) and new.released.notna().all()
    assert (new.difference.abs() <= 1e-4 * (1 + new.released.abs())).all()
    status, _, _, message = command(
        "results", "E2M1", "--capacity", 10, "--folder", tmp_path, "-o", tmp_path / "x.csv", capsys=capsys
    )
    assert status == 1 and "1 of 1 runs are not in" in message and "E2M1-c10-s0; geomlib" in message


def test_help_names_every_command(capsys):
    status, out, _, _ = command("--help", capsys=capsys)
    assert status == 0
    for name in ("train", "page", "plan", "original", "results", "compare"):
        assert name in out
    assert "--capacity" in command("train", "--help", capsys=capsys)[1]


def test_plan_lists_what_is_missing_and_its_cost(tmp_path, capsys):
    status, out, _, _ = command("plan", "baseline", "--folder", tmp_path, capsys=capsys)
    assert status == 0 and re.search("baseline( +missing){5}\n", out)
    assert f"5 of 5 to train: {5 * 7974 * 128:,} images" in out
    status, out, _, _ = command("plan", "worlds", "ramp", "--seed", 0, 1, "--set", "steps=10", capsys=capsys)
    assert status == 0 and re.search("rings E2M3( +missing){5}\n", out)
    assert f"{7 * 2 * 5} of {7 * 2 * 5} to train: {7 * 2 * 5 * 10 * 128:,} images" in out


def test_plan_says_how_long_the_missing_networks_take_here(tmp_path, capsys):
    names = "plan", "E1M2", "E2M1-on-baseline", "--folder", tmp_path, "--capacity", 1, 3
    assert "minutes" not in command(*names, capsys=capsys)[1]  # the trial takes seconds: only who asks waits
    status, out, _, _ = command(*names, "--minutes", "--set", "steps=1329000", capsys=capsys)
    found = re.search(r"\n2 networks: about (\d+) minutes on \d+ core", out)
    assert status == 0 and 0 < int(found[1]) < 20_000


def test_an_original_checkpoint_is_scored_with_our_measures(tmp_path, capsys):
    network, state = original_state({"order": 2})
    torch.save({"state_dict": state}, tmp_path / "a.ckpt")
    torch.save({"state_dict": original_state({})[1]}, tmp_path / "b.ckpt")
    g.write_csv(tmp_path / "set.csv", g.corridors([[3] * 13] * 13, 0))
    status, out, _, _ = command(
        "original",
        tmp_path / "a.ckpt",
        "--task",
        "order",
        "--counts",
        tmp_path / "set.csv",
        "--reference",
        tmp_path / "b.ckpt",
        capsys=capsys,
    )
    assert status == 0
    images, factors = g.read_csv(tmp_path / "set.csv")
    spec = g.Spec(counts=str(tmp_path / "set.csv"))
    part = slice(spec.train_end, spec.validation_end)
    for name, value in g.evaluate.scores(network, images[part], factors[part], 0).items():
        assert f"{value:.4f}" in out and name in out
    assert "distortion_robust" in out


def test_wrong_classes_are_refused_before_a_checkpoint_is_scored(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(g.evaluate, "scores", lambda *_, **__: pytest.fail("scored"))
    torch.save(original_state({})[1], tmp_path / "a.ckpt")
    status, _, _, message = command("original", tmp_path / "a.ckpt", "--classes", "E9", capsys=capsys)
    assert status == 1 and message.startswith("geomlib: classes are those of a model, one of baseline,")


def test_the_command_runs_as_a_module_and_reports_in_one_line(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "geomlib", "train", "baseline", "--capacity", "-7"],
        cwd=paper.ROOT,
        capture_output=True,
        text=True,
    )
    assert (
        done.returncode == 1
        and done.stderr.startswith("geomlib: capacity must be a number")
        and done.stderr.count("\n") == 1
    )


def test_tables_of_ones_own_are_read_from_files(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    counts, near = np.full((13, 13), 6), np.eye(13, dtype=int)
    counts[0, 12] = 9  # x_uc = 0, x_lc = 12
    np.savetxt("mine.csv", counts, "%d", ",")
    np.save("mine.npy", counts)
    np.savetxt("near.csv", near, "%d", ",")
    Path("runs").mkdir()
    words = ["--capacity", 2, "--folder", "runs", "--set", "steps=2"]
    for name in ("mine.csv", "mine.npy"):
        status, out, _, _ = command("train", "--counts", name, "--tasks", "near.csv", "order", *words, capsys=capsys)
        assert status == 0 and "f1_near" in out
    (folder,) = (path for path in Path("runs").iterdir() if path.is_dir())  # both files name one run
    spec = runs.load(folder).spec
    assert np.array_equal(spec.counts, counts) and np.array_equal(spec.tasks["near"], near)
    assert list(spec.tasks) == ["near", "order"]


@pytest.mark.parametrize(
    "name, content, expected",
    [
        ("a.csv", "1;2\n", "a.csv must hold a table of numbers: .*13 lines of 13 numbers"),
        ("a.csv", "1,2\n" * 13, r"counts must have shape \(13, 13\), got \(13, 2\)"),
        ("a.npy", "", "a.npy must hold a table of numbers"),
        ("a.csv", "\n" * 20, r"counts must have shape \(13, 13\), got \(0,\)"),
        ("a.csv", "1e308,1\n" * 13, r"counts must have shape \(13, 13\)"),
        ("b.csv", "", "there is no file a.csv in /"),
    ],
)
def test_a_file_without_such_a_table_is_refused(tmp_path, capsys, monkeypatch, name, content, expected):
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(content)
    asked = name.replace("b", "a")
    status, _, _, message = command("train", "--counts", asked, "--capacity", 2, capsys=capsys)
    assert status == 1 and re.search(expected, message)


def test_help_is_grouped_by_what_people_do(capsys):
    out = command("--help", capsys=capsys)[1]
    words = "Train networks", " train ", "Run pages", " page ", "Measure and compare", " compare "
    places = [out.index(word) for word in words]
    assert places == sorted(places)


def test_completion_is_made_for_the_shells():
    for shell in ("bash", "zsh", "fish"):
        assert "compare" in cli.app.generate_completion(shell=shell)
