"""Damages model files, checkpoints and files of sweeps, and reads them: what crashes, what is taken for true?

    python benchmarks/fuzz/files.py --count 100000 [--seed 0] [--first 0]

A file is damaged in its bytes, in the header that says what lies where, in a value of its JSON or in its
arrays. Then it must be refused with a ModelFileError (or the ValueError for another fit's file), or what
comes of it must make sense. Cases run in processes of their own, a chunk each, so that a crash is counted and
the next case goes on. A case is its number: `--first 1234 --count 1` repeats it, with its traceback.
"""

from __future__ import annotations

import argparse
import json
import re
import struct
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

import mixtura
from mixtura import GaussianMixture, GaussianMixtureSearch, ModelFileError, SingularCovarianceError

CHUNK = 5_000
HANGS_AFTER = 3_600.0

rng_of_rows = np.random.default_rng(0)
X = rng_of_rows.normal(size=(60, 2)) + 2.0 * (np.arange(60) % 3)[:, np.newaxis]


class Nonsense(Exception):
    """A damaged file was taken, and what came of it makes no sense."""


# The files: what writes them, what reads them


class Interruption(BaseException):
    pass


def interrupt(iteration, *_):
    if iteration == 4:
        raise Interruption


def estimator(path, **options) -> GaussianMixture:
    return GaussianMixture(3, random_state=0, tol=0, max_iter=6, checkpoint=path, **options)


CHECKPOINTS = {
    "a fit on its way": {"accelerate": True, "init_params": "kmeans"},
    "a fit on its way, diag": {
        "accelerate": True,
        "covariance_type": "diag",
        "init_params": "kmeans",
    },
    "a fit on its way, tied": {
        "accelerate": True,
        "covariance_type": "tied",
        "init_params": "kmeans",
    },
    "starts that are done": {"n_init": 3, "init_params": "random"},
}


def write_model(path: Path, covariance_type: str) -> None:
    import pandas as pd

    frame = pd.DataFrame(X, columns=["a", "b"])
    GaussianMixture(3, covariance_type=covariance_type, random_state=0, max_iter=20).fit(
        frame
    ).save(path)


def write_checkpoint(path: Path, name: str) -> None:
    with suppress(Interruption):
        estimator(path, **CHECKPOINTS[name], checkpoint_interval=0, callback=interrupt).fit(X)


def search(path: Path, callback=None) -> GaussianMixtureSearch:
    return GaussianMixtureSearch(
        [1, 2],
        ["EEE", "VVI"],
        random_state=0,
        max_iter=20,
        checkpoint=path,
        resume=True,
        callback=callback,
    )


def write_sweep(path: Path, n_steps: int) -> None:
    search(path, lambda n_done, *_: n_done >= n_steps).fit(X)


def read_model(path: Path, _: str) -> None:
    model = mixtura.load(path)
    check_fit(model)
    again = path.with_name("again")
    model.save(again)
    twin = mixtura.load(again)
    expect(twin.score_samples(X).tobytes() == model.score_samples(X).tobytes(), "other bits")
    model.summary().to_dict()
    str(model.summary())
    # What is made of all rows is no part of a stream, and says so.
    if is_near(model) and not (model.prior == "default" or model.max_eigenvalue_ratio is not None):
        try:
            check_fit(model.partial_fit(X))
        except SingularCovarianceError:
            pass
        except ValueError as error:  # an argument of the file's that `fit` refuses, as anybody's
            expect("\n" not in str(error), f"a long message: {error}")


def read_checkpoint(path: Path, name: str) -> None:
    check_fit(estimator(path, **CHECKPOINTS[name], resume=True).fit(X))


def read_sweep(path: Path, _: str) -> None:
    found = search(path).fit(X)
    for cell in found._cells.values():
        if cell.mixture is not None:
            check_fit(found.estimator(*cell.key))
    for name in ("bic", "aic", "icl", "log_likelihood", "seconds"):
        values = found.results_[name][found.results_["failure"] == ""]
        expect(np.isfinite(values).all(), name)


KINDS: dict[str, tuple[Callable[..., None], Callable[..., None], list[Any]]] = {
    "model": (write_model, read_model, ["full", "tied", "diag", "spherical", "VEE"]),
    "checkpoint": (write_checkpoint, read_checkpoint, list(CHECKPOINTS)),
    "sweep": (write_sweep, read_sweep, [3, 100]),
}


