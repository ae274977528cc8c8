"""Time and memory of counting by size of the database, and an estimate for a billion codes on a cluster."""

import argparse
import os
from pathlib import Path

from common import in_a_fresh_process, machine, time_and_memory

QUERIES = 1000
BILLION = 10**9


def plot(rows: list[dict], stem: Path) -> None:
    """Draw both curves on logarithmic axes, as PNG and SVG."""
    import altair as alt

    charts = []
    for field, title in (("seconds", "time (s)"), ("gib", "peak memory (GiB)")):
        base = alt.Chart(alt.Data(values=rows), width=280, height=240)
        charts.append(
            base.mark_line(point=True).encode(
                x=alt.X("items:Q", title="database items", scale=alt.Scale(type="log"), axis=alt.Axis(format="~s")),
                y=alt.Y(f"{field}:Q", title=title, scale=alt.Scale(type="log")),
            )
        )
    chart = alt.hconcat(*charts, title=f"Counting rank histograms: {QUERIES:,} queries, 64 bits, 10 classes")
    for suffix in ("png", "svg"):
        chart.save(stem.with_suffix(f".{suffix}"))


def main() -> None:
    """Measure, print Markdown and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="up to 10^5 items, for a quick test; without plots")
    parser.add_argument("--max", type=float, default=1e8, help="largest database (10^8 takes 4 GiB)")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("scaling"), help="plots, without suffix")
    arguments = parser.parse_args()
    sizes = [10**power for power in range(4, 9) if 10**power <= (1e5 if arguments.quick else arguments.max)]
    print(
        f"## Scaling\n\n{machine(arguments.threads)}\n\n{QUERIES:,} queries, 64 bits, 10 classes, one process a row.\n"
    )
    print("| items | seconds | G pairs/s | peak memory (GiB) |\n|--:|--:|--:|--:|")
    rows = []
    for items in sizes:
        time, memory = in_a_fresh_process(arguments.threads, time_and_memory, QUERIES, items)
        rows.append({"items": items, "seconds": time, "gib": memory})
        print(f"| {items:,} | {time:.3f} | {QUERIES * items / time / 1e9:.2f} | {memory:.2f} |", flush=True)
    if not arguments.quick:
        plot(rows, arguments.out)
    last = rows[-1]
    shards = BILLION // last["items"]
    hours = shards * last["seconds"] * arguments.threads / 3600
    print(
        f"\nEstimate for a billion codes: {shards} shards of {last['items']:,}, each a job of {last['seconds']:.1f} s"
    )
    print(
        f"and {last['gib']:.1f} GiB on {arguments.threads} cores like these, {hours:.2f} core hours in all; where all"
    )
    print(
        f"run at once, {last['seconds']:.1f} s of wall time. Not included: the start of a job (1 to 2 s), reading the"
    )
    print("codes, 16 bytes per item, and adding the histograms, 1 MB per shard.")


if __name__ == "__main__":
    main()
