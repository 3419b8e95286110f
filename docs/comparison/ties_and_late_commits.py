#!/usr/bin/env python3
"""Ties and late commits: what each tool leaves out or repeats. Needs psql; the server is the one that PG* names.

    PGHOST=127.0.0.1 PGPORT=5432 PGUSER=postgres PGPASSWORD=... PGDATABASE=scratch \\
        python3 ties_and_late_commits.py --thyme thyme --faucet faucet --dlt-python venv/bin/python

The database is to be an empty one: the table `ev` is dropped and made anew for each case.
"""
import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

TABLE = """drop table if exists ev;
create table ev (id bigserial primary key, at timestamptz not null default now(), text text);
create index on ev (at, id);"""
TIE = "timestamptz '2026-01-01 06:00:00Z'"


def psql(sql):
    command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def url(scheme):
    env = os.environ
    user, password, port = env["PGUSER"], env["PGPASSWORD"], env.get("PGPORT", "5432")
    return f"{scheme}://{user}:{password}@{env['PGHOST']}:{port}/{env['PGDATABASE']}"


def lines(folder):
    files = sorted(path for path in folder.rglob("*.jsonl") if not path.name.startswith((".", "_")))
    return [json.loads(line)["id"] for path in files for line in path.read_text().splitlines() if line]


class Thyme:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        (folder / "ev.toml").write_text(f"""
[[pipeline]]
name = "ev"
cursor = "at"
every = "1s"
  [pipeline.source]
  type = "postgres"
  url = "{url('postgresql')}"
  table = "ev"
  [pipeline.sink]
  type = "file"
  path = "out"
  format = "jsonl"
""")

    def start(self):
        return subprocess.Popen([self.program, "run", "ev.toml", "--once"], cwd=self.folder, stderr=subprocess.DEVNULL)

    def ids(self):
        return lines(self.folder / "out")


class Faucet:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        (folder / "out").mkdir()
        (folder / "ev.yaml").write_text(f"""
version: 1
name: ev
pipeline:
  state:
    type: file
    config: {{ path: state }}
  source:
    type: postgres
    config:
      connection_url: "{url('postgres')}"
      query: "select id, at, text from ev"
      replication: {{ type: incremental, column: at, initial_value: "2000-01-01T00:00:00Z" }}
  sink:
    type: jsonl
    config: {{ path: out/ev.jsonl, append: true }}
""")

    def start(self):
        command = [self.program, "--log-level", "warn", "run", "ev.yaml"]
        return subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ids(self):
        return lines(self.folder / "out")


class Dlt:
    open = False

    def __init__(self, python, folder):
        self.python, self.folder = python, folder
        border = ', range_start="open"' if self.open else ""
        (folder / "ev.py").write_text(f"""
import dlt
from dlt.sources.sql_database import sql_table
rows = sql_table(credentials={url('postgresql+psycopg2')!r}, table="ev", incremental=dlt.sources.incremental("at"{border}))
out = dlt.destinations.filesystem(bucket_url="file://{folder}/out")
pipeline = dlt.pipeline("ev", destination=out, dataset_name="ev", pipelines_dir="{folder}/state")
pipeline.run(rows, write_disposition="append", loader_file_format="jsonl")
""")

    def start(self):
        env = os.environ | {"DATA_WRITER__DISABLE_COMPRESSION": "true", "RUNTIME__DLTHUB_TELEMETRY": "false"}
        return subprocess.Popen([self.python, "ev.py"], cwd=self.folder, env=env, stderr=subprocess.DEVNULL)

    def ids(self):
        return lines(self.folder / "out" / "ev" / "ev")


class DltOpen(Dlt):
    open = True


def sync(tool):
    if tool.start().wait(timeout=300) != 0:
        raise SystemExit(f"a run of {type(tool).__name__} failed")


def ties(tool):
    """7 rows with the same time as the 1,000 last ones that were read."""
    psql(TABLE)
    psql(f"insert into ev (at) select {TIE} - interval '1 min' from generate_series(1, 4000)")
    psql(f"insert into ev (at) select {TIE} from generate_series(1, 1000)")
    sync(tool)
    psql(f"insert into ev (at) select {TIE} from generate_series(1, 7)")
    sync(tool)


def many_ties(tool):
    """12,000 rows with one time, read, then a run with nothing new, then 7 more of them."""
    psql(TABLE)
    psql(f"insert into ev (at) select {TIE} from generate_series(1, 12000)")
    sync(tool)
    sync(tool)
    psql(f"insert into ev (at) select {TIE} from generate_series(1, 7)")
    sync(tool)


def late(tool, hold):
    """A transaction stamps its row by now() and commits after a later row was committed, and read by those who read it."""
    psql(TABLE)
    psql("insert into ev (text) select 'before' from generate_series(1, 10)")
    sync(tool)
    slow = subprocess.Popen(["psql", "-X", "-q"], stdin=subprocess.PIPE, text=True)
    slow.stdin.write("begin; insert into ev (text) values ('late');\n")
    slow.stdin.flush()
    time.sleep(1)
    psql("insert into ev (text) values ('in time')")
    run = tool.start()
    time.sleep(hold)
    slow.stdin.write("commit;\n")
    slow.stdin.close()
    if slow.wait() != 0 or run.wait(timeout=300) != 0:
        raise SystemExit(f"a run of {type(tool).__name__} failed")
    sync(tool)
    sync(tool)


def told(tool):
    times, all_ids = collections.Counter(tool.ids()), {int(n) for n in psql("select id from ev")}
    lost, repeated = len(all_ids - set(times)), sum(count - 1 for count in times.values())
    return ", ".join([f"{lost} lost" if lost else "none lost", f"{repeated} repeated" if repeated else "none repeated"])


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--thyme")
    args.add_argument("--faucet")
    args.add_argument("--dlt-python")
    args.add_argument("--hold", type=float, default=30, help="seconds for which the late transaction stays open")
    args = args.parse_args()
    tools = [("thyme", Thyme, args.thyme), ("faucet", Faucet, args.faucet), ("dlt", Dlt, args.dlt_python)]
    tools.append(('dlt, `range_start="open"`', DltOpen, args.dlt_python))
    cases = [ties, lambda tool: late(tool, args.hold), many_ties]
    print("| tool | 7 ties | a late commit | 12,000 ties |\n|---|---|---|---|")
    for name, make, program in tools:
        cells = []
        for case in cases if program else []:
            with tempfile.TemporaryDirectory() as folder:
                tool = make(os.path.abspath(program) if os.sep in program else program, pathlib.Path(folder))
                case(tool)
                cells.append(told(tool))
        if cells:
            print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
