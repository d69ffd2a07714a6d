"""The arithmetic of step credit. Needs Python 3.10 and NumPy.

The progress of a step is A(h) = Q(h) - Q(h-1). The tokens of a step are credited with the progress of their own step: a sum over later
steps (a return-to-go) would telescope to Q(end) - Q(h) and forget it.
"""

import bisect

import numpy as np

MARK, PACKED = 1e-30, 4.0


def token_steps(decode, ids, steps):
    """(ends, progress): for each step that has tokens, the number of tokens up to its end, and its progress. The last end is len(ids).

    decode(ids[:n]) is the text of the first n tokens; steps are a pav server's, with `end` in characters. A token that writes the end of
    one step and more belongs to that step; steps that have no token of their own add their progress to it. Tokens without text after the
    last character (an end-of-sequence) belong to the last step.
    """
    ends, progress = [], []
    for step in steps:
        low = ends[-1] if ends else 0
        end = bisect.bisect_left(range(len(ids)), step["end"], lo=low, key=lambda n: len(decode(ids[:n])))
        if end > low:
            ends.append(end)
            progress.append(step["progress"])
        elif progress:
            progress[-1] += step["progress"]
    if ends:
        ends[-1] = len(ids)
    return ends, progress


def spread(length, ends, progress):
    """Each token's own step's progress: `length` floats."""
    credit = np.zeros(length)
    for start, end, value in zip([0, *ends], ends, progress):
        credit[start:end] = value
    return credit


def encode_row(length, ends, progress, outcome):
    """Outcome and progress as one reward for each token, from which `decode_row` reads both back.

    The last token carries the outcome, the one before it the last step's progress, every earlier step's last token its own; a progress
    of 0 is written as 1e-30, so that the step's end survives. A last step of one token has none to spare: then the last token carries
    progress + 4 where the outcome (0 or 1) is 1, and progress - 4 where it is 0.
    """
    row = np.zeros(length, dtype=np.float32)
    if not ends:
        return row
    for end, value in zip(ends[:-1], progress):
        row[end - 1] = value or MARK
    if length - (ends[-2] if len(ends) > 1 else 0) > 1:
        row[-2:] = progress[-1] or MARK, outcome
    else:
        row[-1] = progress[-1] + (PACKED if outcome > 0.5 else -PACKED)
    return row


def decode_row(row):
    """(the progress of each token's step, outcome) of a row that `encode_row` wrote."""
    row = np.asarray(row, dtype=np.float64)
    if not len(row):
        return row, 0.0
    ends = [int(t) + 1 for t in np.flatnonzero(row[:-1])]
    progress = [row[end - 1] for end in ends]
    if abs(row[-1]) > PACKED / 2:
        outcome = float(row[-1] > 0)
        return spread(len(row), [*ends, len(row)], [*progress, row[-1] - (PACKED if outcome else -PACKED)]), outcome
    if ends:
        ends[-1] = len(row)
    return spread(len(row), ends, progress), row[-1]


def normalise(outcomes, groups, by_std=True):
    """Outcomes minus their group's mean, over its standard deviation (n - 1) where asked; 0 in a group of one."""
    outcomes, groups = np.asarray(outcomes, dtype=np.float64), np.asarray(groups)
    result = np.zeros(len(outcomes))
    for rows in (np.flatnonzero(groups == group) for group in dict.fromkeys(groups.tolist())):
        if len(rows) > 1:
            result[rows] = (outcomes[rows] - outcomes[rows].mean()) / (outcomes[rows].std(ddof=1) + 1e-6 if by_std else 1)
    return result


def advantages(rewards, mask, groups, alpha, by_std=True):
    """[B, T] from rows of `encode_row`: normalised outcome + alpha * progress, where the mask [B, T] says that a response stands."""
    rewards, mask = np.asarray(rewards, dtype=np.float64), np.asarray(mask) != 0
    decoded = [decode_row(row[kept]) for row, kept in zip(rewards, mask)]
    result = np.zeros(rewards.shape)
    for i, base in enumerate(normalise([outcome for _, outcome in decoded], groups, by_std)):
        result[i, mask[i]] = base + alpha * decoded[i][0]
    return result
