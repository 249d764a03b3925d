package dev.oxbow.app.process;

import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.libc.Syscalls;
import dev.oxbow.service.runtime.KernelVersion;
import dev.oxbow.service.runtime.StartException;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;

/** A Vert.x on Netty's native epoll, or the reason why there can be none. */
public final class NativeVertx {

  private NativeVertx() {}

  /**
   * Refuses a machine that Oxbow cannot run on.
   *
   * @throws StartException naming the cause
   */
  public static void requireMachine() {
    KernelVersion.require(System.getProperty("os.name"), System.getProperty("os.version"));
    try {
      Syscalls.effectiveUid();
    } catch (LinkageError e) {
      throw new StartException(
          "The C library cannot be called (jnr-ffi unpacks its stub to java.io.tmpdir, which must"
              + " not be mounted noexec): "
              + root(e)
              + ".",
          e);
    }
    if (!DescriptorLoop.epollAvailable()) {
      throw new StartException(
          "Netty's native epoll is not available, which Oxbow cannot do without (Netty unpacks it"
              + " to java.io.tmpdir, which must not be mounted noexec): "
              + firstLine(DescriptorLoop.whyNoEpoll())
              + ".");
    }
  }

  /**
   * Makes a Vert.x.
   *
   * @param eventLoops 0 = one per processor
   * @throws StartException as {@link #requireMachine()} does
   */
  public static Vertx open(int eventLoops) {
    requireMachine();
    int loops = eventLoops > 0 ? eventLoops : Runtime.getRuntime().availableProcessors();
    return Vertx.vertx(
        new VertxOptions()
            .setPreferNativeTransport(true)
            .setEventLoopPoolSize(loops)
            .setFileSystemOptions(
                new FileSystemOptions()
                    .setFileCachingEnabled(false)
                    .setClassPathResolvingEnabled(false)));
  }

  private static String root(Throwable failure) {
    Throwable root = failure;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return firstLine(root.toString());
  }

  /** What jffi says has its stack trace in it. */
  private static String firstLine(String text) {
    return text.lines().findFirst().orElse("").strip();
  }
}
