# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""Compiled loop of the tree over the palette (spec C.4), in Cython's pure Python mode.

What comes in: the palette's points and the rough counts. What goes out: the tree, filled. What can't happen:
a tree deeper than 64 + 16 levels, for below 64 it is split in halves; a sum of 2^31 or more, for weights
are at most 128, and 1 for more than 4,096 entries.
"""

import cython

SPLITS = 64
"""Levels that are split by colour; below, in halves."""

CLASS_LEVEL = 4
"""Level of the tree whose nodes are the classes of entries."""

WEIGHT_BITS = 7
"""A node's heaviest entry weighs 2 to this."""

WEIGHED_ENTRIES = 4096
"""Most entries that are weighed: 4,096 x 128 x 3,060 is below 2^31."""

INVERSE = 180 * 16384
"""Of the distance between the halves of a node, 180 steps are made (spec C.5)."""


def fill_tree(
    points: cython.const[cython.short][:, ::1],
    axes: cython.int,
    exponents: cython.const[cython.int][::1],
    order: cython.int[::1],
    spare: cython.int[::1],
    tree: cython.int[:, ::1],
    leaf_parents: cython.int[::1],
    classes: cython.int[::1],
) -> None:
    """Split the entries `order`, (k,), k from 2, down to single ones.

    A row of `tree`, (k - 1, 8), is a node: its two children (a node, or ~entry), axis, threshold, inverse and
    reciprocal of its spread, and 2 x its parent + its side. `leaf_parents` (k,) has the latter of entries,
    `classes` (k,) the node of level 4 that an entry lies below, or k + entry.
    """
    k: cython.int = order.shape[0]
    start: cython.int
    end: cython.int
    link: cython.int
    depth: cython.int
    top: cython.int = 1
    nodes: cython.int = 0
    i: cython.int
    a: cython.int
    p: cython.int
    most: cython.int
    weight: cython.int
    weights: cython.int
    total: cython.int
    mean: cython.int
    deviation: cython.int
    best: cython.int
    axis: cython.int
    cut: cython.int
    cut_mean: cython.int
    low: cython.int
    high: cython.int
    spread: cython.int
    top_spare: cython.int
    kind: cython.int
    class_level: cython.int = CLASS_LEVEL
    splits: cython.int = SPLITS
    weight_bits: cython.int = WEIGHT_BITS
    weighed: cython.int = WEIGHED_ENTRIES
    inverse: cython.int = INVERSE
    sums = cython.declare(cython.int[2])
    stack = cython.declare(cython.int[640])  # of 5 numbers; never more than a level of splits has waiting
    if not cython.compiled:
        sums, stack = [0] * 2, [0] * 640
    with cython.nogil:
        stack[0] = 0
        stack[1] = k
        stack[2] = 0
        stack[3] = 0
        stack[4] = -1
        while top > 0:
            top -= 1
            start = stack[5 * top]
            end = stack[5 * top + 1]
            link = stack[5 * top + 2]
            depth = stack[5 * top + 3]
            kind = stack[5 * top + 4]
            if depth > 0:
                if end - start == 1:
                    leaf_parents[order[start]] = link
                    tree[link >> 1, link & 1] = ~order[start]
                    classes[order[start]] = kind if kind >= 0 else k + order[start]
                    continue
                tree[link >> 1, link & 1] = nodes
            most = 0
            for i in range(start, end):
                most = max(most, exponents[order[i]])
            most = most - weight_bits if k <= weighed else 255
            best = -1
            axis = 0
            cut_mean = 0
            for a in range(axes):
                total = 0
                weights = 0
                for i in range(start, end):
                    weight = 1 << (exponents[order[i]] - most) if exponents[order[i]] > most else 1
                    total += weight * points[order[i], a]
                    weights += weight
                mean = total // weights if total >= 0 else -((weights - 1 - total) // weights)
                deviation = 0
                for i in range(start, end):
                    weight = 1 << (exponents[order[i]] - most) if exponents[order[i]] > most else 1
                    p = points[order[i], a] - mean
                    deviation += weight * (p if p > 0 else -p)
                if deviation > best:
                    best = deviation
                    axis = a
                    cut_mean = mean
            cut = start
            top_spare = 0
            if best == 0 or depth >= splits:
                cut = (start + end) >> 1
            else:
                for i in range(start, end):
                    if points[order[i], axis] <= cut_mean:
                        order[cut] = order[i]
                        cut += 1
                    else:
                        spare[top_spare] = order[i]
                        top_spare += 1
                for i in range(top_spare):
                    order[cut + i] = spare[i]
            low = -32768
            high = 32767
            sums[0] = 0
            sums[1] = 0
            for i in range(start, end):
                p = points[order[i], axis]
                sums[i >= cut] += p
                if i < cut:
                    low = max(low, p)
                else:
                    high = min(high, p)
            spread = _floored(sums[1], end - cut) - _floored(sums[0], cut - start)
            spread = max(spread, 1)
            tree[nodes, 2] = axis
            tree[nodes, 3] = low + high
            tree[nodes, 4] = min(inverse // spread, 32767)
            tree[nodes, 5] = 65536 // spread
            tree[nodes, 6] = link
            tree[nodes, 7] = 0
            kind = nodes if depth == class_level else kind
            stack[5 * top] = cut
            stack[5 * top + 1] = end
            stack[5 * top + 2] = 2 * nodes + 1
            stack[5 * top + 3] = depth + 1
            stack[5 * top + 4] = kind
            stack[5 * top + 5] = start
            stack[5 * top + 6] = cut
            stack[5 * top + 7] = 2 * nodes
            stack[5 * top + 8] = depth + 1
            stack[5 * top + 9] = kind
            top += 2
            nodes += 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _floored(total: cython.int, count: cython.int) -> cython.int:
    """Return the quotient rounded down; C rounds towards zero."""
    return total // count if total >= 0 else -((count - 1 - total) // count)
