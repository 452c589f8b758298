# SPDX-License-Identifier: Apache-2.0
"""What the integration and fault tests share: the engine as a process, a real Kafka, a runner.

The environment (set by ./dev test): TIDEMARK_BUILD, TIDEMARK_BROKERS, TIDEMARK_BROKER_DIR, TIDEMARK_DEV,
TIDEMARK_SCOPE (quick | full | long). A test is a function test_*(ctx) that raises on failure; nothing is skipped.
No test depends on how fast the machine is: waits have generous ends and finish as soon as what they wait for is there.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("TIDEMARK_BUILD", os.path.join(TOP, "build")))
BROKERS = os.environ.get("TIDEMARK_BROKERS", "")
BROKER_DIR = os.environ.get("TIDEMARK_BROKER_DIR", "")
DEV = os.environ.get("TIDEMARK_DEV", os.path.join(TOP, "dev"))
SCOPE = os.environ.get("TIDEMARK_SCOPE", "full")
PATIENCE = 120.0 if "asan" not in BUILD and "tsan" not in BUILD else 300.0
EXAMPLES = os.path.join(TOP, "docs", "examples")
PLUGINS = os.path.join(BUILD, "docs", "examples", "fraud-score")


class Failure(Exception):
    """A test's assertion."""


def check(condition, *what):
    if not condition:
        raise Failure(" ".join(str(part) for part in what))


def equal(found, expected, what="value"):
    if found != expected:
        raise Failure(f"{what}: found {found!r}, expected {expected!r}")


def wait_for(condition, what, patience=None):
    """Polls until the condition answers something true, and answers that."""
    end = time.monotonic() + (patience or PATIENCE)
    while time.monotonic() < end:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.02)
    raise Failure(f"waited in vain for {what}")


