package dev.oxbow.fdpassing.testing;

import io.netty.channel.epoll.Epoll;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.newsclub.net.unix.AFSocketType;
import org.newsclub.net.unix.AFUNIXDatagramSocket;

/**
 * Compares the open descriptors before and after each test. Closes may still be under way on
 * another thread when a test returns, so it looks again until they are done or time is up.
 */
public final class DescriptorLeakExtension
    implements BeforeAllCallback, BeforeEachCallback, AfterEachCallback {
  private static final ExtensionContext.Namespace NAMESPACE =
      ExtensionContext.Namespace.create(DescriptorLeakExtension.class);
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(5);
  private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

  /** Opens what the JDK and the libraries open once and keep for the life of the process. */
  private static final class Warm {
    static final boolean DONE = warm();

    private static boolean warm() {
      try (ServerSocketChannel server = ServerSocketChannel.open();
          SocketChannel client = SocketChannel.open();
          Selector selector = Selector.open();
          AFUNIXDatagramSocket unix =
              AFUNIXDatagramSocket.newInstance(AFSocketType.SOCK_SEQPACKET)) {
        server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        client.connect(server.getLocalAddress());
        return selector.isOpen() && !unix.isClosed() && Epoll.isAvailable();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  @Override
  public void beforeAll(ExtensionContext context) {
    if (!Warm.DONE) {
      throw new IllegalStateException("native epoll", Epoll.unavailabilityCause());
    }
  }

  @Override
  public void beforeEach(ExtensionContext context) {
    context.getStore(NAMESPACE).put("before", OpenDescriptors.now());
  }

  @Override
  public void afterEach(ExtensionContext context) {
    OpenDescriptors before = context.getStore(NAMESPACE).get("before", OpenDescriptors.class);
    if (before == null) {
      return;
    }
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    OpenDescriptors leaked = OpenDescriptors.now().minus(before);
    while (!leaked.isEmpty() && System.nanoTime() - deadline < 0) {
      LockSupport.parkNanos(POLL_NANOS);
      leaked = OpenDescriptors.now().minus(before);
    }
    if (!leaked.isEmpty()) {
      throw new AssertionError("descriptors leaked by this test: " + leaked);
    }
  }
}
