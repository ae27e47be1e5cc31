"""scikit-learn's KMeans on weighted points, from one start or several."""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kmq._colours.spaces import UNIT
from kmq._palette.clustering.points import is_opaque

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._palette.clustering.points import Points

ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, slots=True)
class KMeansParameters:
    """The options of KMeans, by its own names."""

    n_init: int
    max_iter: int
    tol: float
    random_state: int


def fitted_by_sklearn(
    points: Points, start: NDArray[np.int32], parameters: KMeansParameters
) -> NDArray[np.int32]:
    """Return the centres (k, 4) that KMeans finds from `start` or from its own starts, whichever are best.

    KMeans adds floats in an order that depends on the processor and on its version, so the centres do too.
    """
    # Imported here, because they take a second and few calls need them.
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    positions = points.positions[:, : points.channels] / UNIT
    weights = points.weights.astype(np.float64)
    kinds = is_opaque(points.positions)
    # How threads share sums of floats changes the result, so KMeans gets one thread. That limit is the
    # process's, and overlapping calls would restore it wrongly, hence the lock.
    with ONE_AT_A_TIME, threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct points than centres
        best = KMeans(
            len(start),
            init=start[:, : points.channels] / UNIT,
            n_init=1,
            max_iter=parameters.max_iter,
            tol=parameters.tol,
            copy_x=parameters.n_init > 1,  # else it centres `positions` in place, and undoing that rounds
        ).fit(positions, sample_weight=weights)
        if parameters.n_init > 1:
            other = KMeans(
                len(start),
                n_init=parameters.n_init - 1,
                max_iter=parameters.max_iter,
                tol=parameters.tol,
                random_state=parameters.random_state,
            ).fit(positions, sample_weight=weights)
            opaque = np.bincount(other.labels_, kinds, len(start))
            members = np.bincount(other.labels_, minlength=len(start))
            unmixed = ((opaque == 0) | (opaque == members)).all()
            if unmixed and other.inertia_ < best.inertia_:  # else a centre mixes opaque and translucent
                best = other
    centres = np.zeros((len(start), 4), np.int32)
    centres[:, : points.channels] = np.rint(best.cluster_centers_ * UNIT)
    return centres
