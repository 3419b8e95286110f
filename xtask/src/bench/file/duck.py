"""Runs SQL statements in DuckDB; the last line printed is JSON: seconds of the last statement alone, and its rows."""
import json
import sys
import time

import duckdb

connection = duckdb.connect()
*settings, statement = sys.argv[1:]
for setting in settings:
    connection.execute(setting)
start = time.monotonic()
rows = connection.execute(statement).fetchall()
seconds = time.monotonic() - start
print(json.dumps({"seconds": seconds, "rows": [[str(cell) for cell in row] for row in rows]}))
