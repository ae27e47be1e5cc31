"""What can be wrong with a file, or be impossible. What is wrong with an argument is a ValueError."""


class KmqError(Exception):
    """A file can't be decoded, or a target can't be met.

    Messages about a .kmq file name the field, its offset and its value.
    """


class FormatError(KmqError):
    """The bytes break a requirement of the format: damaged, or not a .kmq file at all."""


class TruncatedError(KmqError):
    """The file ends before it should."""


class UnsupportedError(KmqError):
    """The file needs a later version, a coding or a section that this decoder doesn't have."""


class LimitError(KmqError):
    """The picture is larger than the caller's limit allows."""


class TargetError(KmqError):
    """No number of colours gives what was asked for: a quality, a size, or both.

    Unlike the others it tells of no damage: the picture and the options are what they are.
    """
