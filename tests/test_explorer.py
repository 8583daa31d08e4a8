"""What the explorer is given, and the widget in Jupyter without a browser."""

import base64
import shlex
from types import SimpleNamespace

import ipywidgets
import numpy as np
import pytest
import torch

from geomlib import Spec, cli, data, pages, paper, theory
from geomlib.explorer import Explorer, networks
from geomlib.train import Run, untrained


def numbers(text):
    return np.frombuffer(base64.b64decode(text), "<f2").astype(np.float32)


def fresh(capacity, seed=0, tasks=(), **fields):
    torch.manual_seed(seed)
    spec = Spec(capacity=capacity, seed=seed, tasks=tasks, **fields)
    return Run(spec, untrained(spec), None)


@pytest.fixture(scope="module")
def explorer():
    return Explorer([fresh(1), fresh(10)])


def test_a_networks_weights_come_back_in_order():
    model = fresh(1, tasks=("order", "region")).model
    written = networks.weights(model)
    assert [(n, tuple(s)) for n, s in written["shapes"]] == [(n, tuple(p.shape)) for n, p in model.state_dict().items()]
    expected = torch.cat([p.half().float().ravel() for p in model.state_dict().values()])
    np.testing.assert_array_equal(numbers(written["weights"]), expected)


@pytest.mark.parametrize("form", [{"layers": "perceptron"}, {"channels": 128}])
def test_a_network_that_the_pages_engine_cannot_compute_has_a_map_and_no_weights(form):
    shown = Explorer(fresh(3, **form))
    assert shown._networks == {"baseline-c3": {}}
    ((_, (stop,)),) = shown._index["models"]
    assert np.isfinite(numbers(stop["map"])).all() and len(stop["rates"]) == 5


def test_the_index_holds_mean_codes_of_noisy_images_of_each_pair(explorer):
    _, stops = explorer._index["models"][0]
    assert [stop["capacity"] for stop in stops] == [1, 10]
    images, factors = data.corridors("uniform")
    few, pair = images[networks.IMAGES], factors[networks.IMAGES] @ [13, 1]
    assert np.bincount(pair, minlength=169).min() >= 10
    with torch.inference_mode():
        mu, logvar = explorer.named[1][1].model.encode(torch.as_tensor(few[pair == 100]))
    spread = (mu.var(0, correction=0) + logvar.exp().mean(0)).sqrt()  # of a sampled code, over images of the pair
    np.testing.assert_allclose(numbers(stops[1]["codes"]).reshape(169, 5)[100], mu.mean(0), atol=1e-3)
    np.testing.assert_allclose(numbers(stops[1]["spreads"]).reshape(169, 5)[100], spread, atol=1e-3)


def test_a_world_of_ones_own_goes_through_the_explorer():
    world = np.random.default_rng(0).random((13, 13, 13, 13))
    own, plain = fresh(3, world=world), fresh(3)
    made = Explorer({"own": own, "plain": plain})
    first, second = made._index["worlds"]
    wall = np.frombuffer(base64.b64decode(first["wall"]), np.uint8).reshape(world.shape) / 255
    assert (first["name"], second["name"]) == ("own", "corridors") and np.abs(wall - world).max() < 0.002
    assert [stops[0]["world"] for _, stops in made._index["models"]] == [0, 1]
    images, factors = data.corridors("uniform", world=world)
    some = (factors[networks.IMAGES] == [7, 2]).all(1)
    with torch.inference_mode():
        mu, _ = own.model.encode(torch.as_tensor(images[networks.IMAGES][some]))
    codes = numbers(made._index["models"][0][1][0]["codes"]).reshape(169, 5)
    np.testing.assert_allclose(codes[7 * 13 + 2], mu.mean(0), atol=1e-3)
    made.state = "model=own&capacity=3&uc=7&lc=2"
    counts = np.zeros((13, 13), int)
    counts[7, 2] = 20
    with torch.inference_mode():
        mu, _ = own.model.encode(torch.as_tensor(data.corridors(counts, 0, world).images))
    np.testing.assert_allclose(made.sample(20), mu, atol=1e-5)


