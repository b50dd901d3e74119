"""Times Dinoscope's analyses beside numpy and scikit-learn, interleaved.

Each engine is a process that reads the same features and says how long one analysis took (see
analysis_serve.py). A round asks each of them once, in rotating order, so that a slow minute of
the machine hits all alike; a ratio is taken within a round, and the table shows medians. Exits
with 1 where the engines do not find the same.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

import bench_peers
from bench_peers import FOREIGN_SHARE, TICKS_PER_SEC, machine, machine_ticks, progress

SUBJECT = "dinoscope"
# Of each number: f32 sums in other orders, and randomized components of a clear spectrum.
AGREEMENT = 2e-3


@dataclass(frozen=True)
class Task:
    """One analysis of `maps` maps of `patches` patches, and who else can do it."""

    name: str
    maps: int
    patches: int
    dim: int
    peers: tuple[str, ...]

    def title(self) -> str:
        return f"{self.name} {self.maps} x {self.patches} x {self.dim}"


PCA_PEERS = ("sklearn", "sklearn_randomized", "numpy")
TASKS = (
    Task("pca", 4, 1024, 384, PCA_PEERS),
    Task("pca", 1, 4096, 1024, PCA_PEERS),
    Task("match", 2, 4096, 1024, ("numpy",)),
    Task("kmeans", 4, 1024, 384, ("sklearn",)),
)


@dataclass
class Sample:
    ms: float
    numbers: list[float]
    foreign: bool


class Engine(bench_peers.Engine):
    """A serving process that is asked for an analysis."""

    def ask(self, task: Task, file: Path) -> Sample:
        """One analysis, and whether other programs disturbed it."""
        request = {"task": task.name, "file": str(file), "maps": task.maps}
        request |= {"patches": task.patches, "dim": task.dim}
        start, busy, own = time.monotonic(), machine_ticks(), self.ticks()
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            self.fail("ended early")
        answer = self.answer()
        foreign = False
        if busy is not None:
            ticks = (machine_ticks() - busy) - (self.ticks() - own)
            room = (time.monotonic() - start) * os.cpu_count() * TICKS_PER_SEC
            # The counters move in whole ticks: two may belong to the neighbor.
            foreign = ticks > 2 + FOREIGN_SHARE * room
        self.settle()
        return Sample(answer["ms"], flat(answer["numbers"]), foreign)


def flat(value) -> list[float]:
    """All numbers of a JSON value, by the names of their fields."""
    if isinstance(value, dict):
        return [number for name in sorted(value) for number in flat(value[name])]
    if isinstance(value, list):
        return [number for item in value for number in flat(item)]
    return [float(value)]


@dataclass
class Result:
    """What one task gave, by engine."""

    task: Task
    ms: dict[str, list[float]]
    peak_mib: dict[str, float | None]
    numbers: dict[str, list[float]]
    disturbed_rounds: int

    def ratio(self, name: str) -> float:
        return median(a / b for a, b in zip(self.ms[SUBJECT], self.ms[name], strict=True))

    def agrees(self) -> bool:
        ours = self.numbers[SUBJECT]
        return all(
            len(ours) == len(theirs)
            and all(abs(a - b) <= AGREEMENT * abs(b) for a, b in zip(ours, theirs))
            for theirs in self.numbers.values()
        )


def measure(engines: list[Engine], task: Task, file: Path, wanted: int) -> Result:
    """Two warm-ups, then rounds until `wanted` of them were undisturbed, three times as many at
    most; where the machine never was quiet, all rounds count."""
    for engine in engines:
        engine.ask(task, file)
        engine.forget_peak()
        engine.ask(task, file)
    rounds: list[dict[str, Sample]] = []
    quiet: list[dict[str, Sample]] = []
    while len(quiet) < wanted and len(rounds) < 3 * wanted:
        turn = len(rounds) % len(engines)
        order = engines[turn:] + engines[:turn]
        round_ = {engine.name: engine.ask(task, file) for engine in order}
        rounds.append(round_)
        if not any(sample.foreign for sample in round_.values()):
            quiet.append(round_)
        progress(f"{task.title()}: round {len(rounds)}, {len(quiet)} of {wanted} undisturbed")
    progress("")
    used = quiet if len(quiet) >= min(3, wanted) else rounds
    return Result(
        task=task,
        ms={engine.name: [r[engine.name].ms for r in used] for engine in engines},
        peak_mib={engine.name: engine.peak_mib() for engine in engines},
        numbers={engine.name: rounds[0][engine.name].numbers for engine in engines},
        disturbed_rounds=sum(r not in quiet for r in used),
    )


def table(results: list[Result]) -> str:
    rows = ["| task | engine | median ms | fastest ms | peak MiB | dinoscope / engine |"]
    rows.append("|---|---|---:|---:|---:|---:|")
    for r in results:
        for name, ms in r.ms.items():
            peak = f"{r.peak_mib[name]:.0f}" if r.peak_mib[name] else "-"
            ratio = "" if name == SUBJECT else f"{r.ratio(name):.2f}"
            rows.append(
                f"| {r.task.title()} | {name} | {median(ms):.1f} | {min(ms):.1f} | {peak} | {ratio} |"
            )
    return "\n".join(rows)


def report(results: list[Result], threads: int) -> dict:
    return {
        "machine": machine(),
        "threads": threads,
        "versions": {name: version(name) for name in ("numpy", "scikit-learn")},
        "tasks": [
            {
                "task": r.task.title(),
                "agree": r.agrees(),
                "median_ms": {name: median(ms) for name, ms in r.ms.items()},
                "ratio": {name: r.ratio(name) for name in r.task.peers},
                "peak_mib": r.peak_mib,
                "numbers": r.numbers,
                "disturbed_rounds": r.disturbed_rounds,
                "ms": r.ms,
            }
            for r in results
        ],
    }


def run(task: Task, scratch: Path, args: argparse.Namespace) -> Result:
    file = scratch / "features.f32"
    # In a process of its own: the features must not stand in this one's memory.
    sides = (task.maps, task.patches, task.dim)
    make = f"import analysis_input as i, pathlib; i.write(pathlib.Path({str(file)!r}), *{sides})"
    subprocess.run([sys.executable, "-c", make], check=True, cwd=Path(__file__).parent)
    serve = [sys.executable, str(Path(__file__).with_name("analysis_serve.py"))]
    commands = {SUBJECT: [str(args.dinoscope)]} | {peer: [*serve, peer] for peer in task.peers}
    with ExitStack() as stack:
        engines = [
            stack.enter_context(Engine(name, command, args.threads))
            for name, command in commands.items()
        ]
        return measure(engines, task, file, args.rounds)


def parse() -> argparse.Namespace:
    names = sorted({task.name for task in TASKS})
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dinoscope", type=Path, help="the example serve_analysis, built")
    parser.add_argument("--tasks", default=",".join(names), help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=2, help="of each engine, default: 2")
    parser.add_argument("--rounds", type=int, default=9, help="undisturbed ones, default: 9")
    parser.add_argument("-o", "--output", type=Path, help="write all numbers as JSON")
    args = parser.parse_args()
    args.tasks = args.tasks.split(",")
    if unknown := set(args.tasks) - set(names):
        parser.error(f"unknown task: {', '.join(sorted(unknown))}")
    if args.dinoscope is None:
        parser.error("--dinoscope is needed")
    return args


def main() -> int:
    args = parse()
    os.environ["RAYON_NUM_THREADS"] = str(args.threads)
    with tempfile.TemporaryDirectory(prefix="dinoscope-analysis-") as scratch:
        tasks = [task for task in TASKS if task.name in args.tasks]
        results = [run(task, Path(scratch), args) for task in tasks]
    summary = report(results, args.threads)
    if args.output:
        args.output.write_text(json.dumps(summary, indent=1) + "\n")
    versions = ", ".join(f"{name} {number}" for name, number in summary["versions"].items())
    print(f"analyses of f32 features, {args.threads} threads; {summary['machine']}; {versions}\n")
    print(table(results))
    for r in results:
        if r.disturbed_rounds:
            print(f"\n{r.task.title()}: other programs were busy in all rounds; do not trust the numbers")
        if not r.agrees():
            print(f"\nerror: {r.task.title()}: the engines disagree: {r.numbers}", file=sys.stderr)
    return 0 if all(r.agrees() for r in results) else 1


if __name__ == "__main__":
    sys.exit(main())
