import dev.oxbow.codecs.ip.PacketView;
import dev.oxbow.codecs.offload.Coalescer;
import dev.oxbow.codecs.offload.Segmenter;
import dev.oxbow.codecs.offload.VirtioNetHeader;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.NativeMemory;
import dev.oxbow.fdpassing.libc.Sockets;
import dev.oxbow.fdpassing.libc.Vectors;
import java.nio.ByteBuffer;

/**
 * What a VPN client does with its tun, but for the encryption: cuts the kernel's super-packets into
 * messages of one packet, and joins the packets of messages for the kernel. One thread for each
 * direction. It loses nothing: when the other side is full, it waits.
 *
 * <p>usage: java -cp oxbow.jar Bridge.java TUN SOCKET MTU, both descriptors inherited and
 * non-blocking or not; the tun has IFF_VNET_HDR
 */
public final class Bridge {
  private static final int MESSAGES = 128;
  private static final int PACKETS = 16;
  private static final int HEAD_BYTES = 64;
  private static final int PACKET_BYTES = 65_535;
  private static final int STRIDE = HEAD_BYTES + PACKET_BYTES + 1;
  private static final int HEADER_BYTES = 256;

  private final int tun;
  private final int socket;
  private final int mtu;

  private Bridge(int tun, int socket, int mtu) {
    this.tun = tun;
    this.socket = socket;
    this.mtu = mtu;
  }

  public static void main(String[] args) throws InterruptedException {
    Bridge bridge =
        new Bridge(
            Integer.parseInt(args[0]), Integer.parseInt(args[1]), Integer.parseInt(args[2]));
    for (Runnable way : new Runnable[] {bridge::toSocket, bridge::toTun}) {
      Thread thread = new Thread(way);
      thread.setUncaughtExceptionHandler(
          (t, e) -> {
            System.err.println(t.getName() + ": " + e);
            Runtime.getRuntime().halt(1);
          });
      thread.start();
    }
  }

  private static void iovec(NativeMemory vector, int i, long address, long bytes) {
    vector.putLong(i * Vectors.IOVEC_BYTES, address);
    vector.putLong(i * Vectors.IOVEC_BYTES + 8, bytes);
  }

  private static void message(NativeMemory messages, int i, long iovecs, int count) {
    messages.putLong(i * Vectors.MMSGHDR_BYTES + Vectors.MMSG_IOVEC, iovecs);
    messages.putLong(i * Vectors.MMSGHDR_BYTES + Vectors.MMSG_IOVEC_COUNT, count);
  }

  private static void await(int fd, int events) {
    Sockets.poll(fd, events, -1);
  }

  private static IllegalStateException failed(String what, long n) {
    return new IllegalStateException(what, new LinuxException(what, (int) -n));
  }

  /** Messages that wait to be sent: super-packets in their area, headers of segments. */
  private final class Outbox {
    final NativeMemory area = NativeMemory.allocate(PACKETS * STRIDE);
    final ByteBuffer packets = area.view();
    private final NativeMemory headerArea = NativeMemory.allocate(MESSAGES * HEADER_BYTES);
    private final ByteBuffer headers = headerArea.view();
    private final NativeMemory vector = NativeMemory.allocate(2 * MESSAGES * Vectors.IOVEC_BYTES);
    private final NativeMemory messages = NativeMemory.allocate(MESSAGES * Vectors.MMSGHDR_BYTES);
    private final Segmenter segmenter = new Segmenter();
    private int waiting;

    Outbox() {
      for (int i = 0; i < MESSAGES; i++) {
        message(messages, i, vector.address() + 2L * i * Vectors.IOVEC_BYTES, 2);
      }
    }

    void add(PacketView packet, int segmentBytes) {
      if (segmenter.begin(packet, segmentBytes, mtu) != null) {
        throw new IllegalStateException("a packet that cannot be cut");
      }
      while (segmenter.hasNext()) {
        if (waiting == MESSAGES) {
          flush();
        }
        int at = waiting * HEADER_BYTES;
        int bytes = segmenter.nextHeader(headers, at);
        iovec(vector, 2 * waiting, headerArea.address() + at, bytes);
        long payload = area.address() + segmenter.payload();
        iovec(vector, 2 * waiting + 1, payload, segmenter.payloadLength());
        waiting++;
      }
    }

