"""Files of labels as other tools write them: one file per format, found by listing this package.

`read_labels_file` recognises a file's format, or is told; `write_labels_file` is its inverse.
"""

from __future__ import annotations

from tacit.labels.formats.files import read_labels_file, write_labels_file

__all__ = ["read_labels_file", "write_labels_file"]
