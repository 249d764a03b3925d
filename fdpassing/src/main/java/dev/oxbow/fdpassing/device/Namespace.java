package dev.oxbow.fdpassing.device;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * A network namespace without a name, network_namespaces(7). It lives as long as anything of it is
 * open, here or in another process.
 *
 * <p>A namespace is a property of a thread. So this object has a platform thread of its own, which
 * is in the namespace for life: whatever that thread opens (sockets, /dev/net/tun, netlink) or
 * reads (/proc/thread-self/net) belongs to the namespace, whoever uses it afterwards. Needs
 * CAP_SYS_ADMIN. Thread-safe.
 */
public final class Namespace implements AutoCloseable {
  private static final String OF_THREAD = "/proc/thread-self/ns/net";

  private final Descriptor descriptor;
  private final ExecutorService thread;

  /** Whether the thread is inside; known to that thread only. */
  private boolean inside;

  private Namespace(Descriptor descriptor) {
    this.descriptor = descriptor;
    this.thread =
        Executors.newSingleThreadExecutor(
            task -> {
              Thread made = new Thread(task, "namespace-" + descriptor.fd());
              made.setDaemon(true);
              return made;
            });
  }

  /**
   * Makes a namespace; nothing is in it but a loopback interface that is down. Takes milliseconds:
   * not on an event loop.
   *
   * @throws dev.oxbow.fdpassing.libc.LinuxException EPERM without CAP_SYS_ADMIN
   */
  public static Namespace open() {
    // unshare(2) acts on the thread that calls it, which must not serve anybody else afterwards.
    ExecutorService maker = Executors.newSingleThreadExecutor();
    try {
      return adopt(
          join(
              CompletableFuture.supplyAsync(
                  () -> {
                    Syscalls.unshare(Syscalls.CLONE_NEWNET);
                    return ofThread();
                  },
                  maker)));
    } finally {
      maker.shutdown();
    }
  }

  /**
   * Takes over a namespace.
   *
   * @param descriptor of its file in /proc or of a bind mount of that; owned by this object
   */
  public static Namespace adopt(Descriptor descriptor) {
    return new Namespace(descriptor);
  }

  /** The namespace that the calling thread is in. */
  public static Descriptor ofThread() {
    int flags = Syscalls.O_RDONLY | Syscalls.O_CLOEXEC;
    return Descriptor.adopt(Syscalls.open(OF_THREAD, flags, 0));
  }

  /** The namespace's descriptor, owned by this object. */
  public Descriptor descriptor() {
    return descriptor;
  }

  /**
   * Runs a task on the thread that is inside; tasks run one after another. Fails with what the task
   * throws, or with {@link dev.oxbow.fdpassing.libc.LinuxException} {@code setns} without running
   * it: EINVAL when the descriptor is of no network namespace, EPERM without CAP_SYS_ADMIN.
   */
  public <T> CompletableFuture<T> submit(Callable<T> task) {
    CompletableFuture<T> result = new CompletableFuture<>();
    thread.execute(
        () -> {
          try {
            enter();
            result.complete(task.call());
          } catch (Throwable e) {
            // Of whatever kind: somebody waits for it, and the thread goes on.
            result.completeExceptionally(e);
          }
        });
    return result;
  }

  private void enter() {
    if (!inside) {
      Syscalls.setns(descriptor.fd(), Syscalls.CLONE_NEWNET);
      inside = true;
    }
  }

  /**
   * Runs a task on the thread that is inside and waits for what it returns. Not on an event loop.
   *
   * @throws CompletionException with the cause, where that is checked
   */
  public <T> T call(Callable<T> task) {
    return join(submit(task));
  }

  private static <T> T join(CompletableFuture<T> future) {
    try {
      return future.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw e;
    }
  }

  /** Closes the descriptor; the thread ends after the tasks that it has. */
  @Override
  public void close() {
    if (!thread.isShutdown()) {
      thread.execute(descriptor::close);
      thread.shutdown();
    }
  }
}
