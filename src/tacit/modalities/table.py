"""The table modality: scaled numbers and category codes, views by draws from the marginals."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from tacit.data.batch import Batch, Columns, Tokens, View
from tacit.data.records import Records, Samples
from tacit.errors import InputError
from tacit.listing import nearest, pick
from tacit.modalities import table_views
from tacit.modalities.base import Weights, setting
from tacit.modalities.table_columns import Categorical, Numeric, cells, numbers
from tacit.nets.table import TableMLP, TableTransformer

# Mean shares of cells that the weak and the strong view draw anew from the marginals, and that the strong one
# hides. Every row draws its own rate between 0 and twice the mean.
DEFAULTS: dict[str, float] = {"weak_corrupt": 0.1, "strong_corrupt": 0.3, "strong_hide": 0.1}
NOTES = {
    "mlp": "a residual MLP trained from scratch on this table",
    "transformer": "a feature-token transformer trained from scratch on this table",
}
_FITTED_ON = 100_000  # rows, evenly spaced over larger tables, that quantiles and categories are taken from
_MARGINALS = 1024  # rows kept to draw cells from


class TablePrepared:
    """Rows as ``numeric`` (B, Dn) float32, ``missing`` (B, Dn) bool and ``categorical`` (B, Dc) int64.

    Columns are found by name; wherever columns are counted (`Columns`, `Tokens`), numeric ones come first.
    """

    name: ClassVar[str] = "table"
    geometry: ClassVar[str] = "columns"

    def __init__(
        self,
        spec: str,
        numeric: tuple[Numeric, ...],
        categorical: tuple[Categorical, ...],
        marginals: Batch | None,
        settings: dict[str, float],
        ignored: frozenset[str] = frozenset(),
    ) -> None:
        """``marginals``: rows to draw cells from; ``ignored``: targets and ids, allowed as extra columns."""
        self.weights = Weights(spec, pretrained=False, note=NOTES[spec])
        self.numeric = numeric
        self.categorical = categorical
        self.settings = settings
        self._ignored = ignored
        self._marginals = marginals

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names in the order of views and tokens."""
        return tuple(c.name for c in self.numeric) + tuple(c.name for c in self.categorical)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of codes of every categorical column."""
        return tuple(column.size for column in self.categorical)

    def check(self, records: Records) -> None:
        """Raise `InputError` where ``records`` are no table of these columns; their order does not matter."""
        if records.modality != self.name:
            raise InputError(f"These records are of modality {records.modality!r}; this model reads tables.")
        self._check_names([column["name"] for column in records.schema["columns"]])

    def collate(self, samples: Samples) -> Batch:
        table = self._table(samples)
        filled = [column.filled(numbers(table, column.name)) for column in self.numeric]
        scaled = [column.scaled(values) for column, (values, _) in zip(self.numeric, filled, strict=True)]
        codes = [column.codes(cells(table, column.name)) for column in self.categorical]
        return Batch(
            {
                "numeric": torch.from_numpy(_stack(scaled, len(table), np.float32)),
                "missing": torch.from_numpy(_stack([gaps for _, gaps in filled], len(table), np.bool_)),
                "categorical": torch.from_numpy(_stack(codes, len(table), np.int64)),
            }
        )

    def clean(self, batch: Batch) -> Batch:
        return batch

    def weak(self, batch: Batch, rng: Generator) -> View:
        """A few cells drawn anew from their column's marginal."""
        return self._view(batch, rng, self.settings["weak_corrupt"], 0.0)

    def strong(self, batch: Batch, rng: Generator) -> View:
        """Many cells drawn anew, others hidden."""
        return self._view(batch, rng, self.settings["strong_corrupt"], self.settings["strong_hide"])

    def tokens(self, batch: Batch) -> Tokens:
        """One token per column, (B, columns, 1): the scaled number or the category code; none is absent."""
        values = torch.cat([batch["numeric"], batch["categorical"].to(batch["numeric"].dtype)], dim=1)
        positions = torch.arange(values.shape[1], device=values.device).expand_as(values)
        return Tokens(values.unsqueeze(2), positions, torch.zeros_like(values, dtype=torch.bool))

    def hide(self, batch: Batch, hidden: Tensor) -> Batch:
        """The batch with the cells ``hidden`` (B, columns) missing or of unknown category."""
        return table_views.hide(batch, hidden)

    def encoder(self, pretrained: bool = True) -> nn.Module:
        """A new network, always from scratch."""
        kind = TableTransformer if self.weights.spec == "transformer" else TableMLP
        return kind(len(self.numeric), self.sizes)

    def plain(self, samples: Samples) -> NDArray[np.float32]:
        """(n, D) standardised numbers, flags of columns with gaps, and one-hot categories."""
        table = self._table(samples)
        blocks: list[NDArray[Any]] = []
        for number in self.numeric:
            values, gaps = number.filled(numbers(table, number.name))
            blocks.append(number.standardised(values)[:, None])
            if number.gaps:
                blocks.append(gaps[:, None])
        for category in self.categorical:
            codes = category.codes(cells(table, category.name))
            # An unseen value has no column: it is all zeros.
            blocks.append(codes[:, None] == np.arange(1, category.size))
        if not blocks:
            return np.zeros((len(table), 0), dtype=np.float32)
        return np.concatenate(blocks, axis=1, dtype=np.float32, casting="unsafe")

    def state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        meta: dict[str, Any] = {
            "encoder": self.weights.spec,
            "numeric": [column.to_json() for column in self.numeric],
            "categorical": [column.to_json() for column in self.categorical],
            "settings": self.settings,
            "ignored": sorted(self._ignored),
        }
        return meta, dict(self._rows().tensors)

    @classmethod
    def from_state(cls, meta: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        return cls(
            meta["encoder"],
            tuple(Numeric.from_json(column) for column in meta["numeric"]),
            tuple(Categorical.from_json(column) for column in meta["categorical"]),
            Batch(tensors),
            meta["settings"],
            frozenset(meta["ignored"]),
        )

    def with_marginals(self, samples: Samples) -> TablePrepared:
        """The same with ``samples`` as the rows that views draw cells from."""
        return TablePrepared(
            self.weights.spec,
            self.numeric,
            self.categorical,
            self.collate(samples),
            self.settings,
            self._ignored,
        )

    def _rows(self) -> Batch:
        if self._marginals is None:
            raise ValueError("views need rows to draw cells from: with_marginals gives them")
        return self._marginals

    def _view(self, batch: Batch, rng: Generator, corrupted: float, hidden: float) -> View:
        shape = (len(batch), len(self.columns))
        chosen = table_views.choose_cells(*shape, corrupted, rng)
        changed = table_views.corrupt(batch, self._rows(), chosen, rng)
        if hidden > 0.0:
            unseen = table_views.choose_cells(*shape, hidden, rng)
            changed, chosen = table_views.hide(changed, unseen), chosen | unseen
        return View(changed, Columns(chosen))

    def _table(self, samples: Samples) -> pa.Table:
        if not isinstance(samples, pa.Table):
            raise InputError("Table rows are expected as a pyarrow.Table.")
        self._check_names(samples.column_names)
        return samples

    def _check_names(self, given: list[str]) -> None:
        absent = [name for name in self.columns if name not in given]
        if absent:
            hint = nearest(absent[0], given) if given else "There are no columns."
            raise InputError(f"{_columns(absent)} missing from this table and known to the model. {hint}")
        extra = [name for name in given if name not in self.columns and name not in self._ignored]
        if extra:
            raise InputError(f"{_columns(extra)} unknown to the model; drop what it was not made with.")


class TableModality:
    """Fits scaling, categories and marginals to all rows, labelled or not."""

    name: ClassVar[str] = "table"
    prepared: ClassVar[type[Any]] = TablePrepared

    def fit(self, records: Records, encoder: str = "auto", *, options: dict[str, Any] | None = None) -> TablePrepared:
        """``encoder``: "auto", "mlp" or "transformer"; ``options``: see `DEFAULTS`."""
        if records.modality != self.name:
            raise InputError(f"These records are of modality {records.modality!r}, not a table.")
        settings = dict(DEFAULTS)
        for name, value in (options or {}).items():
            pick(name, DEFAULTS, "option for tables")
            settings[name] = setting(name, value, 0.0, 1.0)
        spec = str(pick(encoder, {"auto": "mlp", **{name: name for name in NOTES}}, "table encoder"))
        table = records.gather(_spaced(len(records), _FITTED_ON))
        numeric, categorical = _fit_columns(table, records.schema["columns"])
        ignored = frozenset(records.columns)
        prepared = TablePrepared(spec, numeric, categorical, None, settings, ignored)
        return prepared.with_marginals(records.gather(_spaced(len(records), _MARGINALS)))


def _fit_columns(table: pa.Table, columns: list[dict[str, str]]) -> tuple[tuple[Numeric, ...], tuple[Categorical, ...]]:
    """Fitted columns sorted by name, so that the order in a file plays no part anywhere."""
    if not columns:
        raise InputError("This table has no feature column.")
    kinds = sorted((column["name"], column["kind"]) for column in columns)
    return (
        tuple(Numeric.fit(name, numbers(table, name)) for name, kind in kinds if kind in ("numeric", "date")),
        tuple(Categorical.fit(name, cells(table, name)) for name, kind in kinds if kind in ("categorical", "boolean")),
    )


def _stack(columns: list[NDArray[Any]], rows: int, dtype: Any) -> NDArray[Any]:
    return np.stack(columns, axis=1).astype(dtype) if columns else np.zeros((rows, 0), dtype=dtype)


def _columns(names: list[str]) -> str:
    """ "The column 'a' is", "The columns 'a' and 3 others are": a sentence's beginning."""
    if len(names) == 1:
        return f"The column {names[0]!r} is"
    shown = ", ".join(repr(name) for name in names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"The columns {shown} are"


def _spaced(total: int, most: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, max(total - 1, 0), min(total, most)).round().astype(np.int64))


MODALITY = TableModality
