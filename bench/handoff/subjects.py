"""The programs that are replaced while they relay: each is started, replaced and stopped."""

import json
import os
import shutil
import signal
import socket
import sys
import time

from place import RELAY_ADDRESS, Failure, await_listener, descriptors, ended, tail, tree
from service import UPGRADE_SECONDS, Upgraded, gone_after

LISTEN = 21000
TARGET = 22000
BOTH_CORES = {0, 1}
_SPLICER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "splicer")


class Subject:
    name = ""
    # Whether more than one replacement can be measured: only if the old process goes.
    repeats = False

    def __init__(self, processes, network, folder):
        self.processes = processes
        self.network = network
        self.folder = folder
        self.process = None

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def launch(self, name, words, env=None):
        self.process = self.processes.start(name, words, core=BOTH_CORES, env=env)
        return self.process

    def await_relay(self):
        await_listener(self.network, "mid", RELAY_ADDRESS, LISTEN, self.process)

    def stop(self):
        if self.process:
            self.processes.stop(self.process)
            self.process = None


class Oxbow(Subject, Upgraded):
    """`oxbow run`, and the proxy of bench/splicer that hands sockets over."""

    name = "oxbow"
    repeats = True

    def __init__(self, processes, network, folder, java, fault=None):
        super().__init__(processes, network, folder)
        self.java = java
        self.fault = fault
        self.proxy = None
        self.runtime = os.path.join(folder, "run")

    def start(self):
        command = ""
        if self.fault:
            config = os.path.join(self.folder, "oxbow.yaml")
            words = ["env", "OXBOW_FAULT=" + self.fault] + self.java + ["run", "--config", config]
            command = "handoff:\n  command: " + json.dumps(words) + "\n"
        config = self.write("oxbow.yaml", f"""runtimeDir: {self.runtime}
quotas:
  relays: 9000
  descriptors: 20000
splicer: {{}}
{command}""")
        cache = {"XDG_CACHE_HOME": os.path.join(self.folder, "cache")}
        service = self.launch("oxbow", self.java + ["run", "--config", config], cache)
        deadline = time.monotonic() + 60
        while not os.path.exists(os.path.join(self.runtime, "oxbow.pid")):
            if ended(service) or time.monotonic() > deadline:
                raise Failure(f"oxbow run does not serve: {tail(service)}")
            time.sleep(0.02)
        route = f"{LISTEN}:{RELAY_ADDRESS}:{TARGET}"
        words = [sys.executable, os.path.join(_SPLICER, "proxy.py"),
                 os.path.join(self.runtime, "splicer.sock"), RELAY_ADDRESS, route]
        self.proxy = self.processes.start("proxy", words, core=BOTH_CORES)

    def await_archive(self, seconds=60):
        """Returns when the archive of classes is there, which the first process makes."""
        deadline = time.monotonic() + seconds
        while not archives(self.folder):
            if time.monotonic() > deadline:
                raise Failure("no archive of classes was made")
            time.sleep(0.1)

    def figures(self):
        """Of the process that serves now: descriptors and resident memory."""
        pid = self.pid
        with open(f"/proc/{pid}/status") as status:
            resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        return {"descriptors": descriptors(pid), "residentMiB": resident / 1024}

    def stop(self):
        if self.proxy:
            self.processes.stop(self.proxy)
            self.proxy = None
        if self.process:
            try:
                os.kill(self.pid, signal.SIGTERM)
                handle = os.pidfd_open(self.pid)
                gone_after([handle], time.monotonic(), 10)
                os.close(handle)
            except (FileNotFoundError, ProcessLookupError):
                pass
        super().stop()


def archives(folder):
    found = []
    for where, _, files in os.walk(os.path.join(folder, "cache")):
        found += [os.path.join(where, file) for file in files if file.endswith(".jsa")]
    return found