@pytest.mark.parametrize("about", [{"world": "corridors"}, {"likelihood": "bernoulli"}], ids=str)
def test_the_limit_is_written_in_bytes_and_is_that_of_the_networks_world_and_loss(about):
    found = networks.limit(Spec(counts="bottom", **about), 1.03)
    limit = np.frombuffer(base64.b64decode(found), np.uint8).reshape(169, 169)
    expected = theory.limit_dprime("bottom", 1.0, **about)
    assert limit.diagonal().max() <= 1
    np.testing.assert_allclose(networks.FAR * (limit / 254) ** 2, expected, atol=0.05)


def test_codes_alone_are_a_capacity_too():
    codes = np.random.default_rng(0).normal(size=(169, 5)), np.full((169, 5), 0.25)
    _, stops = networks.index({"baseline": [("x", fresh(1))]}, {("baseline", 2.5): codes})["models"][0]
    assert [(stop["capacity"], stop["slug"]) for stop in stops] == [(1, "x"), (2.5, "baseline-c2.5-s0")]
    np.testing.assert_allclose(numbers(stops[1]["codes"]).reshape(169, 5), codes[0], atol=1e-2)
    assert (numbers(stops[1]["spreads"]) == 0.5).all()
    expected = (codes[0] ** 2 + 0.25 - 1 - np.log(0.25)).mean(0) / 2
    np.testing.assert_allclose(stops[1]["rates"], expected, atol=1e-4)


