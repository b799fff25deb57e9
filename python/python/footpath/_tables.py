"""Tables: out to any library of frames by the Arrow PyCapsule interface, and in from any."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol, Union, runtime_checkable

from . import _views
from ._errors import InputError, UsageError

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from . import _native


@runtime_checkable
class ArrowStream(Protocol):
    """Whatever gives an Arrow stream: frames of pandas, polars, pyarrow and duckdb, and the tables here.

    >>> import footpath as fp
    >>> isinstance(fp.Kg(films).nodes(), fp.ArrowStream), isinstance([1, 2], fp.ArrowStream)
    (True, False)
    """

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """A PyCapsule with an Arrow stream."""


Frame = Union[ArrowStream, "dict[str, list[Any]]"]
"""A frame of any library, or columns as lists."""


class Table:
    """A table that any library of frames takes without a copy.

    >>> import footpath as fp
    >>> kg = fp.import_frames(
    ...     interactions={"user_id": ["ann", "bob"], "item_id": ["alien", "alien"]},
    ...     triples={"head": ["alien"], "relation": ["directed_by"], "tail": ["scott"]},
    ...     split="none",
    ... )
    >>> neighbours = kg.neighbours("item:alien", "directed_by")
    >>> len(neighbours), neighbours.columns
    (1, ['node', 'relation', 'neighbour', 'label', 'weight'])
    >>> neighbours[0]["neighbour"]
    'entity:scott'
    """

    def __init__(self, native: _native.Batches) -> None:
        self._batches = native

    def _table(self) -> _native.Batches:
        return self._batches

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The table as an Arrow stream in a PyCapsule."""
        return self._table().__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return len(self._table())

    @property
    def columns(self) -> list[str]:
        """The names of the columns.

        >>> import footpath as fp
        >>> fp.Kg(films).nodes().columns
        ['node', 'type', 'label']
        """
        return self._table().columns()

    def __getitem__(self, row: int) -> dict[str, Any]:
        """A row, by the names of the columns; negative numbers count from the end."""
        return self._table().row(row + len(self) if row < 0 else row)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        table = self._table()
        return (table.row(row) for row in range(len(table)))

    def to_dicts(self) -> list[dict[str, Any]]:
        """All rows, each by the names of the columns.

        >>> import footpath as fp
        >>> fp.Kg(films).neighbours("item:alien-1979", "directed_by").to_dicts()[0]["label"]
        'Ridley Scott'
        """
        return list(self)

    def to_polars(self) -> polars.DataFrame:
        """The table as a frame of polars.

        >>> import footpath as fp
        >>> fp.Kg(films).neighbours("item:alien-1979", "directed_by").to_polars().shape
        (1, 5)
        """
        import polars

        return polars.DataFrame(self)

    def to_pandas(self) -> pandas.DataFrame:
        """The table as a frame of pandas: through pyarrow, or row by row where that is not installed.

        >>> import footpath as fp
        >>> fp.Kg(films).neighbours("item:alien-1979", "directed_by").to_pandas().shape
        (1, 5)
        """
        import pandas

        try:
            import pyarrow
        except ImportError:
            return pandas.DataFrame(self.to_dicts(), columns=pandas.Index(self.columns))
        frame: pandas.DataFrame = pyarrow.table(self).to_pandas()
        return frame

    def to_pyarrow(self) -> pyarrow.Table:
        """The table as one of pyarrow.

        >>> import footpath as fp
        >>> fp.Kg(films).neighbours("item:alien-1979", "directed_by").to_pyarrow().num_rows
        1
        """
        import pyarrow

        return pyarrow.table(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)} rows: {', '.join(self.columns)}>"

    def _repr_html_(self) -> str:
        return _views.table(self.columns, [self[row] for row in range(min(len(self), 10))], len(self))


def stream_of(name: str, frame: Frame) -> ArrowStream:
    """A frame as something with an Arrow stream; `name` is what to call it in messages.

    Raises `UsageError` for what is no frame.
    """
    collect: Any = getattr(frame, "collect", None)
    if collect is not None and hasattr(frame, "collect_schema"):
        # A lazy frame of polars.
        frame = collect()
    _refuse_twice(name, column_names(frame))
    if isinstance(frame, ArrowStream):
        return _aligned(frame)
    if isinstance(frame, dict):
        return _of_columns(name, frame)
    raise UsageError(
        f"{name}: {type(frame).__name__} is no frame; give one of pandas, polars, pyarrow or duckdb, or a dict of lists"
    )


def _aligned(frame: Any) -> ArrowStream:
    """A table of pyarrow whose numbers stand where a processor reads them: what came over a network may not, and is
    copied."""
    pyarrow: Any = sys.modules.get("pyarrow")
    given: ArrowStream = frame
    if pyarrow is None or not isinstance(frame, (pyarrow.Table, pyarrow.RecordBatch)):
        return given
    table: Any = frame if isinstance(frame, pyarrow.Table) else pyarrow.Table.from_batches([frame])
    chunks = [chunk for column in table.columns for chunk in column.chunks]
    if all(buffer is None or buffer.address % 8 == 0 for chunk in chunks for buffer in chunk.buffers()):
        return given
    columns = []
    for column in table.columns:
        # Arrays are copied when they are put together.
        nothing = pyarrow.array([], column.type)
        copied = [pyarrow.concat_arrays([chunk, nothing]) for chunk in column.chunks]
        columns.append(pyarrow.chunked_array(copied, column.type))
    copy: ArrowStream = pyarrow.table(columns, schema=table.schema)
    return copy


def column_names(frame: object) -> list[str]:
    """The names of the columns of a frame, as far as it tells."""
    # What pyarrow calls columns are their values.
    names: Any = getattr(frame, "column_names", None) or getattr(frame, "columns", None)
    return [] if names is None or callable(names) else [str(name) for name in names]


def _refuse_twice(name: str, columns: list[str]) -> None:
    for column in columns:
        if columns.count(column) > 1:
            raise InputError(f"{name}: two columns are named `{column}`; rename one")


def _of_columns(name: str, columns: dict[str, list[Any]]) -> ArrowStream:
    lengths = {column: len(values) for column, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(f"{name}: columns of different lengths: {lengths}")
    try:
        import pyarrow
    except ImportError:
        pass
    else:
        try:
            table: ArrowStream = pyarrow.table(columns)
        except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError) as error:
            raise InputError(f"{name}: {error}") from error
        return table
    try:
        import polars
    except ImportError:
        raise UsageError(f"{name}: lists become a frame with pyarrow or polars; install one of them") from None
    frame: ArrowStream = polars.DataFrame(columns)
    return frame
