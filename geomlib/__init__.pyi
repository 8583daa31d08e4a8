from . import (
    claims,
    data,
    evaluate,
    figures,
    gaussian,
    laws,
    measures,
    objective,
    original,
    paper,
    results,
    runs,
    settings,
    spec,
    theory,
    train,
)
from .data import COUNTS, TASKS, WORLDS, Corridors, corridors
from .evaluate import decode, encode
from .measures import active_latents, distortion, distortion_robust, dprime, embed, f1, f1_batchwise, resolution, tuning
from .model import BetaVAE, rate
from .objective import capacity_at, loss_terms, task_weight_at
from .original import load_original, read_csv, write_csv
from .spec import Spec, change
from .theory import price, rate_distortion
from .train import Run, fit