# What makes sense


def expect(holds: object, what: str) -> None:
    if not holds:
        raise Nonsense(what)


def is_near(model: GaussianMixture) -> bool:
    """Whether a double holds the density of the rows."""
    return bool(np.isfinite(model.score_samples(X)).all())


def check_fit(model: GaussianMixture) -> None:
    mixture = model.mixture_
    K, d = mixture.means.shape
    for name in ("weights_", "means_", "covariances_", "precisions_cholesky_", "lower_bound_"):
        expect(np.isfinite(getattr(model, name)).all(), f"{name} not finite")
    expect(abs(mixture.weights.sum() - 1) < 1e-4 and (mixture.weights >= 0).all(), "weights")
    expect((mixture.structure.diagonals(mixture.covariances, K, d) > 0).all(), "variances")
    expect(np.linalg.eigvalsh(mixture.covariance_matrices()).min() > 0, "covariances")
    expect(type(model.n_iter_) is int and model.n_iter_ >= 0, "n_iter_")
    expect(type(model.converged_) is bool, "converged_")
    expect(model.means_.dtype in (np.float32, np.float64), "dtype")
    bounds = model.lower_bounds_
    expect(all(type(bound) in (int, float) for bound in bounds), "lower_bounds_")
    expect(all(np.isfinite(float(bound)) for bound in bounds), "lower_bounds_ not finite")
    expect(type(model.remaining_gain_) in (int, float), "remaining_gain_")
    expect(all(type(start.n_iter) is int for start in model.starts_), "starts_")
    expect((model.diagnosis_.effective_rows >= 0).all(), "effective_rows")
    summary = model.summary()
    expect(np.isfinite([summary.bic, summary.aic, summary.icl]).all(), "criteria")
    expect(type(summary.n_rows) is int and summary.n_rows > 0 and summary.weight > 0, "n_rows")
    rows = X[:5]
    shares = model.predict_proba(rows)
    # A mean may be anywhere: so far away that no double holds the density of these rows.
    makes_sense = np.allclose(shares.sum(axis=1), 1, atol=1e-4)
    expect(makes_sense or not is_near(model), f"responsibilities {shares.tolist()}")
    expect(np.isfinite(model.sample(3)[0]).all(), "samples")


# The damage


def cut(content: bytes) -> tuple[dict[str, Any], bytes]:
    (size,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def joined(header: dict[str, Any], data: bytes) -> bytes:
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(text)) + text + data


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    how = [
        bytes_changed,
        bytes_changed,
        cut_short,
        header_changed,
        facts_changed,
        facts_changed,
        text_changed,
    ]
    how += [arrays_changed, arrays_changed, arrays_swapped]
    for _ in range(1 + (rng.random() < 0.2)):
        # What is damaged already may be no file any more, to be damaged in that way.
        with suppress(
            ValueError, KeyError, TypeError, AttributeError, struct.error, RecursionError
        ):
            content = how[rng.integers(len(how))](content, rng)
    return content


