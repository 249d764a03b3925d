"""The relays that are compared. Each carries the same routes, on one core, with one worker."""

import os
import socket
import subprocess
import sys
import time

from place import LOAD_CORE, RELAY_ADDRESS, SERVER_ADDRESS, Failure, await_listener, ended, tail

HERE = os.path.dirname(os.path.abspath(__file__))

# What the server side listens on; a relay listens on its base plus the place in this list.
SERVICES = {"iperf": 5201, "redis": 6379, "idle": 7}


class Relay:
    """A relay that runs in `mid`. `pid` is of the process whose CPU time and memory count."""

    name = ""
    base = 0
    # Whether it starts a process per connection and leaves it to itself.
    forks = False

    def __init__(self, processes, network, folder):
        self.processes = processes
        self.network = network
        self.folder = folder
        self.process = None

    @property
    def title(self):
        """As it is called in the results."""
        return type(self).name

    def become(self, name):
        """A second one of its kind: files, ports and folder of its own."""
        self.name = name
        self.base += 5000
        self.folder = os.path.join(self.folder, name)
        os.makedirs(self.folder, exist_ok=True)

    @property
    def pid(self):
        return self.process.pid if self.process else None

    def target(self, service):
        """Address and port that a client connects to."""
        return RELAY_ADDRESS, self.base + list(SERVICES).index(service)

    def routes(self):
        for service, port in SERVICES.items():
            yield self.target(service)[1], port

    def start(self):
        self.process = self.launch()
        for port, _ in self.routes():
            await_listener(self.network, "cli", RELAY_ADDRESS, port, self.process)

    def launch(self):
        raise NotImplementedError

    def stop(self):
        if self.process:
            self.processes.stop(self.process)
            self.process = None

    def live_heap_bytes(self):
        """What a full collection leaves; 0 for what has no collected heap."""
        return 0

    def give_back(self):
        """Gives memory that nothing uses back to the kernel, where the allocator keeps some."""

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path


class Direct(Relay):
    """No relay: the kernel forwards packets."""

    name = "direct"

    def target(self, service):
        return SERVER_ADDRESS, SERVICES[service]

    def start(self):
        pass


class HAProxy(Relay):
    name = "haproxy"
    base = 21000

    def launch(self):
        listens = "".join(
            f"listen l{port}\n bind {RELAY_ADDRESS}:{port}\n server s {SERVER_ADDRESS}:{to}\n"
            for port, to in self.routes())
        config = self.write("haproxy.cfg", f"""global
 nbthread 1
 maxconn 6000
 tune.pipesize 1048576
defaults
 mode tcp
 option splice-request
 option splice-response
 timeout connect 5s
 timeout client 1h
 timeout server 1h
{listens}""")
        return self.processes.start(self.name, ["haproxy", "-db", "-f", config])


class Nginx(Relay):
    name = "nginx"
    base = 22000

    def launch(self):
        servers = "".join(
            f"server {{ listen {RELAY_ADDRESS}:{port} backlog=4096;"
            f" proxy_pass {SERVER_ADDRESS}:{to}; }}\n"
            for port, to in self.routes())
        config = self.write("nginx.conf", f"""load_module modules/ngx_stream_module.so;
daemon off;
user root;
worker_processes 1;
pid {self.folder}/nginx.pid;
error_log {self.folder}/nginx-error.log;
events {{ worker_connections 20000; }}
stream {{
 proxy_buffer_size 64k;
 proxy_timeout 1h;
 {servers}}}
""")
        words = ["nginx", "-p", "/usr/share/nginx", "-c", config]
        return self.processes.start(self.name, words)


class Socat(Relay):
    """One process per listener and one more per connection, so never one of thousands."""

    name = "socat"
    base = 23000
    forks = True

    def launch(self):
        # They end with their shell, even if that is killed.
        commands = [
            f"setpriv --pdeathsig KILL socat -b 262144 TCP-LISTEN:{port},bind={RELAY_ADDRESS},fork,reuseaddr,nodelay"
            f" TCP:{SERVER_ADDRESS}:{to},nodelay"
            for port, to in self.routes()]
        return self.processes.start(self.name, ["sh", "-c", " & ".join(commands) + " & wait"])


class Splicer(Relay):
    """`oxbow run` on the relay core, and the proxy that hands sockets over on the load core."""

    name = "splicer"
    base = 24000

    def __init__(self, processes, network, folder, launcher, java_options=""):
        super().__init__(processes, network, folder)
        self.launcher = launcher
        self.java_options = java_options
        self.proxy = None

    @property
    def runtime(self):
        return os.path.join(self.folder, "run")

    @property
    def socket(self):
        return os.path.join(self.runtime, "splicer.sock")

    def launch(self):
        config = self.write("oxbow.yaml", f"""runtimeDir: {self.runtime}
quotas:
  relays: 8000
  descriptors: 18000
  mailboxEvents: 10000
splicer:
  loops: 1
""")
        words = [self.launcher, "run", "--config", config]
        options = f"{os.environ.get('OXBOW_JAVA_OPTS', '')} {self.java_options}"
        service = self.processes.start(self.name, words, env={"OXBOW_JAVA_OPTS": options})
        self.await_socket(service)
        routes = [f"{port}:{SERVER_ADDRESS}:{to}" for port, to in self.routes()]
        words = [sys.executable, os.path.join(HERE, "proxy.py"), self.socket, RELAY_ADDRESS]
        self.proxy = self.processes.start("proxy", words + routes, core=LOAD_CORE)
        return service

    def await_socket(self, service):
        deadline = time.monotonic() + 30
        while True:
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
                try:
                    probe.connect(self.socket)
                    return
                except OSError:
                    if ended(service) or time.monotonic() > deadline:
                        raise Failure(f"oxbow run does not serve: {tail(service)}") from None
            time.sleep(0.05)

    def stop(self):
        if self.proxy:
            self.processes.stop(self.proxy)
            self.proxy = None
        super().stop()

    def give_back(self):
        """The compilers' memory: pooled by the JVM for up to 5 s, then by malloc."""
        time.sleep(6)
        words = ["jcmd", str(self.pid), "System.trim_native_heap"]
        subprocess.run(words, capture_output=True, timeout=60, check=True)

    def live_heap_bytes(self):
        words = ["jcmd", str(self.pid), "GC.class_histogram"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        total = [line.split() for line in done.stdout.splitlines() if line.startswith("Total")]
        if not total:
            raise Failure("jcmd GC.class_histogram: " + (done.stderr or done.stdout)[-300:])
        return int(total[0][2])


class Forward(Relay):
    """`oxbow forward`: accepts, connects and relays in one process."""

    name = "forward"
    base = 25000

    def __init__(self, processes, network, folder, launcher):
        super().__init__(processes, network, folder)
        self.launcher = launcher

    def launch(self):
        words = [self.launcher, "forward"]
        for port, to in self.routes():
            words += ["--listen", f"{RELAY_ADDRESS}:{port}", "--to", f"{SERVER_ADDRESS}:{to}"]
        return self.processes.start(self.name, words)
