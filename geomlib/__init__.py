"""The geometry of efficient codes, reproduced: beta-VAEs on images of two corridors.

| symbol    | in code               | meaning                                             | shape           | unit      |
| --------- | --------------------- | --------------------------------------------------- | --------------- | --------- |
| x         | images                | an image of two corridors, 0 = open, 1 = wall       | (N, 1, 13, 13)  |           |
| x_UC      | factors[:, 0]         | column of the upper corridor                        | (N,) in 0..12   | pixel     |
| x_LC      | factors[:, 1]         | column of the lower corridor                        | (N,) in 0..12   | pixel     |
| mu        | mu, codes             | mean of the posterior q(z given x): the code        | (N, D), D = 5   |           |
| sigma^2   | logvar.exp()          | variance of the posterior                           | (N, D)          |           |
| z         | z                     | sampled code, mu + sigma * noise                    | (N, D)          |           |
| R         | rate(mu, logvar)      | KL(q(z given x), N(0, I))                           | (N,)            | nats      |
| D         | reconstruction        | mean squared error of a pixel: the distortion       | scalar          |           |
| C, C(t)   | capacity, capacity_at | the rate that is asked for, and its schedule        | scalar          | nats      |
| gamma     | gamma                 | weight of the distance of R from C                  | scalar          |           |
| w(t)      | task_weight_at        | weight of a task's cross entropy                    | scalar          |           |
| T         | ramp                  | clock reading at which the capacity is full         | scalar          | ticks     |
"""

from .data import COUNTS, TASKS, Corridors, corridors, read_csv, write_csv
from .measures import active_latents, distortion, distortion_robust, embed, f1, f1_batchwise, tuning
from .model import BetaVAE, load_original, rate
from .spec import Spec, capacity_at, change, loss_terms, task_weight_at
from .theory import rate_distortion
from .train import Run, decode, encode, evaluate, fit
from . import data, figures, measures, model, paper, runs, spec, theory, train