def bytes_changed(content: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(content)
    for at in rng.integers(len(changed), size=rng.integers(1, 9)):
        changed[at] = rng.choice([changed[at] ^ (1 << rng.integers(8)), 0, 255, rng.integers(256)])
    return bytes(changed)


def cut_short(content: bytes, rng: np.random.Generator) -> bytes:
    begin, end = sorted(rng.integers(len(content) + 1, size=2))
    ways = [content[:end], content[:begin] + content[end:], content + content[begin:end]]
    return ways[rng.integers(len(ways))]


def header_changed(content: bytes, rng: np.random.Generator) -> bytes:
    """Kinds, shapes and places of the arrays."""
    header, data = cut(content)
    names = [name for name in header if name != "__metadata__"]
    name, other = rng.choice(names, 2)
    entry = header[name]
    match rng.integers(7):
        case 0:
            kinds = ["F32", "I64", "U64", "BF16", "U8", "BOOL", "F8_E4M3", "F16", "F128", "C64", ""]
            entry["dtype"] = str(rng.choice(kinds))
        case 1:
            entry["shape"] = [int(size) for size in rng.integers(0, 5, size=rng.integers(0, 4))]
        case 2:
            entry["shape"] = [int(np.prod(entry["shape"]))] + [1] * int(rng.integers(3))
        case 3:
            entry["shape"] = entry["shape"][::-1]
        case 4:
            header[name], header[other] = header[other], header[name]
        case 5:
            del header[name]
        case _:
            changed_somewhere(header, rng)
    return joined(header, data)


NASTY = [
    None,
    True,
    False,
    0,
    -1,
    1,
    2,
    3,
    7,
    0.5,
    -0.0,
    1e10,
    -1e10,
    1e308,
    5e-324,
    2**31,
    2**53 + 1,
    2**63,
    2**64,
]
NASTY += [
    -(2**63),
    10**400,
    float("nan"),
    float("inf"),
    -float("inf"),
    "",
    "text",
    "0" * 5000,
    "1",
    "\ud800",
    "nan",
]
NASTY += [
    [],
    {},
    [[]],
    [None],
    {"": None},
    ["0"] * 50,
    [1e300] * 3,
    [-1] * 3,
    "full",
    "VEE",
    "E",
    "2 VVI",
    "0 EEE",
]


def changed_somewhere(value: Any, rng: np.random.Generator) -> None:
    """Change, drop or copy one value in nested lists and dicts."""
    places = list(inner(value))
    container, key = places[rng.integers(len(places))]
    match rng.integers(6):
        case 0:
            del container[key]
        case 1:
            _, other = places[rng.integers(len(places))]
            if isinstance(container, dict) and isinstance(other, str):
                container[other] = container[key]
        case 2:
            from_container, from_key = places[rng.integers(len(places))]
            container[key] = json.loads(json.dumps(from_container[from_key]))
        case _:
            container[key] = NASTY[rng.integers(len(NASTY))]


def inner(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        yield value, key
        yield from inner(value[key])


def facts_changed(content: bytes, rng: np.random.Generator) -> bytes:
    """A value of the JSON that says what the arrays are."""
    header, data = cut(content)
    texts = header["__metadata__"]
    name = next(name for name in ("model", "facts") if name in texts)
    if rng.random() < 0.1:
        name = rng.choice(list(texts))
        texts[str(name)] = str(
            rng.choice(["", "2", "9" * 5000, "text", "full", "diag", "null", "[]", "-1", "1.0"])
        )
        return joined(header, data)
    facts = json.loads(texts[name])
    changed_somewhere(facts, rng)
    texts[name] = json.dumps(facts)
    return joined(header, data)


def text_changed(content: bytes, rng: np.random.Generator) -> bytes:
    """The JSON as a text: what no object gives."""
    header, data = cut(content)
    texts = header["__metadata__"]
    name = next(name for name in ("model", "facts") if name in texts)
    numbers = list(re.finditer(r"-?\d+(\.\d+)?(e[-+]\d+)?", texts[name]))
    at = numbers[rng.integers(len(numbers))]
    instead = [
        "[" * 100_000,
        "[" * 900 + "]" * 900,
        "9" * 5000,
        "9" * 400,
        "1e999",
        "-1e999",
        "NaN",
        "Infinity",
    ]
    instead += ['"' + "7" * 5000 + '"', '{"a":' * 100_000, "", "1e-400", "0x1", "٣"]
    text = instead[rng.integers(len(instead))]
    texts[name] = texts[name][: at.start()] + text + texts[name][at.end() :]
    return joined(header, data)


def arrays_of(header: dict[str, Any], data: bytes) -> dict[str, np.ndarray]:
    arrays = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            arrays[name] = np.frombuffer(data[begin:end]).reshape(entry["shape"]).copy()
    return arrays


def with_arrays(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> bytes:
    whole, data = {"__metadata__": header["__metadata__"]}, b""
    for name, array in arrays.items():
        end = len(data) + array.nbytes
        whole[name] = {"dtype": "F64", "shape": list(array.shape), "data_offsets": [len(data), end]}
        data += array.tobytes()
    return joined(whole, data)


def arrays_changed(content: bytes, rng: np.random.Generator) -> bytes:
    header, data = cut(content)
    arrays = arrays_of(header, data)
    name = rng.choice(list(arrays))
    array = arrays[name]
    numbers = [np.nan, np.inf, -np.inf, 0.0, -1.0, 1e10, -1e10, 1e308, 5e-324, 1e-300, 1e160, 2.0]
    match rng.integers(6):
        case 0 | 1 | 2:
            places = rng.integers(array.size, size=rng.integers(1, 4))
            array.reshape(-1)[places] = numbers[rng.integers(len(numbers))]
        case 3:
            arrays[name] = array * numbers[rng.integers(len(numbers))]
        case 4:
            arrays[name] = [array.T.copy(), array[:0], array[:1], np.concatenate([array, array])][
                rng.integers(4)
            ]
        case _:
            places = rng.integers(array.size, size=2)
            array.reshape(-1)[places] = array.reshape(-1)[places[::-1]]
    return with_arrays(header, arrays)


def arrays_swapped(content: bytes, rng: np.random.Generator) -> bytes:
    header, data = cut(content)
    arrays = arrays_of(header, data)
    one, other = rng.choice(list(arrays), 2)
    arrays[one], arrays[other] = arrays[other], arrays[one]
    return with_arrays(header, arrays)


# The cases


def outcome(number: int, seed: int, wholes: list[tuple[str, Any, bytes]], folder: Path) -> str:
    """What became of one damaged file, in a word; what should not have is raised."""
    rng = np.random.default_rng((seed, number))
    kind, name, whole = wholes[number % len(wholes)]
    path = folder / "damaged"
    path.write_bytes(damaged(whole, rng))
    try:
        KINDS[kind][1](path, name)
    except ModelFileError as error:
        expect(
            "\n" not in str(error) and len(str(error)) < 2_000,
            f"a long message: {str(error)[:200]}",
        )
        expect(str(path) in str(error), f"a message without the file: {error}")
        return "refused"
    except SingularCovarianceError:
        return "taken"
    except ValueError as error:
        if not re.search("holds a (fit|sweep)", str(error)):
            raise
        return "another fit's"
    return "taken"


def run_chunk(first: int, count: int, seed: int) -> None:
    """Run cases in this process; a line of JSON tells of each kind of outcome, and of each that is wrong."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wholes = []
        for kind, (write, _, names) in KINDS.items():
            for variant in names:
                write(folder / "whole", variant)
                wholes.append((kind, variant, (folder / "whole").read_bytes()))
                (folder / "whole").unlink()
        outcomes: Counter[str] = Counter()
        for number in range(first, first + count):
            print(json.dumps({"at": number}), flush=True)
            try:
                outcomes[outcome(number, seed, wholes, folder)] += 1
            except Exception as error:
                what = "nonsense" if isinstance(error, Nonsense) else "undocumented"
                kind, variant, _ = wholes[number % len(wholes)]
                told = f"{type(error).__name__}: {str(error)[:300]}"
                print(
                    json.dumps(
                        {"case": number, "what": what, "file": f"{kind}, {variant}", "told": told}
                    )
                )
                if count == 1:
                    traceback.print_exc()
        print(json.dumps({"outcomes": outcomes}))


def told_by(first: int, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """What cases say, run in processes of their own; after a crash the next one goes on."""
    end = first + count
    while first < end:
        command = [sys.executable, __file__, "--chunk", "--first", str(first), "--seed", str(seed)]
        command += ["--count", str(min(CHUNK, end - first))]
        try:
            run = subprocess.run(command, check=False, stdout=subprocess.PIPE, timeout=HANGS_AFTER)
            status, output = run.returncode, run.stdout
        except subprocess.TimeoutExpired as late:
            status, output = "a hang", late.stdout or b""
        lines = [json.loads(line) for line in output.splitlines() if line.startswith(b"{")]
        yield from (line for line in lines if "at" not in line)
        last = max((line["at"] for line in lines if "at" in line), default=None)
        if last is None:
            raise RuntimeError(f"the cases from {first} on did not begin: {status}")
        if status != 0:
            yield {"case": last, "what": "crash", "file": "", "told": f"ended with {status}"}
        first = last + 1


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--chunk", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.chunk:
        run_chunk(options.first, options.count, options.seed)
        return 0
    began = monotonic()
    totals: Counter[str] = Counter({"crash": 0, "undocumented": 0, "nonsense": 0})
    for line in told_by(options.first, options.count, options.seed):
        if "case" in line:
            print(
                f"case {line['case']} ({line['file']}), {line['what']}: {line['told']}", flush=True
            )
            totals[line["what"]] += 1
        totals.update(line.get("outcomes", {}))
    figures = ", ".join(f"{n:,} {what}" for what, n in totals.items())
    print(f"{options.count:,} damaged files in {monotonic() - began:.0f} s: {figures}")
    return int(any(totals[what] for what in ("crash", "undocumented", "nonsense")))


if __name__ == "__main__":
    sys.exit(main())
