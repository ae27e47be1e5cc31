# Constants of C for tree_loop.py and its neighbours, which Python imports too.

cpdef enum:  # columns of the tree
    LEFT = 0, RIGHT  # children: a node, or ~entry
    AXIS  # along which the node splits
    THRESHOLD  # twice the place where
    STEEPNESS, SPREAD_INVERSE  # by how far the halves lie apart
    LINK  # 2 * the parent + the side
    UNUSED, COLUMNS

cpdef enum:
    SPLITS = 64  # levels that are split by colour; below, in halves
    CLASS_LEVEL = 4  # level whose nodes are the classes of entries
    WEIGHT_BITS = 7  # a node's heaviest entry weighs 2 to this
    WEIGHED_ENTRIES = 4096  # most entries that are weighed: 4,096 * 128 * 3,060 is below 2^31
    INVERSE = 180 * 16384  # of the distance between the halves of a node, 180 steps are made (spec C.5)
    SPANS = 128  # at most a level of splits has one waiting
