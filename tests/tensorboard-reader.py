"""Reads the events of RL runs with TensorBoard's own reader and compares every scalar with metrics.jsonl: each must be there once, with that value.

Needs the Python package tensorboard. Its warnings that events were purged are about resumed runs and as they should be.
"""
import argparse
import json
import sys
from pathlib import Path

import numpy
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

NOT_WRITTEN = {"iteration"}


def kept(run):
    """{(field, iteration): value} of metrics.jsonl, in the precision of events."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return {(field, row["iteration"]): numpy.float32(value) for row in rows for field, value in row.items() if field not in NOT_WRITTEN}


def shown(run):
    """(field, iteration, value, wall time) of every scalar that TensorBoard shows. Tags are a group and a field; value/ and valid/ are part of its name."""
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0}).Reload()
    for tag in events.Tags()["scalars"]:
        group, name = tag.split("/")
        for event in events.Scalars(tag):
            yield f"{group}_{name}" if group in ("value", "valid") else name, event.step, numpy.float32(event.value), event.wall_time


def faults(run):
    points, last = {}, {}
    for field, iteration, value, time in shown(run):
        if (field, iteration) in points:
            yield f"{field} at {iteration} is shown twice"
        before = last.get(field, (-1, 0))
        if iteration < before[0] or time < before[1]:
            yield f"{field} at {iteration} is out of order"
        points[field, iteration], last[field] = value, (iteration, time)
    metrics = kept(run)
    for field, iteration in sorted(metrics.keys() | points.keys()):
        pair = metrics.get((field, iteration)), points.get((field, iteration))
        if pair[0] != pair[1]:
            yield f"{field} at {iteration} is {pair[0]} in metrics.jsonl, TensorBoard shows {pair[1]}"
    print(f"{run}: {len(points)} scalars in {len(last)} tags")


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a run of pav rl")
found = [f"{run}: {fault}" for run in parser.parse_args().runs for fault in faults(run)]
sys.exit("\n".join(found) if found else 0)
