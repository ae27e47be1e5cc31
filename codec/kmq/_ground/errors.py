"""The errors of files and of targets. A bad argument is a ValueError or TypeError instead."""


class KmqError(Exception):
    """A file can't be decoded, or a target can't be met.

    Messages about a .kmq file name the field, its offset and its value.
    """


class FormatError(KmqError):
    """The bytes break a requirement of the format: the file is damaged, or isn't a .kmq file."""


class TruncatedError(KmqError):
    """The file ends before it should."""


class UnsupportedError(KmqError):
    """The file needs a version, a coding or a section that this decoder lacks."""


class LimitError(KmqError):
    """The picture is larger than the caller's limit allows."""


class TargetError(KmqError):
    """No number of colours reaches the quality or the size that was asked for.

    This is not damage: the picture and the options rule the target out.
    """
