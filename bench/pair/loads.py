"""The loads: each runs once and returns its figures by name."""

import json
import os
import select
import subprocess

from place import LOAD_CORE, SERVER_ADDRESS, Failure, tail
from session import JAR

HERE = os.path.dirname(os.path.abspath(__file__))
FISH = os.path.join(os.path.dirname(HERE), "fish")
READY_SECONDS = 60
ANSWER_SECONDS = 30
JAVA = ["java", "-XX:+UseSerialGC", "-Xmx256m", "-Xmn64m", "-XX:TieredStopAtLevel=1",
        "-Djava.net.preferIPv4Stack=true"]  # fmt: skip


def build(folder):
    """Compiles all of them."""
    classes = os.path.join(folder, "classes")
    words = ["javac", "-cp", JAR, "-d", classes, "-sourcepath", HERE + ":" + FISH]
    sources = [os.path.join(HERE, name + ".java") for name in ("Chats", "Births")]
    subprocess.run([*words, *sources], check=True, timeout=120)
    return classes


class Program:
    """A program that takes orders by lines and answers some of them with one."""

    def __init__(self, processes, classes, name, words, keep=()):
        self._processes = processes
        self._process = processes.start(
            name.lower(), [*JAVA, "-cp", JAR + ":" + classes, name, *map(str, words)],
            core=LOAD_CORE, stdout=subprocess.PIPE, stdin=subprocess.PIPE, keep=keep)

    def line(self, seconds=ANSWER_SECONDS):
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        line = self._process.stdout.readline().strip() if ready else ""
        if not line:
            raise Failure(f"the load says nothing: {tail(self._process)}")
        return line

    def say(self, order):
        self._process.stdin.write(order + "\n")
        self._process.stdin.flush()

    def ask(self, order):
        self.say(order)
        return json.loads(self.line())

    def close(self):
        self._processes.stop(self._process)


def chats(processes, network, classes, subject, port, count, new_per_second, period_ms):
    """Live connections through a subject; when all are there."""
    words = [network.path(subject.where), network.path("srv"), SERVER_ADDRESS, port, count,
             new_per_second, period_ms]  # fmt: skip
    program = Program(processes, classes, "Chats", words)
    if program.line(READY_SECONDS) != "ready":
        raise Failure("the connections are not there")
    return program
