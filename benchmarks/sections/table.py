"""One EM iteration of every peer, from one start, beside what the machine could do."""

from __future__ import annotations

import statistics
import time
from typing import Any

from harness.bench import OURS, THEIRS, Bench
from harness.likelihood import mean_log_likelihood
from harness.limits import limit_terms, median_rates
from harness.problems import DTYPES, TABLE, Files, Problem, write
from harness.rounds import interleave, samples, tasks_of
from harness.text import digits, duration, percent, table, times
from harness.workers import PeerError

TITLE = "One EM iteration"

# Relative, of the mean log-likelihood after the same iterations.
AGREEMENT = {"float64": 1e-9, "float32": 1e-5}

# A fit this long needs no warm-up: the one whose likelihood is checked is timed as well.
_LONG_SECONDS = 1.0

TERMS = {"flops": "flops", "exps": "exp", "bytes": "memory"}


def measure(bench: Bench) -> dict[str, Any]:
    results = []
    for problem in map(bench.sized, TABLE):
        files = write(problem, bench.folder)
        results.extend(_measure(bench, problem, dtype, files) for dtype in DTYPES)
    return {"results": results}


def _measure(bench: Bench, problem: Problem, dtype: str, files: Files) -> dict[str, Any]:
    checks, errors = _check(bench, problem, dtype, files)
    timed, rates = _time(bench, problem, dtype, list(checks))
    terms = limit_terms(problem, dtype, rates)
    strict = limit_terms(problem, dtype, {**rates, "flops": rates["widest_flops"]})
    peers: dict[str, Any] = {name: {"error": error} for name, error in errors.items()}
    for name, check in checks.items():
        iterations = check["iterations"] + timed[name]
        seconds = statistics.median(iterations)
        peers[name] = {
            "seconds": seconds,
            "share": max(terms.values()) / seconds,
            "strict_share": max(strict.values()) / seconds,
            "log_likelihood": check["log_likelihood"],
            "samples": iterations,
        }
    result = {
        "problem": problem.name,
        "label": problem.label,
        "dtype": dtype,
        "n_iter": problem.n_iter,
        "rates": rates,
        "limit_terms": terms,
        "limit": max(terms.values()),
        "strict_limit": max(strict.values()),
        "peers": peers,
    }
    print(_line(result), flush=True)
    return result


def _check(
    bench: Bench, problem: Problem, dtype: str, files: Files
) -> tuple[dict[str, Any], dict[str, str]]:
    """Each peer's log-likelihood after the same iterations; those that cannot run, and why."""
    checks: dict[str, Any] = {}
    errors: dict[str, str] = {}
    parameters = bench.folder / "parameters.npz"
    for name, worker in bench.workers.items():
        try:
            worker.ask(**files.command(problem, dtype))
            begin = time.perf_counter()
            answer = worker.ask(do="reach", n_iter=problem.n_iter, parameters=str(parameters))
            long = time.perf_counter() - begin >= _LONG_SECONDS
        except PeerError as error:
            errors[name] = str(error)
            continue
        # float64 rows hold the same numbers as float32 rows.
        reached = mean_log_likelihood(files.rows["float64"], parameters, problem.structure)
        checks[name] = {
            "log_likelihood": reached,
            "iterations": answer["iterations"] if long else [],
        }
    return checks, errors


def _time(
    bench: Bench, problem: Problem, dtype: str, names: list[str]
) -> tuple[dict[str, list[float]], dict[str, float]]:
    workers = {name: bench.workers[name] for name in names}
    tasks = tasks_of(workers, do="iterate", n_iter=problem.n_iter, seconds=bench.run_seconds)
    tasks |= tasks_of({"machine": bench.machine}, do="rates", dtype=dtype)
    if bench.widest is not None:
        tasks |= tasks_of({"widest": bench.widest}, do="product", dtype=dtype)
    rounds = interleave(tasks, bench.rounds, bench.budget)
    rates = median_rates(rounds.pop("machine"))
    # Of NumPy's product as it comes, and of the fastest one that was found.
    rates["widest_flops"] = rates["flops"]
    if bench.widest is not None:
        widest = median_rates(rounds.pop("widest"))["flops"]
        rates["widest_flops"] = max(rates["flops"], widest)
    return {name: samples(answers, "iterations") for name, answers in rounds.items()}, rates


def _line(result: dict[str, Any]) -> str:
    timed = {name: peer for name, peer in result["peers"].items() if "seconds" in peer}
    cells = ", ".join(f"{name} {duration(peer['seconds'])}" for name, peer in timed.items())
    return f"{result['problem']} {result['dtype']}: {cells}; limit {duration(result['limit'])}"


