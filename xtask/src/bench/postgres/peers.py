"""Runs one peer; the last line printed is JSON: its seconds alone, and the rows it counted."""
import json
import sys
import time

peer, url, *args = sys.argv[1:]


def connectorx(query, key, parts):
    import connectorx as cx
    import pyarrow  # noqa: F401  its import is not the peer's work

    start = time.monotonic()
    ranges = {"partition_on": key, "partition_num": int(parts)} if int(parts) > 1 else {}
    table = cx.read_sql(url, query, return_type="arrow", **ranges)
    return start, len(table)


def adbc(query):
    import adbc_driver_postgresql.dbapi as dbapi

    start = time.monotonic()
    with dbapi.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return start, sum(len(batch) for batch in cursor.fetch_record_batch())


def duck(threads):
    import duckdb
    from duckdb_extensions import import_extension

    import_extension("postgres_scanner")
    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}; SET TimeZone = 'UTC'; LOAD postgres_scanner")
    return connection


def duckdb_arrow(threads, query):
    import pyarrow  # noqa: F401

    connection = duck(threads)
    start = time.monotonic()
    connection.execute(f"ATTACH '{url}' AS db (TYPE postgres, READ_ONLY)")
    reader = connection.execute(query).to_arrow_reader(100_000)
    return start, sum(len(batch) for batch in reader)


def duckdb_copy(threads, statement):
    connection = duck(threads)
    start = time.monotonic()
    connection.execute(f"ATTACH '{url}' AS db (TYPE postgres, READ_ONLY)")
    return start, connection.execute(statement).fetchone()[0]


def duckdb_value(statement):
    """A count of a file, to check what others wrote."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return time.monotonic(), connection.execute(statement).fetchone()[0]


def adbc_ingest(path, key):
    import adbc_driver_postgresql.dbapi as dbapi
    import pyarrow as pa
    import pyarrow.parquet as pq

    start = time.monotonic()
    file = pq.ParquetFile(path)
    batches = file.iter_batches(batch_size=65_536)
    reader = pa.RecordBatchReader.from_batches(file.schema_arrow, batches)
    with dbapi.connect(url) as connection, connection.cursor() as cursor:
        if not key:
            rows = cursor.adbc_ingest("ingested", reader, mode="create")
        else:
            rows = cursor.adbc_ingest("ingested", reader, mode="create", temporary=True)
            names = file.schema_arrow.names
            types = {"uid": "::uuid", "meta": "::jsonb", "amount": "::numeric(12,2)"}
            cells = ", ".join(name + types.get(name, "") for name in names)
            sets = ", ".join(f"{name} = EXCLUDED.{name}" for name in names if name != key)
            cursor.execute(
                f"INSERT INTO written ({', '.join(names)}) SELECT {cells} FROM ingested ON CONFLICT ({key}) DO UPDATE SET {sets}"
            )
        connection.commit()
        return start, rows


start, rows = globals()[peer](*args)
print(json.dumps({"seconds": time.monotonic() - start, "rows": rows}))