class Engine:
    """One run of the program. Its stderr goes to a file, stdout too unless it is wanted as progress."""

    count = 0

    def __init__(self, ctx, pipeline, *args, env=None, stdin=None):
        Engine.count += 1
        self.ctx = ctx
        self.out_path = os.path.join(ctx.dir, f"engine-{Engine.count}.out")
        self.err_path = os.path.join(ctx.dir, f"engine-{Engine.count}.err")
        environment = dict(os.environ, TIDEMARK_PLUGIN_PATH=PLUGINS)
        environment.update(env or {})
        level = [] if "--log-level" in args else ["--log-level", "INFO"]
        command = [os.path.join(BUILD, "tidemark"), "run", pipeline, "--progress", "none", *level, *args]
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.process = subprocess.Popen(command, stdout=out, stderr=err, cwd=ctx.dir, env=environment,
                                            stdin=stdin or subprocess.DEVNULL)
        ctx.engines.append(self)

    @property
    def pid(self):
        return self.process.pid

    def err(self):
        with open(self.err_path, "rb") as file:
            return file.read().decode("utf-8", "replace")

    def out(self):
        with open(self.out_path, "rb") as file:
            return file.read().decode("utf-8", "replace")

    def running(self):
        return self.process.poll() is None

    def wait_started(self):
        """Until the first incarnation is up."""
        wait_for(lambda: "incarnation started" in self.err() or not self.running(), "the engine to start")
        check(self.running(), "the engine ended early:", self.err()[-2000:])
        return self

    def wait_said(self, text):
        wait_for(lambda: text in self.err() or not self.running(), f"the engine to say {text!r}")
        check(text in self.err(), f"the engine ended without saying {text!r}:", self.err()[-2000:])

    def kill(self):
        if self.running():
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, expect=0):
        """A clean stop; answers the exit code."""
        if self.running():
            self.process.send_signal(signal.SIGTERM)
        return self.wait(expect)

    def wait(self, expect=0, patience=None):
        try:
            code = self.process.wait(patience or PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait()
            raise Failure("the engine did not end: " + self.err()[-3000:]) from None
        if expect is not None and code != expect:
            raise Failure(f"exit code {code}, expected {expect}: {self.err()[-3000:]}")
        return code


class Context:
    """A test's folder, topics and engines."""

    count = 0

    def __init__(self, name):
        Context.count += 1
        self.name = name
        self.tag = f"{os.getpid()}-{Context.count}-{int(time.time() * 1000) % 100000000}"
        self.dir = tempfile.mkdtemp(prefix=f"tidemark-{name}.")
        self.engines = []

    def close(self, keep):
        for engine in self.engines:
            if engine.running():
                engine.kill()
        if keep:
            print(f"    kept: {self.dir}", flush=True)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def topic(self, name, partitions=1, brokers=None):
        """A new topic of this test."""
        topic = f"{name}-{self.tag}"
        topics("create", f"{topic}:{partitions}", brokers=brokers)
        return topic

    def run(self, pipeline, *args, **kwargs):
        return Engine(self, pipeline, *args, **kwargs)

    def tool(self, *args, expect=0, stdin=None):
        """Runs a verb to its end; answers (stdout, stderr)."""
        done = subprocess.run([os.path.join(BUILD, "tidemark"), *args], cwd=self.dir, input=stdin, timeout=PATIENCE,
                              env=dict(os.environ, TIDEMARK_PLUGIN_PATH=PLUGINS), capture_output=True, text=True,
                              check=False)
        if expect is not None and done.returncode != expect:
            raise Failure(f"tidemark {' '.join(args)}: exit {done.returncode}, expected {expect}: {done.stderr}")
        return done.stdout, done.stderr


def topics(*args, brokers=None):
    program = next(path for path in (os.path.join(BUILD, "test", "broker", "tidemark-topics"),
                                     os.path.join(BUILD, "tidemark-topics")) if os.path.exists(path))
    done = subprocess.run([program, brokers or BROKERS, *args], capture_output=True, text=True, timeout=PATIENCE, check=False)
    check(done.returncode == 0, "tidemark-topics", *args, done.stderr)
    return done.stdout


def producer(**extra):
    return Producer({"bootstrap.servers": BROKERS, "linger.ms": 0, "acks": "all", "enable.idempotence": True, **extra})


def produce(topic, records, partition=None):
    """records: (key, value) or (key, value, headers), as bytes or text."""
    client = producer()
    failed = []

    def report(err, _message):
        if err is not None:
            failed.append(err)

    for record in records:
        key, value, *headers = record
        extra = {} if partition is None else {"partition": partition}
        while True:
            try:
                client.produce(topic, value=value, key=key, headers=headers[0] if headers else None,
                               on_delivery=report, **extra)
                break
            except BufferError:
                client.poll(0.1)
        client.poll(0)
    left = client.flush(PATIENCE)
    check(left == 0 and not failed, f"could not produce: {left} left, {failed[:3]}")


class Reader:
    """Reads a topic from its beginning, as often as asked for more."""

    def __init__(self, topic, partitions=1):
        self.consumer = Consumer({"bootstrap.servers": BROKERS, "group.id": f"reader-{topic}-{time.time()}",
                                  "enable.auto.commit": False, "auto.offset.reset": "earliest",
                                  "fetch.wait.max.ms": 10})
        self.consumer.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
        self.records = []

    def more(self, seconds=0.05):
        message = self.consumer.poll(seconds)
        while message is not None:
            if message.error() is None:
                self.records.append(message)
            elif message.error().code() != KafkaError._PARTITION_EOF:
                raise Failure(f"reading failed: {message.error()}")
            message = self.consumer.poll(0)
        return self.records

    def until(self, count, what="records"):
        wait_for(lambda: len(self.more()) >= count, f"{count} {what}, got {len(self.records)}")
        return self.records

    def until_quiet(self, seconds=1.0):
        """Until nothing has come for a while."""
        last, seen = time.monotonic(), len(self.records)
        while time.monotonic() - last < seconds:
            self.more()
            if len(self.records) != seen:
                last, seen = time.monotonic(), len(self.records)
        return self.records

    def close(self):
        self.consumer.close()


def text(data):
    return None if data is None else data.decode("utf-8")


def header(message, name):
    for key, value in message.headers() or []:
        if key == name:
            return text(value)
    return None


def run_tests(module, only=None):
    """Runs the module's tests; prints a line each and the closing count. Answers the exit code."""
    tests = [(name, function) for name, function in module.items() if name.startswith("test_")]
    passed = failed = 0
    for name, function in tests:
        if only and not any(word in name for word in only):
            continue
        ctx = Context(name[5:])
        began = time.monotonic()
        good = False
        try:
            function(ctx)
            good = True
        except Exception as error:  # every failure is reported, the next test goes on
            print(f"FAIL {name}: {error}", flush=True)
            if not isinstance(error, Failure):
                traceback.print_exc()
        passed, failed = passed + good, failed + (not good)
        if good:
            print(f"ok   {name} ({time.monotonic() - began:.1f} s)", flush=True)
        ctx.close(keep=not good)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 0 if failed == 0 and passed > 0 else 1


def json_value(message):
    return json.loads(message.value())
