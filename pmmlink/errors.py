"""Every error that pmmlink raises on purpose.

A message says what was wrong, where, and what to do. The command line prints it on one line and
exits with the class's ``exit_code``: 2 for bad input, 1 for a fault at run time.

    PmmlinkError
    ├── InputError           what the user gave cannot be used (exit 2)
    │   ├── AudioError       a sound file or stream that cannot be read
    │   ├── ConfigError      pmmlink.yaml or a flag
    │   ├── ProfileError     a calibration profile
    │   ├── TargetError      a --to URL
    │   ├── CheckpointError  model weights that do not fit or cannot be read
    │   └── DataError        a training take or corpus clip
    │       └── ShortTakeError   nothing is wrong with it but that it is too short to train on
    ├── WireError            bytes from the network that are not a valid packet (never ends a stream)
    └── RuntimeFault         something failed while running: device lost, disk full (exit 1)
"""

from __future__ import annotations


class PmmlinkError(Exception):
    """Base of all errors raised on purpose."""

    exit_code = 1


class InputError(PmmlinkError):
    """What the user gave cannot be used."""

    exit_code = 2


class AudioError(InputError):
    """A sound file or stream that cannot be read."""


class ConfigError(InputError):
    """A bad key or value in ``pmmlink.yaml`` or a flag."""


class ProfileError(InputError):
    """A bad calibration profile."""


class TargetError(InputError):
    """A target URL (``--to``) that cannot be used."""


class CheckpointError(InputError):
    """Model weights that do not fit the model or cannot be read."""


class DataError(InputError):
    """A training take or corpus clip that cannot be used."""


class WireError(PmmlinkError):
    """Bytes that are not a valid packet. Receivers count it and carry on."""


class ShortTakeError(DataError):
    """A take that is too short to train on."""


class RuntimeFault(PmmlinkError):
    """Something failed while running: a device lost, a disk full."""
