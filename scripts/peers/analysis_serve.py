"""One peer as a process that runs an analysis for each line it reads.

    analysis_serve.py numpy|sklearn|sklearn_randomized

The protocol is that of the engine's example `serve_analysis`: a JSON line with `task`, `file`,
`maps`, `patches` and `dim` is answered by `{"ms": 12.3, "numbers": {..}}`. A process each keeps
the thread pools and the memory of the peers apart.
"""

import argparse
import json
import sys
import time

import numpy as np
from analysis_input import read

COMPONENTS = 3
CLUSTERS, ROUNDS = 8, 300


def sklearn_pca(solver: str):
    from sklearn.decomposition import PCA

    def pca(maps: np.ndarray) -> dict:
        fit = PCA(COMPONENTS, svd_solver=solver, random_state=0)
        values = fit.fit_transform(maps.reshape(-1, maps.shape[-1]))
        return {"variance": fit.explained_variance_.tolist(), "size": size(values)}

    return pca


def numpy_pca(maps: np.ndarray) -> dict:
    rows = maps.reshape(-1, maps.shape[-1])
    centered = rows - rows.mean(axis=0)
    _, lengths, axes = np.linalg.svd(centered, full_matrices=False)
    values = centered @ axes[:COMPONENTS].T
    variance = lengths[:COMPONENTS] ** 2 / (len(rows) - 1)
    return {"variance": variance.tolist(), "size": size(values)}


def numpy_match(maps: np.ndarray) -> dict:
    a, b = (map / np.linalg.norm(map, axis=1, keepdims=True) for map in maps[:2])
    cosines = a @ b.T
    to_b, best_a, second_a = best_two(cosines, 1)
    to_a, best_b, second_b = best_two(cosines, 0)
    return {
        "mutual": int((to_a[to_b] == np.arange(len(a))).sum()),
        "best": [float(best_a.sum(dtype="f8")), float(best_b.sum(dtype="f8"))],
        "second": [float(second_a.sum(dtype="f8")), float(second_b.sum(dtype="f8"))],
    }


def best_two(cosines: np.ndarray, axis: int):
    """Index and value of the largest, and the second largest value. The largest is hidden for a
    moment: several times faster than `np.partition`, which copies and orders all."""
    index = np.expand_dims(cosines.argmax(axis), axis)
    best = np.take_along_axis(cosines, index, axis)
    np.put_along_axis(cosines, index, -np.inf, axis)
    second = cosines.max(axis)
    np.put_along_axis(cosines, index, best, axis)
    return index.squeeze(axis), best, second


def sklearn_kmeans(maps: np.ndarray) -> dict:
    from sklearn.cluster import KMeans

    rows = maps.reshape(-1, maps.shape[-1])
    fit = KMeans(CLUSTERS, init=rows[:CLUSTERS], n_init=1, max_iter=ROUNDS, tol=0).fit(rows)
    sizes = np.bincount(fit.labels_, minlength=CLUSTERS)
    return {"inertia": float(fit.inertia_), "sizes": sorted(sizes.tolist(), reverse=True)}


def size(values: np.ndarray) -> float:
    return float(np.abs(values).sum(dtype="f8"))


PEERS = {
    "numpy": {"pca": numpy_pca, "match": numpy_match},
    "sklearn": {"pca": sklearn_pca("full"), "kmeans": sklearn_kmeans},
    "sklearn_randomized": {"pca": sklearn_pca("randomized")},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peer", choices=PEERS)
    tasks = PEERS[parser.parse_args().peer]
    for line in sys.stdin:
        if line.strip() == "quit":
            break
        request = json.loads(line)
        task = tasks[request.pop("task")]
        maps = read(request.pop("file"), **request)
        start = time.perf_counter()
        numbers = task(maps)
        ms = (time.perf_counter() - start) * 1e3
        print(json.dumps({"ms": ms, "numbers": numbers}), flush=True)


if __name__ == "__main__":
    main()
