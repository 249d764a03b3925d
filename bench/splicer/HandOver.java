import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.fdpassing.message.Packet;
import dev.oxbow.fdpassing.message.PacketBuffer;
import dev.oxbow.fdpassing.message.PacketBuffer.Received;
import dev.oxbow.fdpassing.message.UnixSockets;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * How many short relays a service carries per second, and what each costs: hands over two sockets,
 * sends 1 KiB from one peer to the other, ends both directions, and takes both sockets back. The
 * sockets are made in batches before the clock starts, as many as the limit of open files allows;
 * everything after that is timed, including every close.
 *
 * <p>usage: java -cp oxbow.jar HandOver.java SOCKET unix|tcp SERVICE_PID DEPTH WARM_UP SECONDS
 *
 * <p>One thread, one control connection, up to DEPTH relays in flight. Runs WARM_UP relays that do
 * not count, then batches until SECONDS of timed work have passed, and prints one JSON object.
 */
public final class HandOver {
  private static final int BYTES = 1024;
  private static final int MAX_BATCH = 4000;
  private static final int DESCRIPTORS_PER_RELAY = 4;
  private static final int SPARE_DESCRIPTORS = 600;
  private static final int PATIENCE_MS = 10_000;
  private static final String INDEX = "\"metadata\":";

  private final Descriptor control;
  private final boolean tcp;
  private final int depth;
  private final PacketBuffer packets = new PacketBuffer();
  private final NativeMemory data = NativeMemory.allocate(2 * BYTES);
  private final Descriptor[][] given;
  private final int[][] peers;
  private int batches;

  private HandOver(Descriptor control, boolean tcp, int depth, int batch) {
    this.control = control;
    this.tcp = tcp;
    this.depth = depth;
    this.given = new Descriptor[batch][];
    this.peers = new int[batch][];
  }

  public static void main(String[] args) throws IOException {
    Path service = Path.of("/proc", args[2]);
    long room = Syscalls.descriptorLimit() - SPARE_DESCRIPTORS;
    int batch = (int) Math.min(MAX_BATCH, room / DESCRIPTORS_PER_RELAY);
    Descriptor control = UnixSockets.connect(Path.of(args[0]));
    HandOver bench =
        new HandOver(control, args[1].equals("tcp"), Integer.parseInt(args[3]), batch);
    bench.hello();
    for (int left = Integer.parseInt(args[4]); left > 0; left -= batch) {
      bench.prepare();
      bench.relayAll();
    }
    long limitNanos = Long.parseLong(args[5]) * 1_000_000_000L;
    long nanos = 0;
    long relays = 0;
    Cpu serviceCpu = new Cpu(service);
    Cpu clientCpu = new Cpu(Path.of("/proc/self"));
    while (nanos < limitNanos) {
      bench.prepare();
      serviceCpu.begin();
      clientCpu.begin();
      long began = System.nanoTime();
      bench.relayAll();
      nanos += System.nanoTime() - began;
      clientCpu.end();
      serviceCpu.end();
      relays += batch;
    }
    String report =
        String.format(
            Locale.ROOT,
            "{\"relays\":%d,\"relaysPerSecond\":%.0f,\"serviceMicrosPerRelay\":%.2f,"
                + "\"serviceJitMicrosPerRelay\":%.2f,\"clientMicrosPerRelay\":%.2f}",
            relays,
            relays * 1e9 / nanos,
            serviceCpu.nanos / 1e3 / relays,
            serviceCpu.jitNanos / 1e3 / relays,
            clientCpu.nanos / 1e3 / relays);
    System.out.println(report);
  }

  private void hello() {
    send("{\"op\":\"hello\",\"id\":0,\"app\":\"hand-over-" + ProcessHandle.current().pid() + "\"}");
    while (packets.receive(control.fd()) != Received.PACKET) {
      await(Sockets.POLLIN);
    }
    expect(packets.packet(), "\"ok\":true");
  }

  private void send(String json) {
    if (!packets.send(control.fd(), json.getBytes(StandardCharsets.UTF_8), List.of())) {
      throw new IllegalStateException("the control socket is full");
    }
  }

  private void await(int events) {
    if (Sockets.poll(control.fd(), events, PATIENCE_MS) == 0) {
      throw new IllegalStateException("the service said nothing for " + PATIENCE_MS + " ms");
    }
  }

  private static String expect(Packet packet, String part) {
    String text = new String(packet.bytes(), StandardCharsets.ISO_8859_1);
    if (!text.contains(part)) {
      throw new IllegalStateException("not what was expected: " + text);
    }
    return text;
  }