# What was found


def render(data: dict[str, Any]) -> str:
    parts = []
    for dtype in DTYPES:
        results = [result for result in data["results"] if result["dtype"] == dtype]
        names = _names(results)
        parts += [
            f"### {dtype}",
            "Time of an iteration, and its share of the limit (the limit ÷ the time). The strict limit is by "
            "the fastest matrix product found, not NumPy's as it comes; beside it mixtura's share of that.",
            table(
                ["", "N × d, K, structure", *names, "limit", "set by", "strict limit"],
                [_time_row(result, names) for result in results],
            ),
            "Times as fast as scikit-learn:",
            table(["", "N × d, K, structure", *names], [_ratio_row(r, names) for r in results]),
            f"Relative difference of the log-likelihood from {THEIRS} in float64, after the same iterations "
            f"(**bold**: more than {AGREEMENT[dtype]:g}):",
            table(
                ["", "iterations", *names],
                [_deviation_row(result, names, data["results"]) for result in results],
            ),
        ]
    return "\n\n".join([*parts, _rates_text(data["results"])])


def _names(results: list[dict[str, Any]]) -> list[str]:
    """Peers that ran at least once, in the order that they were asked in."""
    order = [THEIRS, "oneDAL", "torchgmm", "tgmm", OURS]
    ran = {name for result in results for name in result["peers"]}
    return [name for name in order if name in ran]


def _time_row(result: dict[str, Any], names: list[str]) -> list[str]:
    terms = result["limit_terms"]
    limiting = TERMS[max(terms, key=terms.get)]
    cells = [_time_cell(result["peers"].get(name, {})) for name in names]
    ours = result["peers"].get(OURS, {})
    share = f" ({percent(ours['strict_share'])})" if "strict_share" in ours else ""
    strict = duration(result["strict_limit"]) + share
    limit = duration(result["limit"])
    return [result["problem"], result["label"], *cells, limit, limiting, strict]


def _time_cell(peer: dict[str, Any]) -> str:
    return f"{duration(peer['seconds'])} ({percent(peer['share'])})" if "seconds" in peer else "-"


def _ratio_row(result: dict[str, Any], names: list[str]) -> list[str]:
    ratios = ratios_to_theirs(result)
    cells = [times(ratios[name]) if name in ratios else "-" for name in names]
    return [result["problem"], result["label"], *cells]


def ratios_to_theirs(result: dict[str, Any]) -> dict[str, float]:
    """How many times as fast as scikit-learn each peer is."""
    timed = {name: peer["seconds"] for name, peer in result["peers"].items() if "seconds" in peer}
    if THEIRS not in timed:
        return {}
    return {name: timed[THEIRS] / seconds for name, seconds in timed.items()}


def _deviation_row(
    result: dict[str, Any], names: list[str], results: list[dict[str, Any]]
) -> list[str]:
    found = deviations(result, results)
    cells = []
    for name in names:
        text = f"{found[name]:.1g}" if name in found else "-"
        agrees = name not in found or found[name] <= AGREEMENT[result["dtype"]]
        cells.append(text if agrees else f"**{text}**")
    return [result["problem"], str(result["n_iter"]), *cells]


def deviations(result: dict[str, Any], results: list[dict[str, Any]]) -> dict[str, float]:
    """Relative differences from what scikit-learn reaches in float64 (or the first peer that ran)."""
    reached = {
        name: peer["log_likelihood"]
        for name, peer in result["peers"].items()
        if "log_likelihood" in peer
    }
    double = next(
        other["peers"]
        for other in results
        if other["problem"] == result["problem"] and other["dtype"] == "float64"
    )
    expected = next(peer["log_likelihood"] for peer in double.values() if "seconds" in peer)
    return {name: abs(value / expected - 1) for name, value in reached.items()}


def _rates_text(results: list[dict[str, Any]]) -> str:
    lines = []
    for dtype in DTYPES:
        rates = median_rates([r["rates"] for r in results if r["dtype"] == dtype])
        lines.append(
            f"- {dtype}: a large matrix product {digits(rates['flops'] / 1e9)} GFLOP/s as NumPy comes, "
            f"{digits(rates['widest_flops'] / 1e9)} with the fastest kernels found; exponentials "
            f"{digits(rates['exps'] / 1e9)} G/s; copy {digits(rates['bytes'] / 1e9)} GB/s (read and written)"
        )
    return "\n".join(
        ["Rates that the limits come from (medians; each problem uses its own):", "", *lines]
    )
