package dev.oxbow.fish.partner;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** A link between two ends in one process, which can be cut: the double of a real one. */
public final class LocalLink implements PartnerLink, AutoCloseable {
  private static final int QUEUE = 10_000;

  private final Cable cable;
  private final Map<Kind, Listener> listeners = new EnumMap<>(Kind.class);
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(
          task -> {
            Thread made = new Thread(task, "local-link");
            made.setDaemon(true);
            return made;
          });
  private final AtomicLong underWay = new AtomicLong();
  private @Nullable LocalLink other;

  /** What both ends share; its lock orders all that happens. */
  private static final class Cable {
    private boolean up = true;

    /** Messages of an earlier one are lost with it. */
    private long number;
  }

  private LocalLink(Cable cable) {
    this.cable = cable;
  }

  /** The two ends of a link that is up. */
  public static LocalLink[] pair() {
    Cable cable = new Cable();
    LocalLink[] ends = {new LocalLink(cable), new LocalLink(cable)};
    ends[0].other = ends[1];
    ends[1].other = ends[0];
    return ends;
  }

  @Override
  public void listen(Kind kind, Listener listener) {
    synchronized (cable) {
      if (listeners.putIfAbsent(kind, listener) != null) {
        throw new IllegalStateException(kind + " has a listener");
      }
      if (cable.up) {
        thread.execute(listener::up);
      }
    }
  }

  @Override
  public boolean send(Kind kind, byte[] bytes) {
    if (bytes.length > MAX_BYTES) {
      throw new IllegalArgumentException("a message of " + bytes.length + " bytes");
    }
    synchronized (cable) {
      LocalLink to = other;
      if (!cable.up || to == null || to.underWay.get() >= QUEUE) {
        return false;
      }
      long sentOn = cable.number;
      to.underWay.incrementAndGet();
      to.thread.execute(() -> to.deliver(kind, bytes, sentOn));
      return true;
    }
  }

  private void deliver(Kind kind, byte[] bytes, long sentOn) {
    underWay.decrementAndGet();
    Listener listener;
    synchronized (cable) {
      listener = cable.number == sentOn ? listeners.get(kind) : null;
    }
    if (listener != null) {
      listener.received(bytes);
    }
  }

  /** Loses what is under way, and tells both ends. */
  public void cut() {
    synchronized (cable) {
      if (cable.up) {
        cable.up = false;
        cable.number++;
        tell(false);
      }
    }
  }

  /** Ends a {@link #cut()}. */
  public void heal() {
    synchronized (cable) {
      if (!cable.up) {
        cable.up = true;
        tell(true);
      }
    }
  }

  private void tell(boolean up) {
    for (LocalLink end : new LocalLink[] {this, other}) {
      end.listeners.values().forEach(each -> end.thread.execute(up ? each::up : each::down));
    }
  }

  @Override
  public boolean isUp() {
    synchronized (cable) {
      return cable.up;
    }
  }

  @Override
  public long lagNanos() {
    return 0;
  }

  /**
   * Cuts the link for good at this end, which is gone to the other; its thread ends. Idempotent.
   */
  @Override
  public void close() {
    synchronized (cable) {
      cut();
      LocalLink to = other;
      if (to != null) {
        to.other = null;
        to.listeners.values().forEach(each -> to.thread.execute(each::gone));
      }
      other = null;
      thread.shutdown();
    }
  }
}
