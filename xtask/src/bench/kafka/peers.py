"""Runs one task; the last line printed is JSON: its seconds alone, and the rows it counted."""
import json
import os
import sys
import time
import urllib.request

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

task, brokers, *args = sys.argv[1:]


def create(topic, partitions):
    start = time.monotonic()
    # Its answers come as long as it lives.
    admin = AdminClient({"bootstrap.servers": brokers})
    for done in admin.create_topics([NewTopic(topic, int(partitions), 1)]).values():
        done.result()
    return start, 0, {}


def reader(topic, **more):
    consumer = Consumer({
        "bootstrap.servers": brokers, "group.id": "race", "enable.auto.commit": False, "isolation.level": "read_committed", **more
    })
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    return consumer, len(partitions)


def consume(topic, records):
    import orjson

    start = time.monotonic()
    consumer, _ = reader(topic)
    rows = 0
    while rows < int(records):
        for message in consumer.consume(10_000, timeout=5):
            orjson.loads(message.value())
            rows += 1
    return start, rows, {}


def visible(topic):
    """Records that a read_committed reader sees, to the end."""
    start = time.monotonic()
    consumer, partitions = reader(topic, **{"enable.partition.eof": True})
    rows = ended = 0
    while ended < partitions:
        for message in consumer.consume(10_000, timeout=5):
            ended += message.error() is not None
            rows += message.error() is None
    return start, rows, {}


def process(pid):
    """CPU seconds, and the peak of memory in MB, of a process so far."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/status") as file:
        peak = next(line for line in file if line.startswith("VmHWM"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(peak.split()[1]) / 1024


def debezium(connect, pid, topic, rows, config):
    """A snapshot, from the order to start it until all its records are in the topic."""
    config = json.loads(config)
    name = config["topic.prefix"]

    def call(method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{connect}/{path}", data, {"Content-Type": "application/json"}, method=method)
        urllib.request.urlopen(request, timeout=60).read()

    before, _ = process(pid)
    start = time.monotonic()
    call("PUT", f"connectors/{name}/config", config)
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "race"})
    there = 0
    while there < int(rows):
        if time.monotonic() - start > 300:
            sys.exit(f"{there} of {rows} records after five minutes")
        time.sleep(0.05)
        found = consumer.list_topics(timeout=10).topics.get(topic)
        partitions = found.partitions if found else []
        try:
            there = sum(consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=10)[1] for p in partitions)
        except KafkaException:
            continue  # The topic is just made: nobody leads it yet.
    seconds = time.monotonic() - start
    after, peak = process(pid)
    counted = visible(topic)[1]
    call("DELETE", f"connectors/{name}")
    return time.monotonic() - seconds, counted, {"cpu": after - before, "rss": peak}


start, rows, more = globals()[task](*args)
print(json.dumps({"seconds": time.monotonic() - start, "rows": rows, **more}))
