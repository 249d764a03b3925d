package dev.oxbow.it.pair;

import dev.oxbow.codecs.ip.Checksum;
import dev.oxbow.codecs.ip.IpProtocol;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fish.session.EgressStage;
import dev.oxbow.it.process.OxbowProcess;
import dev.oxbow.service.testing.ControlPeer;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** One node of a pair: a namespace with a Fish in a process of its own, and its clients. */
final class Edge implements AutoCloseable {
  private static final int CLIENT = 0x0a00_0002;
  private static final int FIRST_CLIENT_PORT = 1_024;
  private static final int HEADERS = 28;

  final Namespace namespace = Namespace.open();
  private final String name;
  private final List<Descriptor> flows = new ArrayList<>();
  private @Nullable OxbowProcess process;
  private final List<ControlPeer> callers = new ArrayList<>();

  Edge(String name) {
    this.name = name;
  }

  /** The namespace's file, for whoever enters it. */
  static String file(Namespace namespace) {
    return "/proc/" + ProcessHandle.current().pid() + "/fd/" + namespace.descriptor().fd();
  }

  /** Starts the service; it does not serve yet. */
  void start(Path folder, String sections) throws IOException {
    process =
        OxbowProcess.start(
            folder,
            name,
            sections,
            OxbowProcess.builtJar(),
            List.of("nsenter", "--net=" + file(namespace)),
            Map.of("OXBOW_CACHE", Path.of("target", "cache").toAbsolutePath().toString()));
  }

  Edge awaitServing() {
    process().awaitServing();
    return this;
  }

  private ControlPeer connect(String app) {
    return ControlPeer.connect(process().runtimeDir().resolve("fish.sock")).hello(app, false);
  }

  private ControlPeer caller(String app) {
    ControlPeer made = connect(app);
    callers.add(made);
    return made;
  }

  OxbowProcess process() {
    return Objects.requireNonNull(process);
  }

  /** What the service says of its partner. */
  JsonObject pair() {
    return stats().getJsonObject("pair");
  }

  JsonObject stats() {
    // An app without sessions, to whom no event comes in between; the process may be another one.
    try (ControlPeer control = connect("counters")) {
      return control.stats();
    }
  }

  /** A counter of what the two have told one another of their connections. */
  int flows(String which) {
    return pair().getJsonObject("flows").getInteger(which);
  }

  /** What it knows of its partner. */
  String partner() {
    return pair().getJsonObject("flows").getString("partner");
  }

  /** Asks for the session of a stable name on a flow, which stays the caller's; the answer. */
  Opened open(String name, Descriptor flow) {
    ControlPeer caller = caller("proxy");
    JsonObject answer =
        caller.ask(
            "{\"op\":\"egress\",\"id\":1,\"fds\":[\"flow\"],\"address\":\""
                + PairWorld.BUSY
                + "\",\"ports\":\""
                + PairWorld.BUSY_PORTS
                + "\",\"resume\":\""
                + name
                + "\"}",
            flow);
    return new Opened(caller, answer);
  }

  /** Whoever asked for a session, and the answer. */
  record Opened(ControlPeer caller, JsonObject answer) {
    boolean isOpen() {
      return Boolean.TRUE.equals(answer.getBoolean("ok"));
    }

    int resumed() {
      return answer.getInteger("resumed");
    }
  }

  /** Sends a signal to whoever serves. */
  void signal(String name) throws IOException, InterruptedException {
    String pid = Long.toString(process().serving().pid());
    if (new ProcessBuilder("kill", "-" + name, pid).start().waitFor() != 0) {
      throw new AssertionError("kill -" + name);
    }
  }

  /** Ends as by a fault of the program; nothing of it is put back. */
  void kill() throws IOException {
    process().kill();
    Files.delete(process().runtimeDir().resolve("oxbow.pid"));
  }

  int blocks(String which) {
    return pair().getJsonObject("blocks").getInteger(which);
  }

  /** Opens a session; the end of its flow into which packets go. */
  Descriptor session(String address, String ports) {
    List<Descriptor> ends = EgressStage.packetPair();
    JsonObject answer =
        caller("clients-" + flows.size())
            .ask(
                "{\"op\":\"egress\",\"id\":1,\"fds\":[\"flow\"],\"address\":\""
                    + address
                    + "\",\"ports\":\""
                    + ports
                    + "\"}",
                ends.get(0));
    ends.get(0).close();
    if (!Boolean.TRUE.equals(answer.getBoolean("ok"))) {
      throw new AssertionError(answer.encode());
    }
    flows.add(ends.get(1));
    return ends.get(1);
  }

  /** Sends a datagram to the server from each of so many of a client's ports. */
  void send(Descriptor flow, int connections, int server, int serverPort) {
    byte[] text = name.getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    int length = HEADERS + text.length;
    NativeMemory memory = NativeMemory.allocate(length);
    ByteBuffer packet = ByteBuffer.allocate(length);
    packet.put(0, (byte) 0x45).putShort(2, (short) length).put(8, (byte) 64);
    packet.put(9, (byte) IpProtocol.UDP).putInt(12, CLIENT).putInt(16, server);
    packet.putShort(22, (short) serverPort).putShort(24, (short) (8 + text.length));
    packet.put(HEADERS, text);
    Checksum.fillHeader(packet, 0);
    for (int i = 0; i < connections; i++) {
      packet.putShort(20, (short) (FIRST_CLIENT_PORT + i));
      memory.putBytes(0, packet.array(), 0, length);
      Syscalls.write(flow.fd(), memory.address(), length);
    }
  }

  @Override
  public String toString() {
    return process == null ? name : name + ": " + process.log();
  }

  @Override
  public void close() {
    flows.forEach(Descriptor::close);
    callers.forEach(ControlPeer::close);
    if (process != null) {
      process.close();
    }
    namespace.close();
  }
}