  /** Two pairs for each relay of the next batch: peer and a, b and peer. */
  private void prepare() {
    // A destination of its own for each batch, so that closed connections of earlier ones
    // (TIME_WAIT) do not use up the local ports.
    batches++;
    Descriptor listener =
        tcp ? listen((byte) (1 + batches / 250), (byte) (1 + batches % 250)) : null;
    for (int i = 0; i < given.length; i++) {
      long left = tcp ? tcpPair(listener.fd()) : unixPair();
      long right = tcp ? tcpPair(listener.fd()) : unixPair();
      given[i] = new Descriptor[] {Descriptor.adopt((int) left), Descriptor.adopt((int) right)};
      peers[i] = new int[] {(int) (left >>> 32), (int) (right >>> 32)};
    }
    if (listener != null) {
      listener.close();
    }
  }

  private static long unixPair() {
    return Sockets.socketpair(Sockets.AF_UNIX, Sockets.SOCK_STREAM);
  }

  private static Descriptor listen(byte third, byte fourth) {
    Descriptor listener =
        Descriptor.adopt(Sockets.socket(Sockets.AF_INET, Sockets.SOCK_STREAM));
    byte[] any = new byte[16];
    any[0] = Sockets.AF_INET;
    any[4] = 127;
    any[6] = third;
    any[7] = fourth;
    Sockets.bind(listener.fd(), any);
    Sockets.listen(listener.fd(), 16);
    return listener;
  }

  private static long tcpPair(int listener) {
    int one = Sockets.socket(Sockets.AF_INET, Sockets.SOCK_STREAM);
    Sockets.connect(one, Sockets.localAddress(listener));
    int two = Sockets.accept(listener);
    return ((long) two << 32) | one;
  }

  private void relayAll() {
    int sent = 0;
    int done = 0;
    while (done < given.length) {
      boolean full = false;
      while (sent < given.length && sent - done < depth && !full) {
        full = !handOver(sent);
        sent += full ? 0 : 1;
      }
      Received received = packets.receive(control.fd());
      while (received == Received.PACKET) {
        done += take(packets.packet());
        received = packets.receive(control.fd());
      }
      if (received == Received.NOTHING) {
        throw new IllegalStateException("the service closed the connection");
      }
      if (sent - done >= depth || full || sent == given.length) {
        if (done < given.length) {
          await(full ? Sockets.POLLIN | Sockets.POLLOUT : Sockets.POLLIN);
        }
      }
    }
  }

  private boolean handOver(int index) {
    String json =
        "{\"op\":\"splice\",\"id\":" + index + ",\"fds\":[\"a\",\"b\"],\"metadata\":" + index + "}";
    byte[] bytes = json.getBytes(StandardCharsets.ISO_8859_1);
    if (!packets.send(control.fd(), bytes, List.of(given[index]))) {
      return false;
    }
    given[index][0].close();
    given[index][1].close();
    data.putInt(0, index);
    int[] peer = peers[index];
    if (Sockets.send(peer[0], data.address(), BYTES, 0) != BYTES) {
      throw new IllegalStateException("a fresh socket did not take " + BYTES + " bytes");
    }
    Sockets.shutdown(peer[0], Sockets.SHUT_WR);
    Sockets.shutdown(peer[1], Sockets.SHUT_WR);
    return true;
  }

  /** 1 for the end of a relay, 0 for the answer to a request. */
  private int take(Packet packet) {
    if (packet.descriptors().isEmpty()) {
      expect(packet, "\"ok\":true");
      return 0;
    }
    String text = expect(packet, "\"reason\":\"eof\"");
    int index = number(text, text.indexOf(INDEX) + INDEX.length());
    int[] peer = peers[index];
    long n = Sockets.recv(peer[1], data.address() + BYTES, BYTES, Sockets.MSG_DONTWAIT);
    if (packet.descriptors().size() != 2 || n != BYTES || data.getInt(BYTES) != index) {
      throw new IllegalStateException("relay " + index + " brought " + n + " bytes: " + text);
    }
    Descriptor.closeAll(packet.descriptors());
    Syscalls.close(peer[0]);
    Syscalls.close(peer[1]);
    return 1;
  }

  private static int number(String text, int at) {
    int value = 0;
    for (int i = at; Character.isDigit(text.charAt(i)); i++) {
      value = 10 * value + text.charAt(i) - '0';
    }
    return value;
  }

  /** Time on the processor of all threads of a process, in nanoseconds, from schedstat. */
  private static final class Cpu {
    private final Path process;
    private long nanos;
    private long jitNanos;

    Cpu(Path process) {
      this.process = process;
    }

    void begin() throws IOException {
      add(-1);
    }

    void end() throws IOException {
      add(1);
    }

    private void add(int sign) throws IOException {
      try (DirectoryStream<Path> threads = Files.newDirectoryStream(process.resolve("task"))) {
        for (Path thread : threads) {
          try {
            String stat = Files.readString(thread.resolve("schedstat"));
            long spent = sign * Long.parseLong(stat.substring(0, stat.indexOf(' ')));
            nanos += spent;
            if (Files.readString(thread.resolve("comm")).contains("Compiler")) {
              jitNanos += spent;
            }
          } catch (NoSuchFileException e) {
            // A thread that has ended: what it used is not seen.
            continue;
          }
        }
      }
    }
  }
}