class HAProxy(Subject):
    """Master and worker; SIGUSR2 reloads, the new worker gets the listeners from the old (-x)."""

    def __init__(self, processes, network, folder, limit_seconds=None):
        super().__init__(processes, network, folder)
        self.limit = limit_seconds
        self.name = "haproxy" + (f", at most {limit_seconds} s" if limit_seconds else "")

    def start(self):
        limit = f" hard-stop-after {self.limit}s\n" if self.limit else ""
        config = self.write("haproxy.cfg", f"""global
 nbthread 2
 maxconn 4000
 stats socket {self.folder}/haproxy.sock mode 600 level admin expose-fd listeners
{limit}defaults
 mode tcp
 option splice-request
 option splice-response
 timeout connect 5s
 timeout client 1h
 timeout server 1h
listen l
 bind {RELAY_ADDRESS}:{LISTEN}
 server s {RELAY_ADDRESS}:{TARGET}
""")
        self.launch("haproxy", ["haproxy", "-W", "-db", "-f", config])

    def _workers(self):
        return [pid for pid in tree(self.process.pid) if pid != self.process.pid]

    def replace(self):
        old = self._workers()
        handles = [os.pidfd_open(pid) for pid in old]
        began = time.monotonic()
        os.kill(self.process.pid, signal.SIGUSR2)
        while not set(self._workers()) - set(old):
            if time.monotonic() > began + UPGRADE_SECONDS:
                raise Failure(f"no reload: {tail(self.process)}")
            time.sleep(0.001)
        decided = time.monotonic()
        gone = gone_after(handles, decided, (self.limit or 5) + 5)
        for handle in handles:
            os.close(handle)
        return {"seconds": decided - began, "goneSeconds": gone}


class Nginx(Subject):
    """USR2 starts the new program, WINCH ends the old workers, QUIT the old master."""

    def __init__(self, processes, network, folder, limit_seconds=None):
        super().__init__(processes, network, folder)
        self.limit = limit_seconds
        self.name = "nginx" + (f", at most {limit_seconds} s" if limit_seconds else "")

    def start(self):
        limit = f"worker_shutdown_timeout {self.limit}s;\n" if self.limit else ""
        config = self.write("nginx.conf", f"""load_module modules/ngx_stream_module.so;
user root;
worker_processes 2;
{limit}pid {self.folder}/nginx.pid;
error_log {self.folder}/nginx-error.log;
events {{ worker_connections 20000; }}
stream {{
 proxy_timeout 1h;
 server {{ listen {RELAY_ADDRESS}:{LISTEN} backlog=4096; proxy_pass {RELAY_ADDRESS}:{TARGET}; }}
}}
""")
        # As a daemon, since nginx refuses USR2 while its parent is the one that started it.
        words = f"{shutil.which('nginx')} -p /usr/share/nginx -c {config} && exec sleep 3600"
        self.launch("nginx", ["sh", "-c", words])

    def _master(self):
        with open(os.path.join(self.folder, "nginx.pid")) as file:
            return int(file.read())

    def replace(self):
        master = self._master()
        old = tree(master)
        handles = [os.pidfd_open(pid) for pid in old]
        began = time.monotonic()
        os.kill(master, signal.SIGUSR2)
        while True:
            try:
                if self._master() != master and len(tree(self._master())) > 1:
                    break
            except (FileNotFoundError, ValueError):
                pass
            if time.monotonic() > began + UPGRADE_SECONDS:
                raise Failure(f"no new nginx: {tail(self.process)}")
            time.sleep(0.001)
        os.kill(master, signal.SIGWINCH)
        os.kill(master, signal.SIGQUIT)
        decided = time.monotonic()
        gone = gone_after(handles, decided, (self.limit or 5) + 5)
        for handle in handles:
            os.close(handle)
        return {"seconds": decided - began, "goneSeconds": gone}

    def stop(self):
        if self.process:
            try:
                os.kill(self._master(), signal.SIGTERM)
            except (FileNotFoundError, ProcessLookupError):
                pass
        super().stop()
