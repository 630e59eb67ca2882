"""From measurements to ratios, verdicts, one table and JSON.

A ratio is taken within a round, between two slices that ran one right after the other, so that
what else the machine did weighs on both. A difference counts only if nearly every round shows it
(one round in ten may say otherwise at either end) and if it is large enough to matter.
"""

import statistics

MATTERS = 0.03


def speed(row, slice_):
    """Operations per second: as seen by a single client's median call, or by all clients' sum."""
    if row.clients == 1:
        return 1e9 / slice_["p50_ns"]
    return slice_["ops"] / slice_["ns"] * 1e9


def cpu(_row, slice_):
    """Seconds of the server's CPU time per operation."""
    return slice_["server_ns"] / slice_["ops"] / 1e9


def spread(ratios):
    """The range of the ratios, without the outermost tenth at either end."""
    ordered = sorted(ratios)
    cut = len(ordered) // 10
    return ordered[cut], ordered[len(ordered) - 1 - cut]


def verdict(ratios, less, more):
    low, high = spread(ratios)
    median = statistics.median(ratios)
    if low > 1 and median > 1 + MATTERS:
        return more
    if high < 1 and median < 1 / (1 + MATTERS):
        return less
    return "equal"


def _median(slices, value):
    return statistics.median(value(slice_) for slice_ in slices)


def _side(row, slices):
    return {
        "per_second": _median(slices, lambda s: s["ops"] / s["ns"] * 1e9),
        "p50_us": _median(slices, lambda s: s["p50_ns"] / 1e3),
        "p99_us": _median(slices, lambda s: s["p99_ns"] / 1e3),
        "cpu_us": _median(slices, lambda s: cpu(row, s) * 1e6),
    }


def compare(comparison, measured):
    """measured: for each row and cell, the slices in the order of the rounds."""
    row = comparison.row
    base = measured[row, comparison.base]
    new = measured[row, comparison.new]
    result = {
        "filesystem": row.filesystem, "operation": row.title, "clients": row.clients,
        "placement": row.placement,
        "base": str(comparison.base), "new": str(comparison.new),
        "libraries": comparison.base.library != comparison.new.library,
        "base_figures": _side(row, base), "new_figures": _side(row, new),
    }
    for name, value, words in (("speed", speed, ("slower", "faster")),
                               ("cpu", cpu, ("less", "more"))):
        ratios = [value(row, n) / value(row, b) for b, n in zip(base, new)]
        result[name] = {"ratios": ratios, "median": statistics.median(ratios),
                        "min": min(ratios), "max": max(ratios), "verdict": verdict(ratios, *words)}
    result["block_size"] = row.block_size
    return result


def _rate(figures, block_size):
    text = f"{figures['per_second']:,.0f}"
    if block_size >= 1 << 17:
        text += f" ({figures['per_second'] * block_size / 1e6:,.0f} MB/s)"
    return text


def _ratio(part):
    return f"{part['median']:.2f} [{part['min']:.2f}..{part['max']:.2f}]"


COLUMNS = ["filesystem", "operation", "clients", "base", "new", "op/s", "op/s, new",
           "p50/p99 µs", "p50/p99 µs, new", "speed, new/base", "",
           "CPU µs/op", "CPU µs/op, new", "CPU, new/base", ""]


def table(results):
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS)]
    for r in results:
        base, new = r["base_figures"], r["new_figures"]
        cells = [r["filesystem"], r["operation"], f"{r['clients']} {r['placement']}",
                 r["base"], r["new"], _rate(base, r["block_size"]), _rate(new, r["block_size"]),
                 f"{base['p50_us']:.1f}/{base['p99_us']:.1f}",
                 f"{new['p50_us']:.1f}/{new['p99_us']:.1f}",
                 _ratio(r["speed"]), r["speed"]["verdict"],
                 f"{base['cpu_us']:.1f}", f"{new['cpu_us']:.1f}",
                 _ratio(r["cpu"]), r["cpu"]["verdict"]]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def differing(results):
    """Those of library against library that are not equal."""
    return [r for r in results if r["libraries"] and
            (r["speed"]["verdict"], r["cpu"]["verdict"]) != ("equal", "equal")]


def summary(results):
    """Library against library, counted."""
    count = {}
    for r in results:
        if r["libraries"]:
            for key in (r["speed"]["verdict"], r["cpu"]["verdict"] + " CPU"):
                count[key] = count.get(key, 0) + 1
    return "library against library: " + ", ".join(f"{count[key]} {key}" for key in sorted(count))
