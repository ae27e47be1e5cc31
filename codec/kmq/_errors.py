"""What can be wrong with a file. What is wrong with an argument is a ValueError."""


class KmqError(Exception):
    """A .kmq file can't be decoded. Each message names the field, its offset and its value."""


class FormatError(KmqError):
    """The bytes break a requirement of the format: damaged, or not a .kmq file at all."""


class TruncatedError(KmqError):
    """The file ends before it should."""


class UnsupportedError(KmqError):
    """The file needs a later version, a coding or a section that this decoder doesn't have."""


class LimitError(KmqError):
    """The picture is larger than the caller's limit allows."""