def test_a_task_of_ones_own_is_asked_by_its_name():
    uc, lc = np.indices((13, 13))
    run = fresh(1, tasks={"thirds": uc // 5, "far": np.abs(uc - lc) // 4})
    tasks = networks.index({"mine": [("mine", run)]})["tasks"]
    assert tasks["thirds"]["question"] == "thirds" and tasks["thirds"]["classes"][1] == "x_UC 5–9, x_LC 0–12"
    assert tasks["far"]["classes"] == ["class 0", "class 1", "class 2", "class 3"]  # no blocks of pairs; one empty


def test_each_tasks_classes_are_named_by_the_positions_they_hold(explorer):
    region = explorer._index["tasks"]["region"]
    assert region["classes"][0] == "x_UC 0–1, x_LC 0–1" and region["classes"][7] == "x_UC 2–4, x_LC 5–7"
    assert region["truth"][3 * 13 + 6] == 7
    assert explorer._index["tasks"]["order"]["truth"][5 * 13 + 4] == 0
    assert explorer._index["tasks"]["identity"]["classes"][168] == "x_UC 12, x_LC 12"


def test_colours_tell_a_models_classes_apart(explorer):
    colours = dict(explorer._index["colours"])
    for model in ("E1M1", "E1M2", "E2M1", "E2M2", "E2M3", "E2M4", "E2M5"):
        (of,) = (colours[name] for name in colours if model in name)
        classes = paper.classes(model, networks.PAIRS)
        assert len(set(of)) == len(set(zip(of, classes))) == len(set(classes)), model


def test_the_commands_run_a_page_with_parameters_it_has():
    for name, listed in networks.released().items():
        for _, run in listed:
            ours, plain = networks.commands(name, run.spec)
            _, _, notebook, *words = shlex.split(ours)
            path = pages.find(notebook, paper.ROOT / "notebooks")
            given = cli.pairs("-p", [word for word in words if word != "-p"])
            pages.check(given, pages.defaults(pages.jupytext.read(path), path), path)
            assert given.get("model", "baseline") == name
            assert run.spec.capacity in (paper.CAPACITIES if notebook == "capacity" else [0.3, 10])
            assert f"notebooks/{notebook}.md" in plain and shlex.join(words) in plain


def test_a_network_of_ones_own_is_reproduced_by_its_spec():
    run = fresh(2, seed=3, tasks=("order",), gamma=50.0)
    (command,) = networks.commands("E2M1 seed 3", run.spec)
    assert command.startswith("geomlib.fit([geomlib.Spec(") and "seed=3" in command
    assert eval(command.removeprefix("geomlib.fit([geomlib.").removesuffix("])"), {"Spec": Spec}) == run.spec
    (command,) = networks.commands("own", fresh(2, tasks={"corner": data.TASKS["order"].table}).spec)
    assert command == "geomlib.fit([geomlib.Spec(tasks=tasks, capacity=2.0)])"
    run = fresh(2, counts=[[6] * 13] * 13)
    (command,) = networks.commands("own", run.spec)
    assert command.startswith("geomlib.fit([geomlib.Spec(counts=counts, ")
    assert eval(command, {"geomlib": SimpleNamespace(Spec=Spec, fit=list), "counts": [[6] * 13] * 13}) == [run.spec]


def test_runs_that_differ_in_capacity_are_one_network_and_others_are_not():
    listed = [fresh(10), fresh(1), fresh(1), fresh(3, seed=2), fresh(3, tasks=("order", "region"))]
    made = Explorer(listed)._index["models"]
    assert {name: [stop["capacity"] for stop in stops] for name, stops in made} == {
        "baseline": [1, 10],
        "baseline (2)": [1],
        "baseline seed 2": [3],
        "own": [3],
    }


def test_a_network_has_the_name_it_is_given_also_when_trained_anew():
    made = Explorer({"mine": [fresh(10), fresh(1)], "plain": fresh(1)})
    made.state = "model=mine&capacity=10"
    made.retrain(3, steps=1)
    assert {name: [stop["capacity"] for stop in stops] for name, stops in made._index["models"]} == {
        "mine": [1, 3, 10],
        "plain": [1],
    }


def test_a_sample_shows_codes_of_the_chosen_pair(explorer):
    explorer.state = "model=baseline&capacity=10&uc=2&lc=11"
    codes = explorer.sample(50)
    assert codes.shape == (50, 5) and codes.std(0).min() > 0
    np.testing.assert_allclose(explorer._cloud, codes, atol=1e-3)
    assert "plane" in explorer.view


def test_the_buttons_do_what_they_say(explorer, monkeypatch):
    done = []
    monkeypatch.setattr(ipywidgets.Button, "on_click", lambda self, click: done.append((self.description, click)))
    explorer.state = "model=baseline&capacity=10&uc=2&lc=11"
    noise, traverse, retrain = (click for _, click in (explorer.panel(), done)[1])
    explorer._cloud = []
    noise(None)
    assert len(explorer._cloud) == 300
    traverse(None)
    before = len(explorer.named)
    monkeypatch.setattr(explorer, "retrain", lambda capacity, steps: explorer.named.append((capacity, steps)))
    retrain(None)
    assert explorer.named.pop() == (2, 300) and len(explorer.named) == before


def test_networks_of_other_latents_stand_alone():
    made = Explorer([fresh(1), fresh(10, latent_dim=3)])._index["models"]
    assert [[len(stop["rates"]) for stop in stops] for _, stops in made] == [[5], [3]]


def test_a_state_is_completed_as_the_page_does_it(explorer):
    explorer.state = "uc=20&lc=-3"
    assert explorer.view == {"model": "baseline", "capacity": "10", "uc": "12", "lc": "0"}
    assert explorer.run.spec.capacity == 10
    explorer.state = "model=baseline&capacity=1000&uc=abc&lc=nan"
    assert explorer.view == {"model": "baseline", "capacity": "10", "uc": "3", "lc": "9"}
    explorer.state = "capacity=abc"
    assert explorer.view["capacity"] == "10"


def test_a_traversal_shows_what_each_latent_decodes_to(explorer):
    figure = explorer.traverse()
    assert len(figure.axes[0].get_yticks()) == 5


def test_retraining_adds_a_network_and_shows_it(explorer):
    explorer.state = "model=baseline&capacity=1&uc=2&lc=11"
    run = explorer.retrain(2, steps=1)
    assert run.spec.capacity == 2 and explorer.run is run
    assert [stop["capacity"] for stop in explorer._index["models"][0][1]] == [1, 2, 10]


def test_between_trained_capacities_there_is_no_network_to_sample(explorer):
    explorer.state = "model=baseline&capacity=5&uc=2&lc=11"
    with pytest.raises(ValueError, match="runs must hold one trained network"):
        Explorer([])
    with pytest.raises(ValueError, match="no network at 5 nats; move its capacity to one of 1, "):
        explorer.sample()
