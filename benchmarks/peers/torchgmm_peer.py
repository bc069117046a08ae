"""torchgmm's GaussianMixture, on the CPU."""

from __future__ import annotations

import importlib.metadata
import logging
import time
from typing import Any

import numpy as np
import torch
from torchgmm.base.data import DataLoader, collate_tensor, dataset_from_tensors
from torchgmm.bayes import GaussianMixture
from torchgmm.bayes.core import cholesky_precision
from torchgmm.bayes.gmm import GaussianMixtureModel, GaussianMixtureModelConfig
from torchgmm.bayes.gmm.lightning_module import GaussianMixtureLightningModule

from _worker import Loaded, Measure, Parameters, by_stamps, serve

for name in ("pytorch_lightning", "lightning.pytorch"):
    logging.getLogger(name).setLevel(logging.ERROR)


class StampedModule(GaussianMixtureLightningModule):
    """Notes the time whenever an EM iteration begins, and at the end.

    With all rows in one batch, which alone is exact EM, torchgmm spends two epochs on an iteration: one
    for the means, and one more E-step for the covariances.
    """

    stamps: list[float]

    def on_train_epoch_start(self) -> None:
        if self.current_epoch % 2 == 0:
            self.stamps.append(time.perf_counter())
        super().on_train_epoch_start()

    def on_train_end(self) -> None:
        self.stamps.append(time.perf_counter())


def prepare(loaded: Loaded) -> Measure:
    # Its sums would be float32 whatever the rows are, but for this.
    torch.set_default_dtype(torch.from_numpy(loaded.X).dtype)
    rows = dataset_from_tensors(torch.from_numpy(loaded.X))

    # The second half of its fit(); the first, which can take means alone, finds a start.
    def fit(n_iter: int, stamps: list[float]) -> Parameters:
        model = start(loaded)
        module = StampedModule(model, 0.0, loaded.reg_covar, is_batch_training=True)
        module.stamps = stamps
        loader = DataLoader(rows, batch_size=len(loaded.X), collate_fn=collate_tensor)
        trainer(loaded, 2 * n_iter).fit(module, loader)
        return model.component_probs, model.means, model.covariances

    return by_stamps(fit)


def start(loaded: Loaded) -> GaussianMixtureModel:
    config = GaussianMixtureModelConfig(*loaded.means.shape, loaded.structure)
    model = GaussianMixtureModel(config)
    covariances = torch.from_numpy(loaded.covariances)
    model.component_probs.copy_(torch.from_numpy(loaded.weights))
    model.means.copy_(torch.from_numpy(loaded.means))
    model.precisions_cholesky.copy_(cholesky_precision(covariances, loaded.structure))
    return model


def trainer(loaded: Loaded, n_epochs: int) -> Any:
    precision = 64 if loaded.X.dtype == np.float64 else 32
    quiet = {"precision": precision, "accelerator": "cpu", "enable_progress_bar": False}
    return GaussianMixture(trainer_params=quiet).trainer(max_epochs=n_epochs)


if __name__ == "__main__":
    version = importlib.metadata.version("torchgmm")
    serve({"torchgmm": version, "torch": torch.__version__}, prepare)
