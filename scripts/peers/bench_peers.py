"""Times Dinoscope beside PyTorch and ONNX Runtime: same weights, same input, same minute.

    bench_peers.py --dinoscope target/release/dinoscope -o peers.json

Each engine is a process that answers `<size>` with one timed forward (see peer_serve.py).
A round asks each of them once, in rotating order, so that a slow minute of the machine hits
all alike; a ratio is taken within a round, and the table shows medians. Exits with 1 where
the engines do not compute the same tokens.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
SUBJECT = "dinoscope"
PEERS = {"torch": "torch", "ort": "onnxruntime"}
# Sums of absolute values over a million f32 tokens; 2e-8 is what the peers differ by.
AGREEMENT = 1e-3
# A round in which other programs took more of the machine than this is measured again.
FOREIGN_SHARE = 0.1
TICKS_PER_SEC = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def proc(path: str) -> str | None:
    """A file of /proc; None where the system has none."""
    try:
        return Path("/proc", path).read_text()
    except OSError:
        return None


def machine_ticks() -> int | None:
    """Clock ticks that all CPUs together were busy or stolen since the start."""
    stat = proc("stat")
    if stat is None:
        return None
    user, nice, system, _idle, _wait, irq, soft, steal = map(int, stat.split()[1:9])
    return user + nice + system + irq + soft + steal


@dataclass
class Sample:
    ms: float
    checksum: float
    foreign: bool


class Engine:
    """A serving process; lives as long as its `with` block."""

    def __init__(self, name: str, command: list[str], threads: int):
        self.name = name
        # The frameworks read their own variables; all get the same number.
        env = os.environ | {"OMP_NUM_THREADS": str(threads), "TRANSFORMERS_VERBOSITY": "error"}
        env |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        self.log = tempfile.TemporaryFile("w+")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self.log}
        try:
            self.process = subprocess.Popen(command, text=True, env=env, **pipes)
        except OSError as error:
            sys.exit(f"error: engine {name} does not start: {error}")

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def ask(self, size: int) -> Sample:
        """One forward at `size` pixels, and whether other programs disturbed it."""
        start, busy, own = time.monotonic(), machine_ticks(), self.ticks()
        try:
            self.process.stdin.write(f"{size}\n")
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
        if answer["size"] != size:
            self.fail(f"answered for {answer['size']} px, asked for {size} px")
        return Sample(answer["ms"], answer["checksum"], foreign)

    def answer(self) -> dict:
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        self.fail("ended early")

    def fail(self, what: str):
        self.log.seek(0)
        tail = "".join(self.log.readlines()[-5:]).strip()
        sys.exit(f"error: engine {self.name} {what}: {tail or 'nothing on stderr'}")

    def ticks(self) -> int:
        stat = proc(f"{self.process.pid}/stat")
        fields = stat.rpartition(")")[2].split() if stat else ["0"] * 13
        return int(fields[11]) + int(fields[12])

    def settle(self):
        """Waits until the threads have stopped spinning for more work, so that the next
        engine has the CPUs to itself."""
        if proc("stat") is None:
            time.sleep(0.1)
            return
        deadline, quiet = time.monotonic() + 1.0, 0
        while quiet < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
            tasks = Path(f"/proc/{self.process.pid}/task").glob("*/stat")
            states = [task.read_text().rpartition(")")[2].split()[0] for task in tasks]
            quiet = 0 if "R" in states else quiet + 1

    def forget_peak(self):
        try:
            Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        except OSError:
            pass  # The peak is then that of all sizes so far.

    def peak_mib(self) -> float | None:
        """The most resident memory since `forget_peak`."""
        for line in (proc(f"{self.process.pid}/status") or "").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
        return None


@dataclass
class Result:
    """What one size gave, by engine."""

    size: int
    ms: dict[str, list[float]]
    peak_mib: dict[str, float | None]
    checksum: dict[str, float]
    disturbed_rounds: int
    ratio: dict[str, float] = field(init=False)

    def __post_init__(self):
        subject = self.ms.get(SUBJECT, [])
        self.ratio = {
            name: median(a / b for a, b in zip(subject, ms, strict=True))
            for name, ms in self.ms.items()
            if subject and name != SUBJECT
        }

    def agrees(self) -> bool:
        sums = list(self.checksum.values())
        return all(abs(s - sums[0]) <= AGREEMENT * abs(sums[0]) for s in sums)


def measure(engines: list[Engine], size: int, wanted: int) -> Result:
    """Two warm-ups, then rounds at one size until `wanted` of them were undisturbed, three times as many at most;
    where the machine never was quiet, all rounds count."""
    for engine in engines:
        engine.ask(size)
        # What loading took is over: from here on it is the memory of a forward.
        engine.forget_peak()
        engine.ask(size)
    rounds: list[dict[str, Sample]] = []
    quiet: list[dict[str, Sample]] = []
    while len(quiet) < wanted and len(rounds) < 3 * wanted:
        turn = len(rounds) % len(engines)
        round_ = {engine.name: engine.ask(size) for engine in engines[turn:] + engines[:turn]}
        rounds.append(round_)
        if not any(sample.foreign for sample in round_.values()):
            quiet.append(round_)
        progress(f"{size} px: round {len(rounds)}, {len(quiet)} of {wanted} undisturbed")
    progress("")
    used = quiet if len(quiet) >= min(3, wanted) else rounds
    return Result(
        size=size,
        ms={engine.name: [r[engine.name].ms for r in used] for engine in engines},
        peak_mib={engine.name: engine.peak_mib() for engine in engines},
        checksum={engine.name: rounds[0][engine.name].checksum for engine in engines},
        disturbed_rounds=sum(r not in quiet for r in used),
    )


def progress(text: str):
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def table(results: list[Result]) -> str:
    rows = ["| size | engine | median ms | fastest ms | peak MiB | dinoscope / engine |"]
    rows.append("|---:|---|---:|---:|---:|---:|")
    for r in results:
        for name, ms in r.ms.items():
            peak = f"{r.peak_mib[name]:.0f}" if r.peak_mib[name] else "-"
            ratio = f"{r.ratio[name]:.2f}" if name in r.ratio else ""
            rows.append(f"| {r.size} | {name} | {median(ms):.1f} | {min(ms):.1f} | {peak} | {ratio} |")
    return "\n".join(rows)


def machine() -> str:
    for line in (proc("cpuinfo") or "").splitlines():
        if line.startswith("model name"):
            return f"{line.partition(':')[2].strip()}, {os.cpu_count()} CPUs, {platform.system()}"
    return f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs, {platform.system()}"


def report(results: list[Result], args: argparse.Namespace) -> dict:
    return {
        "model": "ViT-S/16, random weights, f32, batch 1",
        "machine": machine(),
        "threads": args.threads,
        "versions": {name: version(PEERS[name]) for name in args.engines if name in PEERS},
        "agree": all(r.agrees() for r in results),
        "sizes": [
            {
                "size": r.size,
                "median_ms": {name: median(ms) for name, ms in r.ms.items()},
                "ratio": r.ratio,
                "peak_mib": r.peak_mib,
                "checksum": r.checksum,
                "disturbed_rounds": r.disturbed_rounds,
                "ms": r.ms,
            }
            for r in results
        ],
    }


def command(name: str, folder: Path, args: argparse.Namespace) -> list[str]:
    threads = str(args.threads)
    if name in PEERS:
        serve = str(HERE / "peer_serve.py")
        return [sys.executable, serve, name, "--model", str(folder), "--threads", threads]
    sizes = ",".join(map(str, args.sizes))
    options = ["--sizes", sizes, "--threads", threads, "--device", "cpu", "--json", "--serve"]
    return [str(args.dinoscope), "bench", "--model", str(folder), *options]


def run(folder: Path, args: argparse.Namespace) -> list[Result]:
    sizes = [str(size) for size in args.sizes]
    if not all((folder / f"vit_{size}.onnx").exists() for size in sizes):
        progress("writing the model")
        make = [sys.executable, str(HERE / "peer_model.py"), str(folder), *sizes]
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
    with ExitStack() as stack:
        engines = [
            stack.enter_context(Engine(name, command(name, folder, args), args.threads))
            for name in args.engines
        ]
        return [measure(engines, s, args.rounds or (5 if s > 512 else 9)) for s in args.sizes]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dinoscope", type=Path, help="the program to measure")
    parser.add_argument("--engines", default="torch,ort,dinoscope", help="default: %(default)s")
    parser.add_argument("--sizes", default="224,448,768", help="pixels, default: %(default)s")
    parser.add_argument("--threads", type=int, default=2, help="of each engine, default: 2")
    parser.add_argument("--rounds", type=int, help="default: 9, and 5 above 512 px")
    parser.add_argument("--work", type=Path, help="keep the model here and use it again")
    parser.add_argument("-o", "--output", type=Path, help="write all numbers as JSON")
    args = parser.parse_args()
    args.engines = args.engines.split(",")
    args.sizes = sorted(int(size) for size in args.sizes.split(","))
    if unknown := set(args.engines) - {*PEERS, SUBJECT}:
        parser.error(f"unknown engine: {', '.join(sorted(unknown))}")
    if SUBJECT in args.engines and args.dinoscope is None:
        parser.error("--dinoscope is needed to measure dinoscope")
    return args


def main() -> int:
    args = parse()
    with tempfile.TemporaryDirectory(prefix="dinoscope-peers-") as scratch:
        results = run(args.work or Path(scratch), args)
    summary = report(results, args)
    if args.output:
        args.output.write_text(json.dumps(summary, indent=1) + "\n")
    print(f"{summary['model']}, {args.threads} threads; {summary['machine']}")
    print("; ".join(f"{name} {v}" for name, v in summary["versions"].items()) + "\n")
    print(table(results))
    for r in results:
        if r.disturbed_rounds:
            print(f"\n{r.size} px: other programs were busy in all rounds; do not trust the numbers")
        if not r.agrees():
            print(f"\nerror: {r.size} px: the engines disagree: {r.checksum}", file=sys.stderr)
    return 0 if summary["agree"] else 1


if __name__ == "__main__":
    sys.exit(main())
