"""Results of DuckDB -> pandas DataFrames, exact and in UTC.

* Integers stay integers: `int64`, or the nullable `Int64` where values are missing. A sum of integers, which
  DuckDB computes with 128 bits, too (it would come as a float); numbers beyond 64 bits stay Python integers.
* Booleans are the nullable `boolean`.
* Beside each time column of a case's table (`ts_ns`, `start_ns`, ...: integers, nanoseconds since 1970) stands
  the same time as a timezone-aware datetime under the name without `_ns` (`ts`, `start`, ...); where the table
  has a column of that name, under that name with `_utc`.
* Lists stay Python lists; a missing list is None.

**Known limitations**: DuckDB's DECIMAL becomes a float.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

_WIDE = {"HUGEINT", "UHUGEINT", "BIGNUM", "VARINT"}
_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}


def to_dataframe(
    relation: duckdb.DuckDBPyRelation, *, times: Iterable[str] = (), types: Sequence[str] = ()
) -> pd.DataFrame:
    """Return the rows of a relation as a DataFrame.

    Args:
        relation: what a query gives.
        times: columns that get a datetime beside them.
        types: what the columns are, if not what the relation says (times without the zone that they have).
    """
    import pandas as pd

    names, types = list(relation.columns), types or [str(kind) for kind in relation.types]
    if len(set(names)) < len(names) or any(kind in _WIDE for kind in types):
        rows = relation.fetchall()
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    else:
        arrays = relation.fetchnumpy()
        columns = [arrays[name] for name in names]
    wanted = set(times)
    labels: list[str] = []
    series: list[pd.Series[Any]] = []
    for name, kind, values in zip(names, types, columns, strict=True):
        labels.append(name)
        series.append(_series(kind, values))
        if name in wanted:
            label = name.removesuffix("_ns")
            labels.append(f"{label}_utc" if label in names else label)
            series.append(_datetimes(series[-1]))
    if not series:
        return pd.DataFrame()
    frame = pd.concat(series, axis=1, keys=range(len(series)))
    frame.columns = pd.Index(labels)
    return frame


def _series(kind: str, values: Any) -> pd.Series[Any]:
    """Return one column; values are a (masked) numpy array or a tuple of Python values."""
    import numpy as np
    import pandas as pd

    if kind in _INTEGERS or kind in _WIDE:
        return _integers(values)
    if kind == "BOOLEAN":
        data, missing = _parts(values, np.bool_, False)
        return pd.Series(pd.arrays.BooleanArray(data, missing))
    if kind in {"DOUBLE", "FLOAT"} or kind.startswith("DECIMAL"):
        data, missing = _parts(values, np.float64, np.nan)
        data[missing] = np.nan
        return pd.Series(data)
    if kind.startswith("TIMESTAMP") and not kind.endswith("]"):
        times = pd.DatetimeIndex(pd.to_datetime(_objects(values), utc=True))
        return pd.Series(times if kind.endswith("TIME ZONE") else times.tz_localize(None))
    objects = _objects(values)
    if kind == "VARCHAR" and int(pd.__version__.split(".")[0]) >= 3:
        return pd.Series(objects, dtype="str")
    return pd.Series(objects, dtype=object)


def _objects(values: Any) -> list[Any]:
    import numpy as np

    return [v.tolist() if isinstance(v, np.ndarray) else v for v in _listed(values)]


def _listed(values: Any) -> list[Any]:
    """Return Python values with None for what is missing; datetimes stay as numpy has them."""
    import numpy as np

    if isinstance(values, tuple):
        return list(values)
    data = np.ma.getdata(values)
    listed = list(data) if data.dtype.kind == "M" else data.tolist() if data.dtype != object else list(data)
    missing = np.ma.getmaskarray(values)
    return [None if gone else v for v, gone in zip(listed, missing.tolist(), strict=True)] if missing.any() else listed


def _parts(values: Any, dtype: Any, filler: Any) -> tuple[Any, Any]:
    """Return data and mask (True: missing) as arrays of their own."""
    import numpy as np

    if isinstance(values, tuple):
        missing = np.array([v is None for v in values], np.bool_)
        return np.array([filler if v is None else v for v in values], dtype), missing
    return np.ma.getdata(values).astype(dtype), np.ma.getmaskarray(values).copy()


def _integers(values: Any) -> pd.Series[Any]:
    import numpy as np
    import pandas as pd

    if isinstance(values, tuple) and any(v is not None and not -(1 << 63) <= v < 1 << 63 for v in values):
        return pd.Series(list(values), dtype=object)
    data, missing = _parts(values, np.int64, 0)
    if missing.any():
        data[missing] = 0
        return pd.Series(pd.arrays.IntegerArray(data, missing))
    return pd.Series(data)


def _datetimes(nanoseconds: pd.Series[Any]) -> pd.Series[Any]:
    import numpy as np
    import pandas as pd

    missing = nanoseconds.isna().to_numpy(np.bool_)
    values = nanoseconds.fillna(0).to_numpy(np.int64).astype("datetime64[ns]")
    values[missing] = np.datetime64("NaT", "ns")
    return pd.Series(values).dt.tz_localize("UTC")
