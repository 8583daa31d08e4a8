"""On other people's machines: line ends changed by git, files left out by git-lfs, full disks, closed pipes."""

import pickle
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
import torch
from safetensors.torch import load_file, save_file

import geomlib as g
import geomlib.cli
from geomlib.spec import file_sha256

ROOT = Path(__file__).parents[1]


@pytest.fixture
def stored(tmp_path, trained):
    g.runs.save(trained, tmp_path / "run")
    return tmp_path / "run"


def git(*words, **options):
    user = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *user, *map(str, words)], check=True, capture_output=True, **options)


def test_a_clone_with_the_line_ends_of_windows_has_the_same_bytes(stored, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(stored, home / "data/runs/run")
    (home / "data/codes").mkdir()
    for name in ("data/results.csv", "data/published.csv", "Makefile", "_toc.yml", ".gitattributes"):
        shutil.copy(ROOT / name, home / name)
    shutil.copy(next((ROOT / "data/codes").iterdir()), home / "data/codes")
    git("init", cwd=home)
    git("add", ".", cwd=home)
    git("commit", "-m", "a", cwd=home)
    git("-c", "core.autocrlf=true", "clone", home, tmp_path / "clone")
    files = [path.relative_to(home) for path in home.rglob("*") if path.is_file() and ".git" not in path.parts]
    assert len(files) == 10
    assert all((tmp_path / "clone" / name).read_bytes() == (home / name).read_bytes() for name in files)
    assert g.runs.load(tmp_path / "clone/data/runs/run").spec == g.runs.load(stored).spec


def alter(stored, content):
    """Other bytes in place of the weights, with the checksum that belongs to them."""
    path, sums = stored / "weights.safetensors", stored / "SHA256SUMS"
    before = file_sha256(path)
    path.write_bytes(content) if isinstance(content, bytes) else save_file(content, path)
    sums.write_text(sums.read_text().replace(before, file_sha256(path)))


@pytest.mark.parametrize(
    "content, words",
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n", "a pointer of git-lfs.*git lfs pull"),
        (pickle.dumps({"mu.bias": [0.0] * 5}), "weights.safetensors is damaged .*restore it or train again"),
        (b"", "weights.safetensors is damaged"),
    ],
)
def test_other_bytes_than_weights_are_refused_in_a_sentence(stored, content, words):
    alter(stored, content)
    with pytest.raises(ValueError, match=words):
        g.runs.load(stored)
    with open(stored / "weights.safetensors", "ab") as file:
        file.write(b" ")
    with pytest.raises(ValueError, match="git lfs pull" if b"git-lfs" in content else "its checksum differs"):
        g.runs.load(stored)


@pytest.mark.parametrize(
    "name, change, words",
    [
        ("mu.bias", lambda w: w * float("nan"), "mu.bias holds a value that is no finite number"),
        ("mu.bias", lambda w: w.long(), "mu.bias must be an array of a float type, got torch.int64"),
        ("mu.bias", lambda w: w[:3].clone(), "weights of another network .*mu.bias"),
    ],
)
def test_weights_that_cannot_be_right_are_refused_by_name(stored, name, change, words):
    weights = load_file(stored / "weights.safetensors")
    alter(stored, weights | {name: change(weights[name])})
    with pytest.raises(ValueError, match=words):
        g.runs.load(stored)


def damage(content, random):
    """Bytes of a file, altered, cut, doubled or others; sometimes what JSON and CSV know, where it doesn't belong."""
    at, value = (
        random.randrange(min(len(content), 3000)),
        random.choice([b"null", b"[]", b"-1", b"1e999", b"\xff", b'"']),
    )
    return random.choice([
        content[:at], content * 2, b"", random.randbytes(300), content[:at] + value + content[at:],
        content[:at] + random.randbytes(4) + content[at + 4 :],
    ])  # fmt: skip


def test_of_any_altered_run_a_sentence_says_where_it_lies(stored, tmp_path):
    refused, random = 0, Random(4)
    for _ in range(200):
        shutil.rmtree(tmp_path / "other", ignore_errors=True)
        other = shutil.copytree(stored, tmp_path / "other")
        path = other / random.choice(["spec.json", "weights.safetensors", "history.csv", "SHA256SUMS"])
        path.write_bytes(damage(path.read_bytes(), random))
        if random.random() < 0.8 and path.name != "SHA256SUMS":  # as if somebody had meant it
            lines = [f"{file_sha256(other / name)}  {name}\n" for name in g.runs.FILES]
            (other / "SHA256SUMS").write_text("".join(lines))
        try:
            repr(g.runs.load(other))
        except ValueError as error:
            refused += 1
            assert str(other) in str(error)
    assert refused > 150


def test_a_run_whose_network_was_wrapped_is_loaded(tmp_path, trained):
    wrapped = torch.nn.DataParallel(trained.model)
    g.runs.save(g.Run(trained.spec, wrapped, trained.history), tmp_path / "run")
    loaded = g.runs.load(tmp_path / "run").model.state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in trained.model.state_dict().items())


def test_a_full_disk_ends_in_a_sentence_and_the_same_call_goes_on(tmp_path, tiny):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # no file may be longer, as if the disk were full
    try:
        with pytest.raises(OSError, match="can't write .*run: .*; make room, .* goes on from what was written before"):
            g.runs.train([tiny], [tmp_path / "run"], "cpu")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.rglob("*.safetensors")) and not list(tmp_path.rglob("*.new"))
    assert g.runs.train([tiny], [tmp_path / "run"], "cpu")[0].spec == tiny


def test_a_closed_pipe_is_met_with_silence(tmp_path):
    command = f"{sys.executable} -m geomlib compare {ROOT}/data/results.csv | head -1; exit ${{PIPESTATUS[0]}}"
    env = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["bash", "-c", command], env=env, capture_output=True, text=True)
    assert done.stderr == "" and done.returncode in (0, 141) and done.stdout


def test_a_page_without_its_packages_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "papermill", None)
    monkeypatch.delitem(sys.modules, "geomlib.pages", raising=False)
    monkeypatch.delattr(g, "pages", raising=False)
    with pytest.raises(SystemExit, match=r"geomlib: pages need papermill, .*: pip install 'geomlib\[pages\]'"):
        g.cli.main(["page", "capacity"])