    void flush() {
      int done = 0;
      while (done < waiting) {
        long first = messages.address() + (long) done * Vectors.MMSGHDR_BYTES;
        int n = Vectors.sendmmsg(socket, first, waiting - done);
        if (n == -Errno.EAGAIN) {
          await(socket, Sockets.POLLOUT);
        } else if (n < 0) {
          throw failed("sendmmsg", n);
        }
        done += Math.max(0, n);
      }
      waiting = 0;
    }
  }

  private void toSocket() {
    Outbox outbox = new Outbox();
    NativeMemory vector = NativeMemory.allocate(Vectors.IOVEC_BYTES);
    PacketView packet = new PacketView();
    int place = 0;
    while (true) {
      int start = place * STRIDE + HEAD_BYTES;
      int header = start - VirtioNetHeader.BYTES;
      iovec(vector, 0, outbox.area.address() + header, VirtioNetHeader.BYTES + PACKET_BYTES);
      long n = Vectors.readv(tun, vector.address(), 1);
      if (n < 0 && n != -Errno.EAGAIN) {
        throw failed("readv", n);
      }
      if (n >= 0) {
        int bytes = (int) n - VirtioNetHeader.BYTES;
        if (packet.parse(outbox.packets, start, bytes) != null
            || VirtioNetHeader.apply(outbox.packets, header, packet) != null) {
          throw new IllegalStateException("the kernel's packet is malformed");
        }
        outbox.add(packet, VirtioNetHeader.segmentBytes(outbox.packets, header));
        place++;
      }
      if (n < 0 || place == PACKETS) {
        outbox.flush();
        place = 0;
      }
      if (n < 0) {
        await(tun, Sockets.POLLIN);
      }
    }
  }

  /** Room for messages that were received, one packet each. */
  private final class Inbox {
    private final int stride = HEAD_BYTES + mtu + 63 & ~63;
    private final NativeMemory area = NativeMemory.allocate(MESSAGES * stride);
    private final ByteBuffer packets = area.view();
    private final NativeMemory vector = NativeMemory.allocate(MESSAGES * Vectors.IOVEC_BYTES);
    private final NativeMemory pieces = NativeMemory.allocate(MESSAGES * Vectors.IOVEC_BYTES);
    private final NativeMemory messages = NativeMemory.allocate(MESSAGES * Vectors.MMSGHDR_BYTES);
    private final Coalescer coalescer = new Coalescer(packets, MESSAGES, false);
    private final PacketView packet = new PacketView();

    Inbox() {
      for (int i = 0; i < MESSAGES; i++) {
        iovec(vector, i, area.address() + (long) i * stride + HEAD_BYTES, mtu);
        message(messages, i, vector.address() + (long) i * Vectors.IOVEC_BYTES, 1);
      }
    }

    /** Messages, or EAGAIN negated. */
    int receive() {
      int n = Vectors.recvmmsg(socket, messages.address(), MESSAGES);
      if (n < 0 && n != -Errno.EAGAIN) {
        throw failed("recvmmsg", n);
      }
      return n;
    }

    /** Joins what was received. */
    void join(int count) {
      coalescer.reset();
      for (int i = 0; i < count; i++) {
        int bytes = messages.getInt(i * Vectors.MMSGHDR_BYTES + Vectors.MMSG_LENGTH);
        if (bytes == 0) {
          System.exit(0);
        }
        if (packet.parse(packets, i * stride + HEAD_BYTES, bytes) != null) {
          throw new IllegalStateException("a malformed packet of " + bytes + " bytes");
        }
        coalescer.add(packet);
      }
      coalescer.finish();
    }

    void write() {
      for (int group = 0; group < coalescer.groups(); group++) {
        int count = 0;
        for (int piece = coalescer.group(group); piece >= 0; piece = coalescer.next(piece)) {
          long address = area.address() + coalescer.position(piece);
          iovec(pieces, count++, address, coalescer.length(piece));
        }
        long n = Vectors.writev(tun, pieces.address(), count);
        if (n < 0) {
          throw failed("writev", n);
        }
      }
    }
  }

  private void toTun() {
    Inbox inbox = new Inbox();
    while (true) {
      int n = inbox.receive();
      if (n < 0) {
        await(socket, Sockets.POLLIN);
      } else {
        inbox.join(n);
        inbox.write();
      }
    }
  }
}
