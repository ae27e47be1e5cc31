# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""The tree over the palette (spec C.4): a compiled loop.

In: the palette's points and the rough counts. Out: the tree, filled. Bounds:

- The tree is at most 64 + 16 levels deep: below 64 it is split in halves.
- Sums stay below 2^31: weights are at most 128, and 1 with more than 4,096 entries.
- Of each level at most one span waits, so that the stack is never full.
"""

import cython

if not cython.compiled:  # compiled, these are constants of C, from tree_loop.pxd
    LEFT, RIGHT, AXIS, THRESHOLD, STEEPNESS, SPREAD_INVERSE, LINK, UNUSED, COLUMNS = range(9)
    SPLITS, CLASS_LEVEL, WEIGHT_BITS, WEIGHED_ENTRIES, INVERSE, SPANS = 64, 4, 7, 4096, 180 * 16384, 128

Span = cython.struct(  # entries that are yet to be split
    start=cython.int,
    end=cython.int,
    link=cython.int,  # from the parent
    depth=cython.int,
    kind=cython.int,  # class, or -1 above the level that has them
)
Cut = cython.struct(axis=cython.int, mean=cython.int, deviation=cython.int)


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
    top: cython.int = 1
    nodes: cython.int = 0
    middle: cython.int
    entry: cython.int
    kind: cython.int
    span: Span
    cut: Cut
    stack = cython.declare(Span[128])  # SPANS
    if not cython.compiled:
        stack = [None] * SPANS
    with cython.nogil:
        stack[0] = Span(start=0, end=k, link=0, depth=0, kind=-1)
        while top > 0:
            top -= 1
            span = stack[top]
            if span.end - span.start == 1:
                entry = order[span.start]
                leaf_parents[entry] = span.link
                tree[span.link >> 1, span.link & 1] = ~entry
                classes[entry] = span.kind if span.kind >= 0 else k + entry
                continue
            if span.depth > 0:
                tree[span.link >> 1, span.link & 1] = nodes
            cut = best_cut(points, axes, exponents, order, span)
            if cut.deviation == 0 or span.depth >= SPLITS:
                middle = (span.start + span.end) >> 1
            else:
                middle = parted(points, order, spare, span, cut)
            fill_node(points, order, tree, nodes, span, middle, cut.axis)
            kind = nodes if span.depth == CLASS_LEVEL else span.kind
            stack[top] = Span(
                start=middle, end=span.end, link=2 * nodes + RIGHT, depth=span.depth + 1, kind=kind
            )
            stack[top + 1] = Span(
                start=span.start, end=middle, link=2 * nodes + LEFT, depth=span.depth + 1, kind=kind
            )
            top += 2
            nodes += 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def best_cut(
    points: cython.const[cython.short][:, ::1],
    axes: cython.int,
    exponents: cython.const[cython.int][::1],
    order: cython.int[::1],
    span: Span,
) -> Cut:
    """Return the axis along which the weighted entries lie farthest from their mean, and these two."""
    i: cython.int
    a: cython.int
    weight: cython.int
    weights: cython.int
    total: cython.int
    mean: cython.int
    deviation: cython.int
    axis: cython.int = 0
    best: cython.int = -1
    best_mean: cython.int = 0
    light: cython.int = 0  # exponent of what weighs 1
    for i in range(span.start, span.end):
        light = max(light, exponents[order[i]])
    light = light - WEIGHT_BITS if order.shape[0] <= WEIGHED_ENTRIES else 255
    for a in range(axes):
        total = 0
        weights = 0
        for i in range(span.start, span.end):
            weight = weight_of(exponents[order[i]], light)
            total += weight * points[order[i], a]
            weights += weight
        mean = floored(total, weights)
        deviation = 0
        for i in range(span.start, span.end):
            weight = weight_of(exponents[order[i]], light)
            deviation += weight * abs(points[order[i], a] - mean)
        if deviation > best:
            best = deviation
            axis = a
            best_mean = mean
    return Cut(axis=axis, mean=best_mean, deviation=best)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def weight_of(exponent: cython.int, light: cython.int) -> cython.int:
    """Return the weight of an entry by its rough count."""
    return 1 << (exponent - light) if exponent > light else 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def floored(total: cython.int, count: cython.int) -> cython.int:
    """Return the quotient rounded down; C rounds towards zero."""
    return total // count if total >= 0 else -((count - 1 - total) // count)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def parted(
    points: cython.const[cython.short][:, ::1],
    order: cython.int[::1],
    spare: cython.int[::1],
    span: Span,
    cut: Cut,
) -> cython.int:
    """Put the entries up to the mean first, all else in their order; return where the others begin."""
    i: cython.int
    middle: cython.int = span.start
    others: cython.int = 0
    for i in range(span.start, span.end):
        if points[order[i], cut.axis] <= cut.mean:
            order[middle] = order[i]
            middle += 1
        else:
            spare[others] = order[i]
            others += 1
    for i in range(others):
        order[middle + i] = spare[i]
    return middle


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def fill_node(
    points: cython.const[cython.short][:, ::1],
    order: cython.int[::1],
    tree: cython.int[:, ::1],
    node: cython.int,
    span: Span,
    middle: cython.int,
    axis: cython.int,
) -> cython.void:
    """Fill a node's row but for its children: where it splits, and how far its halves lie apart."""
    i: cython.int
    p: cython.int
    low: cython.int = -32768
    high: cython.int = 32767
    low_sum: cython.int = 0
    high_sum: cython.int = 0
    spread: cython.int
    for i in range(span.start, middle):
        p = points[order[i], axis]
        low = max(low, p)
        low_sum += p
    for i in range(middle, span.end):
        p = points[order[i], axis]
        high = min(high, p)
        high_sum += p
    spread = floored(high_sum, span.end - middle) - floored(low_sum, middle - span.start)
    spread = max(spread, 1)
    tree[node, AXIS] = axis
    tree[node, THRESHOLD] = low + high
    tree[node, STEEPNESS] = min(INVERSE // spread, 32767)
    tree[node, SPREAD_INVERSE] = 65536 // spread
    tree[node, LINK] = span.link
    tree[node, UNUSED] = 0
