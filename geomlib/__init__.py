"""The geometry of efficient codes, reproduced: beta-VAEs on images of two corridors.

| symbol  | in code               | meaning                                             | shape          | unit  |
| ------- | --------------------- | --------------------------------------------------- | -------------- | ----- |
| N, D, K |                       | how many images, latents (D = 5), classes           | scalars        |       |
| image   | images                | an image of two corridors, 0 = open, 1 = wall       | (N, 1, 13, 13) |       |
| x_UC    | factors[:, 0]         | column of the upper corridor                        | (N,) in 0..12  | pixel |
| x_LC    | factors[:, 1]         | column of the lower corridor                        | (N,) in 0..12  | pixel |
| P(open) | PROFILE               | probability that a pixel is open; P(wall) = 1 - it  |                |       |
| μ       | mu, codes             | mean of the posterior q(z given image): the code    | (N, D)         |       |
| σ²      | logvar.exp()          | variance of the posterior                           | (N, D)         |       |
| z       | z                     | sampled code, μ + σ · noise                         | (N, D)         |       |
| KL      |                       | Kullback-Leibler divergence                         | scalar         | nats  |
| R       | rate(mu, logvar)      | KL(q(z given image), standard normal)               | (N,)           | nats  |
| C, C(t) | capacity, capacity_at | the rate that is asked for, and its schedule        | scalar         | nats  |
| λ       | price                 | what one more nat is worth: weight of a held rate   | scalar         | 1/nat |
| γ       | gamma                 | weight of the distance of R from C                  | scalar         |       |
| w(t)    | task_weight_at        | weight of a task's cross entropy                    | scalar         |       |
| s       | step                  | training step, from 1                               | scalar         | steps |
| V       |                       | validation batches an epoch, on one GPU             | scalar         |       |
| t       | clock_at              | clock reading at a step                             | scalar         | ticks |
| T       | ramp                  | clock reading at which the capacity is full         | scalar         | ticks |
| r_ij    |                       | distance of μ_i and μ_j, model over baseline        | (N, N)         |       |
| Δ_ab    | distortion            | class distortion: mean r_ij of two classes - of all | (K, K)         |       |
| d'      | resolution, dprime    | distance of two mean codes over the code's noise    | (2, 13, 13)    |       |
| τ       | TOLERANCE             | tolerance of the scorecard                          | scalar         |       |
"""

import logging as _logging
import os as _os

import lazy_loader as _lazy_loader

# A name is imported when it is asked for: torch alone takes seconds. Which ones there are: __init__.pyi.
__getattr__, __dir__, __all__ = _lazy_loader.attach_stub(__name__, __file__)

if "GEOMLIB_PAGE" in _os.environ:  # in the run of a page all that the library says bears its mark (pages.NOTICES)
    _logging.basicConfig(format="geomlib: %(message)s")
    _logging.getLogger(__name__).setLevel(_logging.INFO)
