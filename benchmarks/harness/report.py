"""A run as Markdown and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.text import table

CHART_TEXT = (
    "Bars: times as fast as scikit-learn, and share of the machine's limit, for each problem"
)


def write_report(path: Path, run: dict[str, Any], sections: dict[str, ModuleType]) -> None:
    """Write `path`.json, everything measured, and `path`.md, what it says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").write_text(json.dumps(_rounded(run), indent=1) + "\n")
    parts = [f"# Benchmark {path.name}", machine_text(run), versions_text(run)]
    parts += [f"![{CHART_TEXT}]({chart})" for chart in run["charts"]]
    for name, data in run["sections"].items():
        text = f"Failed: {data['error']}" if "error" in data else sections[name].render(data)
        parts += [f"## {sections[name].TITLE}", text]
    path.with_suffix(".md").write_text("\n\n".join(parts) + "\n")


def machine_text(run: dict[str, Any]) -> str:
    machine = run["machine"]
    level = run["versions"].get("mixtura", {}).get("SIMD", "?")
    quick = " **A quick look on few rows: no figures to quote.**" if run["quick"] else ""
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}; mixtura runs its {level} kernels. "
        f"{run['date']}, {run['minutes']:.0f} minutes.{quick}"
    )


def versions_text(run: dict[str, Any]) -> str:
    rows = [
        [name, ", ".join(f"{package} {version}" for package, version in versions.items())]
        for name, versions in run["versions"].items()
    ]
    rows += [[name, f"left out: {reason}"] for name, reason in run["left_out"].items()]
    return table(["peer", "versions"], rows)


def _rounded(value: Any) -> Any:
    """Six digits of each time, all of a log-likelihood; samples would fill pages otherwise."""
    if isinstance(value, dict):
        return {
            key: inner if key == "log_likelihood" else _rounded(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
